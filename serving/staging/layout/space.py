"""Where furniture may stand: the floor and the walls that a photo shows, in room coordinates."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.perception.classes import CLASSES
from serving.staging.layout.plan import Placed
from serving.staging.room import Floats, Ids, Opening, Room, Wall

Mask = NDArray[np.bool_]
CELL_M = 0.05
UNSEEN = np.uint8(255)
DOOR_ZONE_M = 1.2
# A window that reaches the floor is a door of glass.
DOOR_SILL_M = 0.25
_CAMERA_ZONE_M = 0.9
_DEEPEST_M = 9.0
_WIDEST_M = 8.0
_WALL_STEP_M = 0.1
_WALL_HEIGHTS_M = (0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1)
_HUNG = [CLASSES.index(name) for name in ("picture", "mirror", "window", "door", "curtain")]
_HUNG_SIZE = (180, 120)  # columns and rows of the photo
_ON_FLOOR = [CLASSES.index(name) for name in ("floor", "rug")]


@dataclass(frozen=True)
class Space:
    """What is known of a room's floor and walls.

    Attributes
    ----------
    corner_m : (x, z) where the grids begin; cells are `CELL_M` wide, rows run along z
    seen : cells of the floor that are in the picture, whatever hides them; bool (rows, columns)
    free : floor that is seen bare, or was cleared
    cleared : of these, what something removed had stood on
    kept_free : doors open here, and the photographer stands here
    walls : class ids along each wall, (places, heights), `UNSEEN` where the photo does not show it
    hung : what hangs or opens in a wall, of the whole photo, squeezed; bool (rows, columns)
    """

    room: Room
    corner_m: tuple[float, float]
    seen: Mask
    free: Mask
    cleared: Mask
    kept_free: Mask
    walls: Mapping[Wall, Ids]
    hung: Mask

    def hidden(self, piece: Placed) -> float:
        """Return the share of what a piece covers of the picture that hangs or opens in a wall."""
        height, width = self.room.camera.size
        rows, columns = self.hung.shape
        pixels = self.room.camera.project(piece.corners()) * (columns / width, rows / height)
        if not np.isfinite(pixels).all():
            return 0.0
        outline = cv2.convexHull(np.rint(pixels - 0.5).clip(-9999, 9999).astype(np.int32))
        drawn = np.zeros(self.hung.shape, np.uint8)
        cv2.fillConvexPoly(drawn, outline, 1)
        return float(self.hung[drawn > 0].mean()) if drawn.any() else 0.0

    def cells(self, corners: Floats) -> Mask:
        """Return the cells within a convex polygon (n, 2) of (x, z)."""
        grid = np.zeros(self.free.shape, np.uint8)
        places = np.round((corners - self.corner_m) / CELL_M - 0.5).astype(np.int32)
        cv2.fillConvexPoly(grid, places, 1)
        return grid > 0

    def behind(self, wall: Wall, start_m: float, end_m: float, from_m: float, to_m: float) -> Ids:
        """Return the class ids of a stretch of a wall between two heights, (places, heights)."""
        first = wall_reach(self.room, wall)[0]
        low, high = (round((edge - first) / _WALL_STEP_M) for edge in (start_m, end_m))
        of_heights = [from_m <= height <= to_m for height in _WALL_HEIGHTS_M]
        return self.walls[wall][max(low, 0) : max(high, low + 1)][:, of_heights]


def wall_reach(room: Room, wall: Wall) -> tuple[float, float]:
    """Return where a wall starts and ends: in x for the front wall, in z for the others."""
    if wall == "front":
        return -min(room.box.left_m, _WIDEST_M), min(room.box.right_m, _WIDEST_M)
    return -min(room.box.front_m, _DEEPEST_M), 0.5


def wall_point(room: Room, wall: Wall, along_m: float, off_m: float) -> tuple[float, float]:
    """Return the point (x, z) `off_m` in front of a wall."""
    if wall == "front":
        return along_m, -room.box.front_m + off_m
    return (
        (-room.box.left_m + off_m, along_m)
        if wall == "left"
        else (room.box.right_m - off_m, along_m)
    )


def survey(room: Room, ids: Ids, cleared: NDArray[Any] | None = None) -> Space:
    """Return where furniture may stand in a room.

    Parameters
    ----------
    room : its camera, walls, doors and windows
    ids : uint8 (rows, columns), ids of `CLASSES`, of the whole photo, squeezed
    cleared : bool (rows, columns) of any size, of the whole photo: where things were removed
    """
    gone = np.zeros((1, 1), bool) if cleared is None else cleared.astype(bool)
    left, right = wall_reach(room, "front")
    far, near = wall_reach(room, "left")
    columns = max(1, math.ceil((right - left) / CELL_M))
    rows = max(1, math.ceil((near - far) / CELL_M))
    x = left + (np.arange(columns) + 0.5) * CELL_M
    z = far + (np.arange(rows) + 0.5) * CELL_M
    grid = np.stack(np.meshgrid(x, z), axis=-1)
    points = np.insert(grid, 1, 0.0, axis=-1)
    here, was = _look_up(room, points, ids), _look_up(room, points, gone.astype(np.uint8))
    vacated = was == 1
    seen = here != UNSEEN
    free = (np.isin(here, _ON_FLOOR) | vacated) & seen
    closed = cv2.morphologyEx(free.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    free = (closed > 0) & seen
    walls = {wall: _profile(room, wall, ids, gone) for wall in _walls()}
    small = cv2.resize(
        np.isin(ids, _HUNG).astype(np.uint8), _HUNG_SIZE, interpolation=cv2.INTER_NEAREST
    )
    bare = Space(
        room, (left, far), seen, free, vacated & free, np.zeros_like(free), walls, small > 0
    )
    return replace(bare, kept_free=_kept_free(bare))


def _walls() -> tuple[Wall, ...]:
    return ("front", "left", "right")


def is_door(opening: Opening) -> bool:
    """Say whether people walk through an opening."""
    return opening.kind == "door" or opening.bottom_m < DOOR_SILL_M


def door_zone(room: Room, door: Opening, deep_m: float = DOOR_ZONE_M) -> Floats:
    """Return the corners (4, 2) of the floor before a door."""
    ends = ((door.start_m, 0.0), (door.end_m, 0.0), (door.end_m, deep_m), (door.start_m, deep_m))
    return np.array([wall_point(room, door.wall, along, off) for along, off in ends])


def stands_on(space: Space, piece: Placed) -> tuple[float, float, float]:
    """Return shares of a piece's footprint: in the picture; of that, free; to be kept free."""
    under = space.cells(piece.footprint())
    count, seen = max(int(under.sum()), 1), int((space.seen & under).sum())
    free = int((space.free & under).sum())
    return seen / count, free / max(seen, 1), int((space.kept_free & under).sum()) / count


def _kept_free(space: Space) -> Mask:
    kept = np.zeros(space.free.shape, np.uint8)
    for opening in space.room.openings:
        if is_door(opening):
            kept |= space.cells(door_zone(space.room, opening)).astype(np.uint8)
    middle = [round((0.0 - edge) / CELL_M) for edge in space.corner_m]
    cv2.circle(kept, (middle[0], middle[1]), round(_CAMERA_ZONE_M / CELL_M), 1, -1)
    return kept > 0


def _look_up(room: Room, points: Floats, values: Ids) -> Ids:
    """Return what a map of the whole photo holds where points (..., 3) are seen."""
    pixels = room.camera.project(points)
    height, width = room.camera.size
    inside = np.isfinite(pixels).all(axis=-1)
    scaled = np.nan_to_num(pixels) / (width, height)
    inside &= ((scaled >= 0) & (scaled < 1)).all(axis=-1)
    rows, columns = values.shape
    spots = (scaled.clip(0, 1 - 1e-9) * (columns, rows)).astype(int)
    found: Ids = np.where(inside, values[spots[..., 1], spots[..., 0]], UNSEEN).astype(np.uint8)
    return found


def _profile(room: Room, wall: Wall, ids: Ids, gone: Mask) -> Ids:
    start, end = wall_reach(room, wall)
    along = np.arange(start + _WALL_STEP_M / 2, end, _WALL_STEP_M)
    if not len(along):
        return np.zeros((0, len(_WALL_HEIGHTS_M)), np.uint8)
    flat = np.array([wall_point(room, wall, float(at), 0.01) for at in along])
    points = np.stack([np.insert(flat, 1, height, axis=1) for height in _WALL_HEIGHTS_M], axis=1)
    seen = _look_up(room, points, ids)
    removed = _look_up(room, points, gone.astype(np.uint8)) == 1
    # What hid the wall is gone, and a wall is behind.
    profile: Ids = np.where(removed & (seen != UNSEEN), CLASSES.index("wall"), seen)
    return profile.astype(np.uint8)
