"""Doors, windows and curtains go on behind what stood before their lower part.

A door reaches the floor, a window the edge of its rectangle, a curtain as far down as curtains are
seen to: what is missing of one is the mirror image of what is seen right above, of the same column
of the upright picture. Nothing is put where none is seen above.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.perception.classes import CLASSES, Class
from serving.staging.planes import SeenFaces, seen_opening
from serving.staging.room import FACES, Camera, Ids, Room

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Matrix = NDArray[np.float64]
HANGING: tuple[Class, ...] = ("door", "window", "curtain")
_OTHER, _HIDDEN, _BESIDE = 0, 250, 255  # codes of pixels that are neither
_LEAST_RUN = 0.012  # of the height: less of one above says nothing
_ON_FLOOR_M = 0.35  # a curtain that ends lower reaches the floor
_UPRIGHT_DEG = 0.2
_MOST_DEG = 35.0
_RIM_PX = 2  # beside the mask, where both mix
_FADE = 0.02  # of the height: how far a difference at the mask's edge is carried down
_MEANT_ROWS, _MOST = 3, 0.4  # of that difference: it is a mean of so many, a logarithm of light


@dataclass(frozen=True)
class Continued:
    """What of openings and curtains was hidden.

    Attributes
    ----------
    light : float32 (height, width, 3), logarithms; said where `ids` is not 0
    ids : uint8 (height, width), what is there, of `CLASSES`; 0 where nothing is continued
    """

    light: Floats
    ids: Ids


def continue_openings(
    light: Floats, mask: Mask, ids: Ids, room: Room, seen: SeenFaces
) -> Continued:
    """Return what openings and curtains look like behind a mask.

    Parameters
    ----------
    light : float32 (height, width, 3), logarithms of the photo's light
    mask : bool (height, width), what is taken away
    ids : uint8 (height, width), classes, of the photo
    """
    nothing = Continued(light, np.zeros_like(ids))
    codes = _codes(mask, ids, seen)
    if not ((codes > _OTHER) & (codes < _HIDDEN)).any() or not (codes == _HIDDEN).any():
        return nothing
    size = mask.shape[1], mask.shape[0]
    camera = room.camera.scaled(mask.shape)
    upright = upright_of(camera)
    turned = cv2.warpPerspective(light, upright, size)
    flat = cv2.warpPerspective(
        codes, upright, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT,
        borderValue=_BESIDE,
    )  # fmt: skip
    allowed = np.stack([
        cv2.warpPerspective(end.astype(np.uint8), upright, size) > 0
        for end in _ends(mask, ids, room, camera, seen)
    ])  # fmt: skip
    filled, kinds = _continue_columns(np.asarray(turned), np.asarray(flat), allowed)
    if not kinds.any():
        return nothing
    numbers = cv2.warpPerspective(
        kinds, upright, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    values = cv2.warpPerspective(
        filled, upright, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    table = np.array([0, *(CLASSES.index(name) for name in HANGING)], np.uint8)
    return Continued(np.asarray(values, np.float32), np.where(mask, table[numbers], 0))


def upright_of(camera: Camera) -> Matrix:
    """Return the homography (3, 3) from the photo's pixels to those of a camera held upright.

    The identity where it is nearly so, or so far from it that little of the photo would be left.
    """
    up = camera.rotation @ np.array([0.0, 1.0, 0.0])
    axis = np.cross(up, [0.0, -1.0, 0.0])
    angle = math.degrees(math.atan2(float(np.linalg.norm(axis)), float(-up[1])))
    if not _UPRIGHT_DEG < angle < _MOST_DEG:
        return np.eye(3)
    turn, _ = cv2.Rodrigues(axis / np.linalg.norm(axis) * math.radians(angle))
    x, y = camera.centre_px
    inner = np.array([[camera.focal_px, 0, x - 0.5], [0, camera.focal_px, y - 0.5], [0, 0, 1]])
    plain: Matrix = inner @ turn @ np.linalg.inv(inner)
    return _fitted(plain, camera.size)


def _fitted(plain: Matrix, size: tuple[int, int]) -> Matrix:
    """Return a homography after which all of a picture is within its own size again."""
    height, width = size
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
    there = cv2.perspectiveTransform(corners, plain)[0]
    low, high = there.min(axis=0), there.max(axis=0)
    by = min(1.0, width / (high[0] - low[0]), height / (high[1] - low[1]))
    moved: Matrix = np.array([[by, 0, -by * low[0]], [0, by, -by * low[1]], [0, 0, 1]]) @ plain
    return moved


def _codes(mask: Mask, ids: Ids, seen: SeenFaces) -> Ids:
    """Return 1.. of what hangs or opens and is seen, `_HIDDEN` of masked wall, else 0."""
    on_wall = np.isin(seen.ids, [FACES.index(face) for face in ("front", "left", "right")])
    table = np.zeros(256, np.uint8)
    table[[CLASSES.index(name) for name in HANGING]] = np.arange(1, len(HANGING) + 1)
    codes = np.where(on_wall & ~mask, table[ids], _OTHER)
    return np.where(mask & on_wall, _HIDDEN, codes).astype(np.uint8)


def _ends(mask: Mask, ids: Ids, room: Room, camera: Camera, seen: SeenFaces) -> list[Mask]:
    """Return where each of `HANGING` may go on, if it is seen above."""
    windows = np.zeros_like(mask)
    for opening in room.openings:
        windows |= seen_opening(opening, room, camera)
    heights = seen.points[..., 1]
    curtain = (ids == CLASSES.index("curtain")) & ~mask
    lowest = float(np.quantile(heights[curtain], 0.02)) if curtain.any() else 0.0
    reach = heights >= (0.0 if lowest < _ON_FLOOR_M else lowest)
    return [np.ones_like(mask), windows, reach | windows]


def _continue_columns(light: Floats, codes: Ids, allowed: Mask) -> tuple[Floats, Ids]:
    """Return an upright picture with its columns continued, and where: 1.. of `HANGING`."""
    height, width = codes.shape
    rows = np.arange(height)[:, None]
    change = np.ones_like(codes, bool)
    change[1:] = codes[1:] != codes[:-1]
    starts = np.maximum.accumulate(np.where(change, rows, 0), axis=0)
    last = np.maximum.accumulate(np.where(codes != _HIDDEN, rows, -1), axis=0)
    columns = np.broadcast_to(np.arange(width), codes.shape)
    above = np.where(last >= 0, codes[last, columns], _OTHER)
    top = np.where(last >= 0, starts[last, columns], 0)
    hanging = (codes == _HIDDEN) & (above >= 1) & (above <= len(HANGING))
    hanging &= last - top >= max(4 * _RIM_PX, _LEAST_RUN * height)
    for number in range(1, len(HANGING) + 1):
        hanging &= (above != number) | allowed[number - 1]
    if not hanging.any():
        return light, np.zeros_like(codes)
    at, into = np.nonzero(hanging)
    edge, first = last[at, into], top[at, into]
    mirror = _mirrors(hanging, at, into, edge, first)
    filled = light.copy()
    source = _reflected(at, mirror, first)
    lacks = _missing(light, into, edge, mirror, first)
    fade = np.exp(-(at - edge) / np.float32(_FADE * height))[:, None]
    filled[at, into] = light[source, into] + lacks * fade
    return filled, np.where(hanging, above, 0).astype(np.uint8)


def _mirrors(
    hanging: Mask, at: NDArray[np.int64], into: NDArray[np.int64],
    edge: NDArray[np.int64], first: NDArray[np.int64],
) -> NDArray[np.int64]:  # fmt: skip
    """Return the row at which each pixel's column is mirrored.

    The highest that any column of a connected part has, so that what runs across, such as slats, is
    not bent along the outline of what stood there; a column that shows too little above that has
    its own.
    """
    _, parts = cv2.connectedComponents(hanging.astype(np.uint8))
    part = np.asarray(parts, np.int64)[at, into]
    highest = np.full(part.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(highest, part, edge)
    common = highest[part] - _RIM_PX
    own = edge - _RIM_PX
    return np.asarray(
        np.where(common - first >= 4 * _RIM_PX, common, np.maximum(own, first)), np.int64
    )


def _reflected(
    at: NDArray[np.int64], mirror: NDArray[np.int64], first: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the rows that a mirror shows, there and back between `first` and `mirror`."""
    run = np.maximum(mirror - first, 1)
    step = (at - mirror) % (2 * run)
    return np.asarray(mirror - np.where(step > run, 2 * run - step, step), np.int64)


def _missing(
    light: Floats, into: NDArray[np.int64], edge: NDArray[np.int64],
    mirror: NDArray[np.int64], first: NDArray[np.int64],
) -> Floats:  # fmt: skip
    """Return what the mirror image lacks right above each pixel's mask, float32 (n, 3)."""
    lacks = np.zeros((len(into), 3), np.float32)
    for step in range(_MEANT_ROWS):
        row = np.maximum(edge - _RIM_PX - step, first)
        lacks += light[row, into] - light[_reflected(row, mirror, first), into]
    return np.asarray((lacks / _MEANT_ROWS).clip(-_MOST, _MOST), np.float32)
