"""What is done to a photo, in which order and how strongly: the one place for it.

The order is the same for all: what was added last, noise, goes first; pixels are moved once, and
what that softens is sharpened after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from serving.photos.quality.parts import Part

Operation = Literal[
    "blur",  # of faces and number plates, where it is asked for alone
    "denoise",  # noise of the sensor
    "deblock",  # marks of compression
    "finish",  # light, contrast and colour by a model's curves
    "white_balance",
    "exposure",
    "contrast",  # haze
    "clarity",  # detail and shadows
    "straighten",
    "sharpen",
    "upscale",  # by a model, and where it is asked for alone
]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)  # in the order in which they are done
Preset = Literal["auto", "natural", "bright", "twilight", "learned", "straight", "none"]

LEARNED: Preset = "learned"  # the one that a model has a say in


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes
    ----------
    strength : 0..1 of what was measured to be wrong, or of the most that is done
    lift : stops of light beyond what the photo lacks, of `exposure`; shadows opened, of `clarity`
    """

    operation: Operation
    strength: float = 1.0
    lift: float = 0.0


PRESETS: Mapping[Preset, tuple[Step, ...]] = {
    # as it was, without faults of the camera
    "natural": (
        Step("denoise", 0.9),
        Step("deblock"),
        Step("white_balance", 0.8),
        Step("exposure", 0.8),
        Step("contrast", 0.6),
        Step("clarity", 0.3, lift=0.15),
        Step("straighten"),
        Step("sharpen", 0.3),
    ),
    # light and airy, as agents ask for interiors
    "bright": (
        Step("denoise", 0.9),
        Step("deblock"),
        Step("white_balance", 0.9),
        Step("exposure", 1.0, lift=0.25),
        Step("contrast", 0.7),
        Step("clarity", 0.4, lift=0.45),
        Step("straighten"),
        Step("sharpen", 0.4),
    ),
    # houses at dusk: the blue of the sky and the yellow of the windows are why it was taken
    "twilight": (
        Step("denoise"),
        Step("deblock"),
        Step("contrast", 0.5),
        Step("clarity", 0.4, lift=0.35),
        Step("straighten"),
        Step("sharpen", 0.3),
    ),
    # as a model has learned that photos of homes look
    "learned": (
        Step("denoise", 0.9),
        Step("deblock"),
        Step("finish"),
        Step("clarity", 0.3, lift=0.15),
        Step("straighten"),
        Step("sharpen", 0.3),
    ),
    "straight": (Step("straighten"),),
    "none": (),  # for what is asked for beside a preset
}

FAULTY = 70.0  # a part's score from which on it is left alone, as nothing is said of it
_BY_PART: Mapping[Part, tuple[Step, ...]] = {
    "noise": (Step("denoise"), Step("sharpen", 0.3)),
    "compression": (Step("deblock"),),
    "white_balance": (Step("white_balance"),),
    "exposure": (Step("exposure"),),
    "contrast": (Step("contrast"), Step("clarity", 0.3)),
    "sharpness": (Step("sharpen", 0.5),),
}


def plan(preset: Preset, parts: Mapping[Part, float] | None) -> tuple[Step, ...]:
    """Return what is to be done to a photo, in the order of OPERATIONS.

    Parameters
    ----------
    parts : scores of quality, 0..100, that `auto` decides by; None where no model judges photos:
        `auto` then looks at everything, and each operation at what it measures itself

    Examples
    --------
    >>> [step.operation for step in plan("auto", {"noise": 40.0, "exposure": 95.0})]
    ['denoise', 'straighten', 'sharpen']
    """
    if preset != "auto":
        return PRESETS[preset]
    wanted = {"straighten": Step("straighten")}  # it decides by itself, finer than the score
    for part, steps in _BY_PART.items():
        if parts is None and part in ("contrast", "sharpness"):
            continue  # no measure of ours tells mist from haze, or softness from silk
        if parts is None or parts.get(part, 100.0) < FAULTY:
            for step in steps:
                known = wanted.get(step.operation)
                if known is None or known.strength < step.strength:
                    wanted[step.operation] = step
    return tuple(wanted[name] for name in OPERATIONS if name in wanted)
