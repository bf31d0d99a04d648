"""A photo in which faces and number plates cannot be told any more."""

from collections.abc import Sequence

import cv2
import numpy as np

from serving.image.array import Image
from serving.photos.privacy.cascades import Box
from serving.photos.privacy.find import PrivateArea

_AROUND = 0.2  # of a box's sides, hidden beside it: a cascade's box ends at chin and brow
# Cells along an area's longer side that are left of it. 5 and fewer tell no face: what is averaged
# away does not come back by sharpening, as it does from under a Gaussian whose width is known.
_CELLS = 5
_SOFT = 0.12  # of the shorter side, over which an area goes over into the photo


def blur_areas(photo: Image, areas: Sequence[PrivateArea], size: tuple[int, int]) -> Image:
    """Return the photo with each area reduced to a few cells; the very one where there are none.

    Parameters
    ----------
    photo : uint8 RGB, the whole photo at any scale; it is not changed
    size : (height, width) of the photo that the areas' boxes refer to
    """
    if not areas:
        return photo
    made = photo.copy()
    scale = photo.shape[1] / size[1], photo.shape[0] / size[0]
    for area in areas:
        _hide(made, area, scale)
    return made


def around(box: Box) -> Box:
    """Return a box with what is hidden beside it."""
    left, top, right, bottom = box
    across, down = _AROUND * (right - left), _AROUND * (bottom - top)
    return left - across, top - down, right + across, bottom + down


def _hide(made: Image, area: PrivateArea, scale: tuple[float, float]) -> None:
    left, top, right, bottom = around(area.box)
    x = round(left * scale[0]), round(right * scale[0])
    y = round(top * scale[1]), round(bottom * scale[1])
    columns = slice(max(0, x[0]), min(made.shape[1], max(x[1], x[0] + 1)))
    rows = slice(max(0, y[0]), min(made.shape[0], max(y[1], y[0] + 1)))
    part = made[rows, columns]
    if not part.size:
        return
    cell = max(1.0, max(part.shape[:2]) / _CELLS)
    few = max(1, round(part.shape[1] / cell)), max(1, round(part.shape[0] / cell))
    averaged = cv2.resize(part, few, interpolation=cv2.INTER_AREA)
    hidden = cv2.resize(averaged, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR)
    mask = _mask(part.shape[0], part.shape[1], round_=area.kind != "number plate")
    made[rows, columns] = np.rint(part * (1 - mask) + hidden * mask).astype(np.uint8)


def _mask(height: int, width: int, round_: bool) -> np.ndarray:
    """Return float32 (height, width, 1): 1 where the area is hidden, soft within its edge."""
    y = np.abs((np.arange(height, dtype=np.float32) + 0.5) / height * 2 - 1)[:, None]
    x = np.abs((np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1)[None]
    away = np.hypot(x, y) if round_ else np.maximum(x, y)
    return np.clip((1 - away) / (2 * _SOFT), 0, 1)[..., None]
