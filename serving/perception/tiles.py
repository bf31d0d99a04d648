"""Cuts a photo into tiles that a model looks at, and makes one picture of what it says of them.

A tile shows some pixels more than those that are kept of it, on every side: as many as have a say
in them. The picture is then the same as of the whole photo at once, and what is held beside it is
that of a few tiles, however large the photo is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput, ModelFailed
from serving.image import Image, check_rgb

_PIXELS_AT_ONCE = 110_000  # of the tiles that a model is given together
Work = Callable[[Sequence[Image]], Sequence[Image]]


@dataclass(frozen=True)
class Tiling:
    """How a photo is cut.

    Attributes
    ----------
    height, width : of a tile, px, what it shows beside its own among them
    margin : what it shows beside its own, px on every side
    """

    height: int
    width: int
    margin: int

    def __post_init__(self) -> None:
        if self.margin < 0 or min(self.height, self.width) <= 2 * self.margin:
            raise BadInput(f"nothing is left of a tile of {self.height}x{self.width} px")

    @property
    def at_once(self) -> int:
        """Return how many tiles a model is given together."""
        return max(1, _PIXELS_AT_ONCE // (self.height * self.width))

    def windows(self, height: int, width: int) -> Iterator["Window"]:
        """Return where the tiles of a photo lie, those of a row together.

        All are of one size, so that they go through a model together: the last ones of a row and a
        column reach back over those before.
        """
        tops, own_height = _starts(height, self.height - 2 * self.margin)
        lefts, own_width = _starts(width, self.width - 2 * self.margin)
        for top, left in product(tops, lefts):
            yield Window(top, left, own_height, own_width, self.margin)


@dataclass(frozen=True)
class Window:
    """The pixels of a photo that one tile is for, and how much it shows around them."""

    top: int
    left: int
    height: int
    width: int
    margin: int

    def cut(self, photo: Image) -> Image:
        """Return the tile; beyond the photo's edge its last pixels are repeated."""
        rows = _around(self.top, self.height, self.margin, photo.shape[0])
        columns = _around(self.left, self.width, self.margin, photo.shape[1])
        return np.ascontiguousarray(photo[rows][:, columns])

    def put(self, made: Image, picture: Image, scale: int) -> None:
        """Write what became of the tile's own pixels to its place in the picture."""
        edge, height, width = (scale * n for n in (self.margin, self.height, self.width))
        top, left = scale * self.top, scale * self.left
        own = made[edge : edge + height, edge : edge + width]
        picture[top : top + height, left : left + width] = own


def by_tiles(photo: Image, scale: int, tiling: Tiling, work: Work) -> Image:
    """Return a new picture, `scale` times as large along a side, made some tiles at a time.

    Parameters
    ----------
    photo : uint8 RGB, shape (height, width, 3); not changed
    work : is given some tiles of one shape, and gives each back `scale` times as large

    Raises
    ------
    BadImage
        If it is not uint8 RGB.
    ModelFailed
        If what comes back is of another size.
    """
    check_rgb(photo)
    height, width = photo.shape[:2]
    picture = np.empty((scale * height, scale * width, 3), np.uint8)
    for some in _some(tiling.windows(height, width), tiling.at_once):
        tiles = [window.cut(photo) for window in some]
        for window, tile, made in zip(some, tiles, work(tiles), strict=True):
            if made.shape != (scale * tile.shape[0], scale * tile.shape[1], 3):
                raise ModelFailed(f"a tile of {tile.shape} became one of {made.shape}")
            window.put(made, picture, scale)
    return picture


def _some(windows: Iterator[Window], count: int) -> Iterator[list[Window]]:
    while some := list(islice(windows, count)):
        yield some


def _starts(length: int, own: int) -> tuple[list[int], int]:
    """Return where the tiles along a side begin, and how many pixels each is for."""
    count = -(-length // own)
    own = -(-length // count)  # no larger than it takes so many
    return [min(place * own, length - own) for place in range(count)], own


def _around(start: int, length: int, margin: int, most: int) -> NDArray[np.intp]:
    return np.arange(start - margin, start + length + margin).clip(0, most - 1)
