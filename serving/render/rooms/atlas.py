"""What all surfaces of a room look like, in one picture: one material serves whatever stands there.

A renderer that compiles compiles for the materials that it is given; with one of always the same
size it finds what it compiled for the room before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.staging.linear import to_coded
from serving.staging.things import Look, Part, Vectors

SIDE = 2048  # of the picture, px
_RIM = 2  # px around each field, so that no filter reads its neighbour
_PLAIN_PX = 4
_MOST_FIELD = 1024  # px, of a field's side
_SHRINK = 0.8  # of all textures, again and again, until they have room
_MOST_REPEATS, _LEAST_SCALE = 128, 0.02
_UPWARD: NDArray[np.float32] = np.array([1, -1], np.float32)  # pictures start at their top


@dataclass(frozen=True)
class _Field:
    """Where a look is in the picture.

    Attributes
    ----------
    first : repeat (across, down) of the texture with which it begins
    repeats : how many of them it holds
    size : of a repeat, (rows, columns) in px
    at : px from the top and the left, inside the rim
    """

    key: int
    look: Look
    first: NDArray[np.float32]
    repeats: tuple[int, int]
    size: tuple[int, int]
    at: tuple[int, int] = (0, 0)

    @property
    def extent(self) -> tuple[int, int]:
        """Return (rows, columns) in px, with the rim."""
        across, down = self.repeats
        return self.size[0] * down + 2 * _RIM, self.size[1] * across + 2 * _RIM

    def place(self, uvs: Vectors) -> Vectors:
        """Return where in the picture coordinates of the texture are, as shares of its side."""
        if self.look.texture is None:
            middle = (np.array(self.at[::-1]) + self.size[0] / 2) / SIDE
            return np.tile(middle.astype(np.float32), (len(uvs), 1))
        repeat, corner = (np.array(one[::-1], np.float32) for one in (self.size, self.at))
        px = (uvs * _UPWARD - self.first) * repeat + corner
        return np.asarray(px / np.float32(SIDE), np.float32)

    def draw(self, picture: Image) -> None:
        """Draw it, its rim as the texture goes on."""
        (top, left), (rows, columns) = self.at, self.extent
        down = np.arange(-_RIM, rows - _RIM) % self.size[0]
        across = np.arange(-_RIM, columns - _RIM) % self.size[1]
        here = picture[top - _RIM : top - _RIM + rows, left - _RIM : left - _RIM + columns]
        here[...] = _pixels(self.look, self.size)[down][:, across]


def draw_atlas(parts: Sequence[Part]) -> tuple[Image, list[Part]]:
    """Return the looks of parts as one picture, and the parts with their places in it.

    Textures are made smaller until all have room.

    Returns
    -------
    uint8, shape (SIDE, SIDE, 3)
        sRGB.
    list of Part
        Whose `uvs` are shares of the picture from its upper left corner.
    """
    fields = _fields(parts)
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    for field in fields.values():
        field.draw(picture)
    return picture, [replace(part, uvs=fields[id(part.look)].place(part.uvs)) for part in parts]


def _fields(parts: Sequence[Part]) -> dict[int, _Field]:
    ranges: dict[int, list[Vectors]] = {}
    looks = {id(part.look): part.look for part in parts}
    for part in parts:
        ranges.setdefault(id(part.look), []).append(part.uvs * _UPWARD)
    scale = 1.0
    while True:
        wanted = [_field(key, look, ranges[key], scale) for key, look in looks.items()]
        placed = list(_on_shelves(wanted))
        if len(placed) == len(wanted):
            return {field.key: field for field in placed}
        scale *= _SHRINK


def _field(key: int, look: Look, uvs: Sequence[Vectors], scale: float) -> _Field:
    """Return the field of a look; what would be too fine to be seen is of its mean colour."""
    low = np.floor(np.min([one.min(axis=0) for one in uvs], axis=0))
    high = np.ceil(np.max([one.max(axis=0) for one in uvs], axis=0))
    if look.texture is None or (high - low).max() > _MOST_REPEATS or scale < _LEAST_SCALE:
        plain = replace(look, texture=None)
        return _Field(key, plain, np.zeros(2, np.float32), (1, 1), (_PLAIN_PX, _PLAIN_PX))
    across, down = (max(1, int(count)) for count in high - low)
    rows, columns = (
        max(1, min(round(px * scale), _MOST_FIELD // count))
        for px, count in zip(look.texture.shape, (down, across), strict=False)
    )
    return _Field(key, look, np.asarray(low, np.float32), (across, down), (rows, columns))


def _on_shelves(fields: Sequence[_Field]) -> Iterator[_Field]:
    """Yield the fields in their places, row above row, as long as there is room."""
    top = left = height = 0
    for field in sorted(fields, key=lambda one: one.extent, reverse=True):
        rows, columns = field.extent
        if left + columns > SIDE:
            top, left, height = top + height, 0, 0
        if top + rows > SIDE or columns > SIDE:
            return
        at = top + _RIM, left + _RIM
        yield replace(field, at=at)
        left, height = left + columns, max(height, rows)


def _pixels(look: Look, size: tuple[int, int]) -> Image:
    if look.texture is None:
        colour = np.rint(to_coded(np.array(look.rgb, np.float32))).astype(np.uint8)
        return np.tile(colour, (*size, 1))
    small = cv2.resize(look.texture, size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
