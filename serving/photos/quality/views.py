"""What quality is measured on: tiles as fine as the photo is, and a small picture of all of it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image.array import Image, check_rgb

MEASURED_SIDE = 1024  # px of the long side that a decoder has to keep
TILE_SIDE = 128  # px; 16 blocks of a JPEG
_ROWS, _COLUMNS = 3, 4  # of tiles at most: what a photo costs does not grow with its size
_OVERVIEW_SIDE = 200  # px of the long side: light and colour need no more
_LINES_SIDE = 640  # px of the long side, for the lines of walls


@dataclass(frozen=True)
class Views:
    """One photo as its measurements want it.

    Attributes
    ----------
    tiles : uint8, shape (tiles, TILE_SIDE, TILE_SIDE, 3), cut without resampling
    overview : uint8, shape (height, width, 3), at most 200 px long, averaged in area
    lines : uint8 luma, shape (height, width), at most 640 px long
    """

    tiles: NDArray[np.uint8]
    overview: Image
    lines: NDArray[np.uint8]


def make_views(photo: Image) -> Views:
    """Cut and reduce a photo.

    Noise, sharpness and compression live in single pixels, which averaging destroys: they are
    measured on tiles spread over the photo. Light and colour are measured on all of it, small.

    Raises
    ------
    BadImage
        Not uint8 RGB.
    """
    check_rgb(photo)
    lines = _reduce(photo, _LINES_SIDE)
    overview = _reduce(lines, _OVERVIEW_SIDE)
    return Views(_cut_tiles(photo), overview, cv2.cvtColor(lines, cv2.COLOR_RGB2GRAY))  # type: ignore[arg-type]


def decode_side(width: int, height: int) -> int:
    """Return the `min_side` to decode with: halved while the long side keeps MEASURED_SIDE.

    libjpeg reduces by 1/2, 1/4 and 1/8 exactly on its blocks, so that the grid of a JPEG stays.

    Examples
    --------
    >>> decode_side(1600, 1200), decode_side(4032, 3024), decode_side(448, 299)
    (1200, 1512, 299)
    """
    divisor = 1
    while divisor < 8 and max(width, height) >= 2 * divisor * MEASURED_SIDE:
        divisor *= 2
    return -(-min(width, height) // divisor)


def _reduce(photo: Image, side: int) -> Image:
    """Average whole squares of pixels: OpenCV is several times faster at it than at fractions."""
    height, width = photo.shape[:2]
    step = -(-max(height, width) // side)
    if step == 1:
        return photo
    size = (max(1, width // step), max(1, height // step))
    whole = photo[: size[1] * step, : size[0] * step]
    reduced: Image = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return reduced


def _cut_tiles(photo: Image) -> NDArray[np.uint8]:
    missing = [max(0, TILE_SIDE - side) for side in photo.shape[:2]]
    if any(missing):
        photo = np.pad(photo, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")
    rows, columns = _starts(photo.shape[0], _ROWS), _starts(photo.shape[1], _COLUMNS)
    return np.stack(
        [photo[y : y + TILE_SIDE, x : x + TILE_SIDE] for y in rows for x in columns], axis=0
    )


def _starts(side: int, most: int) -> list[int]:
    """Spread tiles evenly, each beginning on the grid of a JPEG's blocks."""
    count = min(most, side // TILE_SIDE)
    gap = (side - count * TILE_SIDE) / (count + 1)
    return [int(gap * (n + 1) + n * TILE_SIDE) // 8 * 8 for n in range(count)]
