"""What is true of a drawn view, as it lies beside its photo."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput

Floats = NDArray[np.float32]
FARTHEST_M = 65.0  # all that is farther, and the sky, counts as this far


@dataclass(frozen=True)
class Truth:
    """What is true of every pixel of a view.

    Attributes
    ----------
    depth_m : float32 (height, width), metres along the optical axis, at most FARTHEST_M
    planes : uint8 (height, width), numbers of flat parts of the room's shell, 0: none of them
    """

    depth_m: Floats
    planes: NDArray[np.uint8]


def read_truth(photo: Path) -> Truth:
    """Read the truth of a view by the file of its photo.

    Raises
    ------
    BadInput
        If its files are missing or damaged.
    """
    depth = cv2.imread(str(photo.with_name(f"{photo.stem}-depth.png")), cv2.IMREAD_UNCHANGED)
    planes = cv2.imread(str(photo.with_name(f"{photo.stem}-planes.png")), cv2.IMREAD_GRAYSCALE)
    if depth is None or planes is None or depth.dtype != np.uint16:
        raise BadInput(f"the truth beside '{photo}' cannot be read")
    metres = np.minimum(depth.astype(np.float32) / 1000, FARTHEST_M)
    return Truth(metres, np.asarray(planes, np.uint8))
