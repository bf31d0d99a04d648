"""Photos as arrays."""

import numpy as np
from numpy.typing import NDArray

from serving.errors import BadImage

Image = NDArray[np.uint8]


def check_rgb(image: Image) -> None:
    """Raise BadImage unless `image` is uint8 of shape (height, width, 3)."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise BadImage(f"expected uint8 RGB, got {image.dtype} of shape {image.shape}")


def as_stored(upright: Image, orientation: int) -> Image:
    """Return a view of an upright picture in which its rows lie as the file has them.

    Parameters
    ----------
    orientation : EXIF's, 1..8 (CIPA DC-008, 4.6.4 A); anything else counts as 1

    Examples
    --------
    >>> upright = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    >>> as_stored(upright, 6)[..., 0].tolist()
    [[2, 5], [1, 4], [0, 3]]
    """
    if orientation in (3, 4, 7, 8):
        upright = upright[::-1]
    if orientation in (2, 3, 6, 7):
        upright = upright[:, ::-1]
    return upright.transpose(1, 0, 2) if orientation in (5, 6, 7, 8) else upright


def make_upright(stored: Image, orientation: int) -> Image:
    """Return the picture turned as its EXIF orientation says, contiguous."""
    if orientation not in range(2, 9):
        return stored
    height, width, channels = stored.shape
    shape = (width, height) if orientation >= 5 else (height, width)
    upright = np.empty((*shape, channels), np.uint8)
    as_stored(upright, orientation)[:] = stored
    return upright
