"""Works on a photo a strip at a time: what is held beside it does not grow with it."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image.array import Image

Floats = NDArray[np.float32]
PIXELS = 2**18  # of a strip: its planes of float32 stay in a core's cache, which halves the time
_MARGINS = 16  # rows of a strip for each row of its margin, which is worked on twice
_GRID = 32  # rows: strips begin where blocks of the whole photo and of its half do


def by_strips(photo: Image, work: Callable[[Image, int], Image], margin: int = 0) -> Image:
    """Return a new photo, made a strip at a time.

    Parameters
    ----------
    photo : uint8, shape (height, width, 3); not changed
    work : is given rows with `margin` more above and below where there are any, and the number of
        the first; gives as many rows back
    """
    height, width = photo.shape[:2]
    rows = max(_GRID, _MARGINS * margin, PIXELS // width) // _GRID * _GRID
    made = np.empty_like(photo)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        first, last = max(0, top - margin), min(height, bottom + margin)
        done = work(photo[first:last], first)
        made[top:bottom] = done[top - first : done.shape[0] - (last - bottom)]
    return made


def stretch(plane: Floats, top: int, rows: int, size: tuple[int, int]) -> Floats:
    """Return some rows of a small plane stretched to a photo's size, bilinearly.

    Parameters
    ----------
    plane : shape (rows, columns) of the whole photo, small
    size : the photo's height and width
    """
    height, width = size
    y = (np.arange(top, top + rows, dtype=np.float32) + 0.5) * (plane.shape[0] / height) - 0.5
    first = int(np.clip(np.floor(y[0]), 0, plane.shape[0] - 1))
    last = int(np.clip(np.ceil(y[-1]), first, plane.shape[0] - 1)) + 1
    wide = cv2.resize(plane[first:last], (width, last - first), interpolation=cv2.INTER_LINEAR)
    wide = wide.reshape(last - first, width)
    below = np.clip(np.floor(y).astype(np.int64) - first, 0, last - first - 1)
    above = np.minimum(below + 1, last - first - 1)
    share = np.clip(y - first - below, 0, 1).astype(np.float32)[:, None]
    stretched: Floats = wide[below] * (1 - share) + wide[above] * share
    return stretched


def small_copy(photo: Image, longest: int) -> Image:
    """Return the photo no longer than `longest` px a side, averaged in area."""
    height, width = photo.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return photo
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
