"""Whether a piece of furniture may stand in a place."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from serving.perception.classes import CLASSES
from serving.staging.kit import Role
from serving.staging.layout.plan import Placed
from serving.staging.layout.space import (
    CELL_M,
    UNSEEN,
    Mask,
    Space,
    door_zone,
    is_door,
    stands_on,
    wall_point,
)
from serving.staging.room import Floats, Ids, Opening, Wall

WALKWAY_M = 0.7
_SEATS: frozenset[Role] = frozenset(("sofa", "armchair", "bed"))
_BESIDE: frozenset[Role] = frozenset(("dining_chair", "office_chair"))  # stand under their table
# What is so long that the picture's lower edge may cut it, as photographers' own pictures do.
_CUT: frozenset[Role] = frozenset(("bed",))
_SLIGHT: frozenset[Role] = frozenset(("bed", "plant", "floor_lamp"))
_LOW_M, _TALL_M = 0.5, 1.2
_AS_HIGH_AS_FURNITURE_M = 1.6
_OF_WALL = [CLASSES.index(name) for name in ("wall", "picture", "curtain", "lamp", "window")]
_OF_BARE_WALL = [CLASSES.index("wall")]


@dataclass(frozen=True)
class Limits:
    """What a place must keep to.

    Attributes
    ----------
    free_share : of the footprint that must be floor that is free
    nearest_m : from the camera
    visible_share : of the piece's box that must be in the picture
    cut_share : the same of what may be cut by the picture's edge
    area_share : of the picture that the box may cover; twice that of what may be cut
    hung_share : of what a tall piece covers of the picture, that may hang or open in a wall
    facing : least cosine between where a seat looks and where the camera is
    """

    free_share: float = 0.93
    nearest_m: float = 1.25
    visible_share: float = 0.85
    cut_share: float = 0.62
    area_share: float = 0.2
    facing: float = -0.15
    hung_share: float = 0.04
    gap_m: float = 0.03


@dataclass(frozen=True)
class Scene:
    """A room and what already stands in it."""

    space: Space
    placed: tuple[Placed, ...] = ()
    limits: Limits = Limits()

    def with_piece(self, piece: Placed) -> "Scene":
        """Return the scene with one more piece."""
        return replace(self, placed=(*self.placed, piece))

    def fits(self, piece: Placed) -> bool:
        """Say whether a piece may stand where it is."""
        return (
            self._in_room(piece)
            and self._on_free_floor(piece)
            and self._apart(piece)
            and self._in_picture(piece)
            and self._faces_right(piece)
            and self._opens_windows(piece)
            and self._hides_little(piece)
        )

    def _in_room(self, piece: Placed) -> bool:
        box, corners = self.space.room.box, piece.footprint()
        low, high = corners.min(axis=0), corners.max(axis=0)
        return bool(
            low[0] > -box.left_m - 0.02 and high[0] < box.right_m + 0.02
            and low[1] > -box.front_m - 0.02 and piece.base_m + piece.size_m[1] < box.height_m - 0.1
        )  # fmt: skip

    def _on_free_floor(self, piece: Placed) -> bool:
        seen, free, kept = stands_on(self.space, piece)
        least = 0.45 if piece.role in _CUT else self.limits.free_share
        return seen >= least and free >= self.limits.free_share and kept <= 0.02

    def _apart(self, piece: Placed) -> bool:
        others = [one for one in self.placed if one.on_floor]
        if piece.role in _BESIDE:
            others = [one for one in others if one.role not in ("dining_table", "desk")]
        mine = piece.footprint()
        return not any(overlap(mine, one.footprint(self.limits.gap_m)) for one in others)

    def _in_picture(self, piece: Placed) -> bool:
        if np.hypot(*piece.footprint().T).min() < self.limits.nearest_m:
            return False
        camera = self.space.room.camera
        height, width = camera.size
        feet = camera.project(np.insert(piece.footprint(), 1, 0.0, axis=1)) / (width, height)
        if not np.isfinite(feet).all():
            return False
        shown = ((feet > -0.01) & (feet < 1.01)).all(axis=1)
        cut = piece.role in _CUT
        visible, area = self.seen(piece)
        least = self.limits.cut_share if cut else self.limits.visible_share
        most = self.limits.area_share * (2 if cut else 1)
        corners = int(shown.sum()) >= (2 if cut else 4)
        return corners and visible >= least and area <= most

    def seen(self, piece: Placed) -> tuple[float, float]:
        """Return what part of a piece's box is in the picture, and of the picture it covers."""
        camera = self.space.room.camera
        height, width = camera.size
        pixels = camera.project(piece.corners()) / (width, height)
        if not np.isfinite(pixels).all():
            return 0.0, 1.0
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        whole = float(np.prod(high - low))
        within = float(np.prod(np.clip(np.minimum(high, 1) - np.maximum(low, 0), 0, None)))
        return within / max(whole, 1e-9), within

    def _faces_right(self, piece: Placed) -> bool:
        if piece.role not in _SEATS:
            return True
        return facing(piece) > self.limits.facing

    def _opens_windows(self, piece: Placed) -> bool:
        """Before a window stands only what is lower than its sill, or half a metre."""
        for opening in self.space.room.openings:
            if is_door(opening) or piece.size_m[1] < max(opening.bottom_m, _LOW_M):
                continue
            if overlap(piece.footprint(), door_zone(self.space.room, opening, 0.25)):
                return piece.role in _SEATS and piece.size_m[1] < opening.bottom_m + 0.45
        return True

    def _hides_little(self, piece: Placed) -> bool:
        """Before pictures, curtains and openings stands nothing tall but leaves and lamps."""
        if piece.size_m[1] < _TALL_M or piece.role in _SLIGHT:
            return True
        return self.space.hidden(piece) <= self.limits.hung_share

    def leaves_ways(self) -> bool:
        """Say whether everything that could be walked to still can, on ways of `WALKWAY_M`."""
        doors = [one for one in self.space.room.openings if is_door(one)]
        if not doors:
            return True
        before, after = self._ways(()), self._ways(self.placed)
        spots = [
            self._spot(wall_point(self.space.room, one.wall, _middle(one), 0.6)) for one in doors
        ]
        camera = self._spot((0.0, -0.4))
        if before[camera] == 0 or after[camera] == 0:
            return bool(before[camera] == after[camera])
        joined = [before[spot] == before[camera] for spot in spots]
        still = [after[spot] == after[camera] for spot in spots]
        return all(now for was, now in zip(joined, still, strict=True) if was)

    def _spot(self, point: tuple[float, float]) -> tuple[int, int]:
        column, row = (
            int((at - edge) / CELL_M) for at, edge in zip(point, self.space.corner_m, strict=True)
        )
        rows, columns = self.space.free.shape
        return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)

    def _ways(self, pieces: tuple[Placed, ...]) -> Floats:
        """Return the parts of the floor that are joined by ways, numbered from 1."""
        taken = np.zeros(self.space.free.shape, bool)
        for piece in pieces:
            if piece.on_floor:
                taken |= self.space.cells(piece.footprint())
        side = round(WALKWAY_M / 2 / CELL_M)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * side + 1, 2 * side + 1))
        open_floor = 1 - cv2.dilate(taken.astype(np.uint8), disc)
        _, parts = cv2.connectedComponents(open_floor, connectivity=4)
        return np.asarray(parts, float)


def _middle(opening: Opening) -> float:
    return (opening.start_m + opening.end_m) / 2


def facing(piece: Placed) -> float:
    """Return the cosine between where a piece looks and where the camera is, seen from above."""
    away = np.hypot(piece.x_m, piece.z_m)
    return float(piece.front @ (-np.array([piece.x_m, piece.z_m]) / max(away, 1e-6)))


def overlap(first: Floats, second: Floats) -> bool:
    """Say whether two convex polygons (n, 2) share more than a rim: no axis separates them."""
    for corners in (first, second):
        edges = np.roll(corners, -1, axis=0) - corners
        for x, z in edges:
            axis = np.array([-z, x])
            one, other = first @ axis, second @ axis
            if one.max() <= other.min() or other.max() <= one.min():
                return False
    return True


def wall_behind(space: Space, wall: Wall, start_m: float, end_m: float) -> float:
    """Return the share of a stretch of wall that is one, of what the photo shows of it."""
    return _share_of(_OF_WALL, space.behind(wall, start_m, end_m, 0.0, _AS_HIGH_AS_FURNITURE_M))


def bare_wall(
    space: Space, wall: Wall, start_m: float, end_m: float, from_m: float, to_m: float
) -> float:
    """Return the share of a stretch of wall, between two heights, on which nothing hangs."""
    return _share_of(_OF_BARE_WALL, space.behind(wall, start_m, end_m, from_m, to_m))


def _share_of(classes: list[int], stretch: Ids) -> float:
    shown = stretch[stretch != UNSEEN]
    return float(np.isin(shown, classes).mean()) if shown.size else 0.0


def covered(space: Space, piece: Placed) -> float:
    """Return how many square metres of floor that was cleared a piece hides."""
    under: Mask = space.cells(piece.footprint())
    return float((space.cleared & under).sum()) * CELL_M**2
