"""What is measured on the surfaces of a room: how light it is, and its windows."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image.array import Image, check_rgb
from serving.photos.tags.facts import Surfaces

Mask = NDArray[np.bool_]
Measures = dict[str, float | None]
LOOK_SIDE = 512  # px of the long side of what is measured
_LEAST_SHARE = 0.01  # of the photo that a surface has to cover to be measured


def look_side(width: int, height: int) -> int:
    """Return the `min_side` to decode with, so that the long side keeps LOOK_SIDE px."""
    return max(1, round(LOOK_SIDE * min(width, height) / max(width, height)))


def shrink(photo: Image) -> Image:
    """Return the photo with a long side of at most LOOK_SIDE px."""
    check_rgb(photo)
    height, width = photo.shape[:2]
    scale = LOOK_SIDE / max(height, width)
    if scale >= 1:
        return photo
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)


def measure_surfaces(look: Image, surfaces: Surfaces) -> Measures:
    """Return all measures by name; None where too little of the surface is seen.

    `window_light` and `room_light` are means of lightness (CIELAB), 0..1, `largest_window` a share
    of the photo.

    Parameters
    ----------
    look : of `shrink`
    surfaces : of the same photo
    """
    height, width = look.shape[:2]
    ids = cv2.resize(surfaces.ids, (width, height), interpolation=cv2.INTER_NEAREST)
    seen = Surfaces(np.asarray(ids, np.uint8), surfaces.classes, surfaces.shares)
    light = cv2.cvtColor(look.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 0] / 100
    return {
        "window_light": _mean(light, seen.mask(("window",))),
        "room_light": _mean(light, seen.mask(("wall", "ceiling", "floor"))),
        "largest_window": _largest(seen.mask(("window", "curtain"))),
    }


def _mean(values: NDArray[Any], mask: Mask) -> float | None:
    if mask.mean() < _LEAST_SHARE:
        return None
    return round(float(values[mask].mean()), 4)


def _largest(mask: Mask) -> float | None:
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, 4]
    return round(float(areas.max() / mask.size), 4) if len(areas) else 0.0
