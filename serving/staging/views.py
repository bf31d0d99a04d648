"""Two photos of one room: where the second camera stands in the room of the first.

Both photos' rooms are boxes in Manhattan frames, so a quarter turn and a translation are all that
is not known. Matches of points vote for both (two of them tell a direction of translation), what
they show of walls and floor tells its length, and the scale of one room in metres of the other.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.perception.classes import CLASSES
from serving.staging.geometry.find import scaled_box, scaled_opening
from serving.staging.layout.plan import Placed, Plan
from serving.staging.points import POINT_PIXELS, Points, best_pairs, find_points
from serving.staging.room import Camera, Floats, Ids, Room, faces_of

_TRIES = 400
_OFF_PX = 2.5
_LEAST, _AHEAD = 12, 1.3  # matches that agree; times those of the second best quarter turn
_STILL_SHARE = 0.6  # of what agrees that a mere turn explains: the cameras stand in one place
_LEAST_ANGLE = math.radians(1.5)  # between two rays, for a distance to be told
_LEAST_MEASURED = 6
_SCALES = (0.6, 1 / 0.6)
_HEIGHT_OFF = 0.25  # of the height of a camera
_OF_SHELL = [
    CLASSES.index(name)
    for name in ("wall", "floor", "ceiling", "window", "door", "picture", "curtain", "rug")
]
_ANY_WAY = np.array([[1.0, 0.0, 0.0]])  # where nothing tells a direction
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Shown:
    """What a photo of a room shows; the photo itself is not held.

    Attributes
    ----------
    ids : a map of classes
    room : as found in it
    size : height and width of the photo, px
    points : that another photo may show, too
    """

    ids: Ids
    room: Room
    size: tuple[int, int]
    points: Points

    @classmethod
    def of(cls, photo: Image, ids: Ids, room: Room) -> "Shown":
        """Return what a photo shows, uint8 RGB (height, width, 3), given a map and its room."""
        size = photo.shape[0], photo.shape[1]
        return cls(ids, room, size, find_points(photo))

    @property
    def camera(self) -> Camera:
        """The camera for the photo's own pixels."""
        return self.room.camera.scaled(self.size)

    def rays(self) -> Floats:
        """Return unit vectors to its points in its room, float64 (points, 3)."""
        rays = self.camera.rays(self.points.pixels)
        unit: Floats = rays / np.linalg.norm(rays, axis=1, keepdims=True)
        return unit


@dataclass(frozen=True)
class View:
    """Where another photo's camera stands in the room of a first.

    Attributes
    ----------
    turns : quarter turns by which directions of its own room become those of the first
    x_m, z_m : in metres of the first photo's room
    scale : what lengths of its own room are multiplied by to be metres of the first's
    agreed : matches that say so
    by_chance : matches that say the same of another quarter turn, of which at most one is right
    """

    turns: int
    x_m: float
    z_m: float
    scale: float
    agreed: int
    by_chance: int

    @property
    def confidence(self) -> float:
        """The share of the matches that agree which chance does not explain, 0..1."""
        return 1 - self.by_chance / self.agreed

    def room(self, own: Room) -> Room:
        """Return the room as the other photo's camera sees it, in metres of the first."""
        camera = replace(own.camera, height_m=own.camera.height_m * self.scale)
        openings = tuple(scaled_opening(one, self.scale) for one in own.openings)
        return replace(own, camera=camera, box=scaled_box(own.box, self.scale), openings=openings)

    def plan(self, first: Plan) -> Plan:
        """Return what stands in the room of the first photo, in places of the other's room."""
        return replace(first, pieces=tuple(self._moved(piece) for piece in first.pieces))

    def _moved(self, piece: Placed) -> Placed:
        flat = quarter_turn(self.turns)[::2, ::2]
        x, z = np.array([piece.x_m - self.x_m, piece.z_m - self.z_m]) @ flat
        yaw = (piece.yaw_deg - 90 * self.turns + 180) % 360 - 180
        return replace(piece, x_m=float(x), z_m=float(z), yaw_deg=yaw)


def find_view(first: Shown, second: Shown) -> View | None:
    """Return where the camera of a second photo of a room stands in the room of the first.

    Returns
    -------
    View or None
        None where the photos have too little in common, or what they say contradicts itself.
    """
    pairs = best_pairs(first.points, second.points)
    if len(pairs) < _LEAST:
        return None
    rays = first.rays()[pairs[:, 0]], second.rays()[pairs[:, 1]]
    limit = _OFF_PX / _focal(second)
    votes = (_vote(rays, turns, limit) for turns in range(4))
    best, other = sorted(votes, key=lambda one: -one.count)[:2]
    if best.count < max(_LEAST, _AHEAD * other.count):
        return None
    if best.still >= _STILL_SHARE * best.count:
        scale = first.room.camera.height_m / second.room.camera.height_m
        return View(best.turns, 0.0, 0.0, scale, best.count, other.count)
    pixels = np.stack([first.points.pixels[pairs[:, 0]], second.points.pixels[pairs[:, 1]]], axis=1)
    place = _measured(first, second, pixels, rays, best)
    return View(best.turns, *place, best.count, other.count) if place is not None else None


@dataclass(frozen=True, eq=False)
class _Vote:
    """What a quarter turn explains.

    Attributes
    ----------
    along : unit direction from the first camera to the second, up to its sign
    agreed : bool (matches,)
    still : matches that agree without any translation
    """

    turns: int
    along: Floats
    agreed: Flags
    still: int

    @property
    def count(self) -> int:
        return int(self.agreed.sum())


def _vote(rays: tuple[Floats, Floats], turns: int, limit: float) -> _Vote:
    first, second = rays[0], rays[1] @ quarter_turn(turns).T
    normals = np.cross(first, second)
    lengths = np.linalg.norm(normals, axis=1)
    unit = normals / np.maximum(lengths, 1e-9)[:, None]
    pairs = np.random.default_rng(0).integers(0, len(first), (_TRIES, 2))
    crossed = np.cross(unit[pairs[:, 0]], unit[pairs[:, 1]])
    size = np.linalg.norm(crossed, axis=1)
    tried = np.vstack([_ANY_WAY, crossed[size > 1e-3] / size[size > 1e-3, None]])
    flags = [_on_plane(first, second, one, limit) for one in tried]
    best = int(np.argmax([one.sum() for one in flags]))
    along, agreed = tried[best], flags[best]
    for _ in range(3):  # all that agree tell the direction better than two of them
        if agreed.sum() < 3:
            break
        told = np.linalg.svd(unit[agreed])[2][-1]
        again = _on_plane(first, second, told, limit)
        if again.sum() < agreed.sum():
            break
        along, agreed = told, again
    together = (lengths < limit) & ((first * second).sum(axis=1) > 0)
    return _Vote(turns, along, agreed, int((together & agreed).sum()))


def _on_plane(first: Floats, second: Floats, along: Floats, limit: float) -> Flags:
    """Return which pairs of rays meet if the second camera stands that way from the first."""
    planes = np.cross(along, first)
    size = np.maximum(np.linalg.norm(planes, axis=1), 1e-9)
    off = np.abs((second * planes).sum(axis=1)) / size
    return np.asarray((off < limit) & ((first * second).sum(axis=1) > -0.5), np.bool_)


def _measured(
    first: Shown, second: Shown, matches: Floats, rays: tuple[Floats, Floats], vote: _Vote
) -> tuple[float, float, float] | None:
    """Return place and scale of a view, by what is known of the walls and floors of both rooms."""
    one, other = rays[0], rays[1] @ quarter_turn(vote.turns).T
    near, far = _depths(one, other, vote.along)
    wide = np.linalg.norm(np.cross(one, other), axis=1) > math.sin(_LEAST_ANGLE)
    before = vote.agreed & wide & (near > 0) & (far > 0)
    behind = vote.agreed & wide & (near < 0) & (far < 0)
    along, good = (vote.along, before) if before.sum() >= behind.sum() else (-vote.along, behind)
    if good.sum() < 0.75 * (vote.agreed & wide).sum():
        return None
    lengths = [
        _length(shown, matches[good, side], rays[side][good], np.abs(depths[good]))
        for side, (shown, depths) in enumerate(((first, near), (second, far)))
    ]
    if lengths[0] is None or lengths[1] is None:
        return None
    scale = lengths[0] / lengths[1]
    height, other_height = (shown.room.camera.height_m for shown in (first, second))
    off = height + lengths[0] * along[1] - scale * other_height
    if not _SCALES[0] < scale < _SCALES[1] or abs(off) > _HEIGHT_OFF * height:
        return None
    x, _, z = lengths[0] * along
    return float(x), float(z), float(scale)


def _depths(first: Floats, second: Floats, along: Floats) -> tuple[Floats, Floats]:
    """Return how far along both rays they come nearest, for cameras a unit apart."""
    cos = (first * second).sum(axis=1)
    away, back = first @ along, second @ along
    sin2 = np.maximum(1 - cos**2, 1e-9)
    far: Floats = (cos * away - back) / sin2
    near: Floats = away + cos * far
    return near, far


def _length(shown: Shown, pixels: Floats, rays: Floats, depths: Floats) -> float | None:
    """Return how far apart the cameras are in metres of a room; None if too little tells it."""
    rows, columns = shown.ids.shape
    height, width = shown.room.camera.size
    at = (pixels * (columns / width, rows / height)).astype(int).clip(0, (columns - 1, rows - 1))
    on_shell = np.isin(shown.ids[at[:, 1], at[:, 0]], _OF_SHELL) & (depths > 1e-3)
    if on_shell.sum() < _LEAST_MEASURED:
        return None
    _, distance = faces_of(shown.room.camera, shown.room.box, rays[on_shell])
    return float(np.median(distance / depths[on_shell]))


def _focal(shown: Shown) -> float:
    """Return the focal length in px of the copy in which points are matched."""
    height, width = shown.size
    return shown.camera.focal_px * min(1.0, math.sqrt(POINT_PIXELS / (height * width)))


def quarter_turn(turns: int) -> Floats:
    """Return what turns directions by quarter turns about the vertical, (3, 3)."""
    cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[turns]
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], float)
