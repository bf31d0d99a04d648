"""Brings what was done to a smaller copy of a photo to the photo itself.

Outside of what was changed every pixel stays the photo's own. Inside, what is new comes from the
copy, and what still shows the photo, such as a floor in a shadow, keeps the photo's detail.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image, check_rgb

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
WORK_PIXELS = 1_600_000
_STRIP_ROWS = 256  # of the photo at once: what is held beside it stays small


def work_size(height: int, width: int, pixels: int = WORK_PIXELS) -> tuple[int, int]:
    """Return the size (height, width) at which a photo is worked on: its own if it is small.

    Examples
    --------
    >>> work_size(1000, 1500), work_size(3000, 4000)
    ((1000, 1500), (1095, 1461))
    """
    scale = min(1.0, (pixels / (height * width)) ** 0.5)
    return max(1, round(height * scale)), max(1, round(width * scale))


def work_copy(photo: Image, pixels: int = WORK_PIXELS) -> Image:
    """Return a copy of at most so many pixels; the photo itself if it has no more."""
    height, width = work_size(photo.shape[0], photo.shape[1], pixels)
    if (height, width) == photo.shape[:2]:
        return photo
    small = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def carry(
    photo: Image, before: Image, after: Image, changed: Mask, new: Floats
) -> tuple[Image, Mask]:
    """Return the photo with what was done to its copy, and where it was changed.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3)
    before, after : uint8 (rows, columns, 3), the copy as it was and as it became
    changed : bool (rows, columns), where they may differ
    new : float32 (rows, columns), share of each pixel that no longer shows the photo, 0..1

    Returns
    -------
    uint8 (height, width, 3), bool (height, width)
        Pixels outside of the mask are the photo's, bit for bit.
    """
    check_rgb(photo)
    if before.shape == photo.shape:
        made = np.where(changed[..., None], after, photo)
        return made, np.asarray((made != photo).any(axis=2))
    made, mask = photo.copy(), np.zeros(photo.shape[:2], bool)
    for top in range(0, photo.shape[0], _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, photo.shape[0])
        part = _Part(before.shape[:2], photo.shape[:2], top, bottom)
        within = part.enlarge(changed.astype(np.float32)) > 1e-3
        if not within.any():
            continue
        old, now = (part.enlarge(picture.astype(np.float32)) for picture in (before, after))
        detail = photo[top:bottom] - old
        kept = 1 - part.enlarge(new)[..., None]
        value = np.clip(np.rint(now + kept * detail), 0, 255).astype(np.uint8)
        made[top:bottom] = np.where(within[..., None], value, photo[top:bottom])
        mask[top:bottom] = (made[top:bottom] != photo[top:bottom]).any(axis=2)
    return made, mask


class _Part:
    """Rows of a photo, and where their pixels lie in its smaller copy."""

    def __init__(
        self, small: tuple[int, ...], large: tuple[int, ...], top: int, bottom: int
    ) -> None:
        rows = (np.arange(top, bottom) + 0.5) * small[0] / large[0] - 0.5
        columns = (np.arange(large[1]) + 0.5) * small[1] / large[1] - 0.5
        self._x, self._y = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))

    def enlarge(self, values: Floats) -> Floats:
        """Return the values (rows, columns, ...) of the copy at the photo's pixels."""
        found = cv2.remap(
            values, self._x, self._y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(found, np.float32)
