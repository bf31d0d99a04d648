"""How large a room is: a camera's height in metres, from what has a usual size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from serving.staging.room import Box, Opening

# Heights in metres, and standard deviations of their logarithms with what it takes to measure them.
_CAMERA = (1.40, 0.14)
_CEILING = (2.50, 0.09)
_DOOR = (2.03, 0.07)
_USUAL_ABOVE = (0.5, 1.3)  # of a ceiling above the camera, in its heights; else it slopes
_DOOR_BETWEEN = (1.05, 2.1)  # heights of the camera
_AT_FLOOR = 0.12
_NARROW, _WIDE = 0.25, 0.75  # of a door leaf, in its height


@dataclass(frozen=True)
class Scale:
    """The height of the camera in metres.

    Attributes
    ----------
    deviation : standard deviation of its logarithm
    by : what told it, beside what is usual
    """

    height_m: float
    deviation: float
    by: tuple[str, ...]


def find_scale(box: Box, openings: Sequence[Opening]) -> Scale:
    """Return how high the camera stood, by the ceiling and doors of a room in its heights."""
    told: list[tuple[str, float, float]] = []
    above = box.height_m - 1
    if "ceiling" in box.seen and _USUAL_ABOVE[0] < above < _USUAL_ABOVE[1]:
        told.append(("ceiling", math.log(_CEILING[0] / box.height_m), _CEILING[1]))
    doors = [math.log(_DOOR[0] / door.top_m) for door in openings if _is_leaf(door)]
    if doors:
        told.append(("door", sorted(doors)[len(doors) // 2], _DOOR[1]))
    weight, total = 1 / _CAMERA[1] ** 2, math.log(_CAMERA[0]) / _CAMERA[1] ** 2
    for _, value, spread in told:
        weight, total = weight + 1 / spread**2, total + value / spread**2
    return Scale(math.exp(total / weight), weight**-0.5, tuple(name for name, _, _ in told))


def _is_leaf(opening: Opening) -> bool:
    """Say whether an opening is a door of one leaf that stands on the floor."""
    stands = opening.kind == "door" and opening.bottom_m < _AT_FLOOR
    slim = _NARROW < (opening.end_m - opening.start_m) / opening.top_m < _WIDE
    return stands and slim and _DOOR_BETWEEN[0] < opening.top_m < _DOOR_BETWEEN[1]
