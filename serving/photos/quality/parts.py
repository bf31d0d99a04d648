"""What a photo is scored on, and what the model says beside the scores."""

from typing import Literal, get_args

Part = Literal[
    "sharpness",
    "exposure",
    "contrast",
    "noise",
    "compression",
    "white_balance",
    "tilt",
    "resolution",
]
PARTS: tuple[Part, ...] = get_args(Part)  # in the order of the model's output `parts`

# In the order of its output `details`. Severities of 0..1 by cause; red and blue are the cast as
# log ratios to green.
CAUSES = (
    "blur", "motion", "under", "over", "contrast", "noise", "compression", "red", "blue", "upscale",
)  # fmt: skip
# Known without the model: the long side of the file in px, the lean in degrees (0 where the photo
# shows no verticals), and the severity of compression that the file's header admits.
KNOWN = ("long_side", "lean", "header_compression")
DETAILS = (*CAUSES, *KNOWN)
