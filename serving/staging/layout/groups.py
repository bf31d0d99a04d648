"""Where what belongs to an anchor goes: beside a bed, around a table, above a sofa.

Each rule yields poses to try, the best first; whether one fits is for `fit` to say.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from serving.staging.kit import Role, RoomType
from serving.staging.layout.fit import Scene, bare_wall
from serving.staging.layout.plan import Placed, Size
from serving.staging.layout.space import Mask, is_door
from serving.staging.masks.kinds import FITTED
from serving.staging.room import Wall


@dataclass(frozen=True)
class Pose:
    """A place to try."""

    x_m: float
    z_m: float
    yaw_deg: float
    base_m: float = 0.0


_FREE_AROUND_M = 0.15  # a picture on a wall

Poses = Callable[[Scene, Size, int], Iterator[Pose]]


@dataclass(frozen=True)
class Group:
    """What is added next, and where.

    Attributes
    ----------
    count : how many of it
    worth : what each of it adds to an arrangement that is weighed against others
    wanted : a reason is given if it does not fit
    anywhere : its rule has seen to its place: it hangs, lies or stands on something
    along_wall : it stands with its back to any wall, and `poses` is not asked
    """

    role: Role
    poses: Poses
    count: int = 1
    worth: float = 0.2
    wanted: bool = False
    anywhere: bool = False
    along_wall: bool = False


def _of(scene: Scene, *roles: Role) -> list[Placed]:
    return [piece for piece in scene.placed if piece.role in roles]


def _turn(anchor: Placed, ahead_m: float, right_m: float, turn_deg: float = 0.0) -> Pose:
    x, z = anchor.beside(ahead_m, right_m)
    return Pose(x, z, (anchor.yaw_deg + turn_deg + 180) % 360 - 180)


def before_sofa(scene: Scene, size: Size, _slot: int) -> Iterator[Pose]:
    """Yield an arm's length before the seat, for a coffee table."""
    for sofa in _of(scene, "sofa"):
        for gap in (0.42, 0.35, 0.5):
            yield _turn(sofa, sofa.size_m[2] / 2 + gap + size[2] / 2, 0.0)


def facing_table(scene: Scene, _size: Size, slot: int) -> Iterator[Pose]:
    """Yield either side of the sofa's table, at an angle to the sofa, for armchairs."""
    for sofa in _of(scene, "sofa"):
        sides = (1, -1) if slot % 2 == 0 else (-1, 1)
        for side in sides:
            for ahead, apart, turn in (
                (0.9, 0.2, 60),
                (1.1, 0.4, 60),
                (0.7, 0.35, 45),
                (0.35, 0.3, 25),
                (1.3, 0.1, 90),
            ):
                right = side * (sofa.size_m[0] / 2 + apart + 0.1)
                # On its right hand the chair turns to its right: towards the table.
                yield _turn(sofa, sofa.size_m[2] / 2 + ahead - 0.2, right, side * turn)


def beside_anchor(scene: Scene, size: Size, slot: int) -> Iterator[Pose]:
    """Yield a hand's breadth beside the anchor, back to the same wall."""
    for anchor in _of(scene, "bed", "sofa"):
        sides = (1, -1) if slot % 2 == 0 else (-1, 1)
        back = -anchor.size_m[2] / 2 + size[2] / 2 + 0.02
        for gap in (0.07, 0.14, 0.3):
            for side in sides if gap < 0.2 else (sides[0],):
                yield _turn(anchor, back, side * (anchor.size_m[0] / 2 + gap + size[0] / 2))


def on_table(scene: Scene, _size: Size, slot: int) -> Iterator[Pose]:
    """Yield the middle of each small table, for a lamp."""
    tables = _of(scene, "bedside_table", "side_table")
    for table in tables[slot : slot + 1]:
        yield Pose(table.x_m, table.z_m, table.yaw_deg, table.size_m[1])


def on_desk(scene: Scene, _size: Size, _slot: int) -> Iterator[Pose]:
    """Yield the back of the desk, to the left, for a lamp."""
    for desk in _of(scene, "desk", "sideboard")[:1]:
        x, z = desk.beside(-desk.size_m[2] * 0.2, -desk.size_m[0] * 0.36)
        yield Pose(x, z, desk.yaw_deg, desk.size_m[1])


def at_desk(scene: Scene, size: Size, _slot: int) -> Iterator[Pose]:
    """Yield a chair's pose at the desk: turned a little, as if somebody just got up."""
    for desk in _of(scene, "desk"):
        for gap, turn in ((-0.1, 155), (0.0, 150), (-0.2, 180)):
            yield _turn(desk, desk.size_m[2] / 2 + size[2] / 2 + gap, 0.08, turn)


def around_table(scene: Scene, size: Size, slot: int) -> Iterator[Pose]:
    """Yield a table's sides, then its ends, for chairs that face it."""
    for table in _of(scene, "dining_table"):
        width, _, depth = table.size_m
        out = depth / 2 + size[2] / 2 - 0.16
        if width < 1.15:
            places = [(out, 0.0, 180.0), (-out, 0.0, 0.0)]
            out = width / 2 + size[2] / 2 - 0.16
            places += [(0.0, out, 90.0), (0.0, -out, -90.0)]
        else:
            apart = width / 4
            places = [
                (out, apart, 180.0),
                (out, -apart, 180.0),
                (-out, apart, 0.0),
                (-out, -apart, 0.0),
            ]
            out = width / 2 + size[2] / 2 - 0.1
            places += [(0.0, out, 90.0), (0.0, -out, -90.0)]
        if slot < len(places):
            yield _turn(table, *places[slot])


def under_group(scene: Scene, size: Size, _slot: int) -> Iterator[Pose]:
    """Yield where the feet of those are who sit in the group, for a rug."""
    for anchor in scene.placed[:1]:
        depth = anchor.size_m[2]
        ahead = {"sofa": depth / 2 + size[2] / 2 - 0.3, "bed": depth / 2 - size[2] / 2 + 0.35}
        ahead |= {"desk": depth / 2 + 0.35}
        x, z = anchor.beside(ahead.get(anchor.role, 0.0), 0.0)
        rug = Placed("", "rug", x, z, anchor.yaw_deg, size)
        if _lies_well(scene, rug):
            yield Pose(x, z, anchor.yaw_deg)


def _lies_well(scene: Scene, rug: Placed) -> bool:
    """Say whether what is seen of a rug lies on free floor, within the walls."""
    space = scene.space
    under = space.cells(rug.footprint())
    visible = under & space.seen & ~_taken(scene)
    free = int((space.free & visible).sum()) / max(int(visible.sum()), 1)
    shown = int((space.seen & under).sum()) / max(int(under.sum()), 1)
    box, corners = space.room.box, rug.footprint()
    inside = (
        corners[:, 0].min() > -box.left_m and corners[:, 0].max() < box.right_m
        and corners[:, 1].min() > -box.front_m
    )  # fmt: skip
    near = corners[:, 1].max() < -0.9
    return bool(shown > 0.5 and free > 0.9 and inside and near)


def _taken(scene: Scene) -> Mask:
    taken = np.zeros(scene.space.free.shape, bool)
    for piece in scene.placed:
        if piece.on_floor:
            taken |= scene.space.cells(piece.footprint())
    return taken


def above_anchor(scene: Scene, size: Size, _slot: int) -> Iterator[Pose]:
    """Yield the bare wall above the anchor, at the height of the eyes, for a picture."""
    for anchor in _of(scene, "sofa", "bed", "desk", "sideboard")[:1]:
        base = max(anchor.size_m[1] + 0.22, 1.5 - size[1] / 2)
        yield from _on_wall(scene, anchor, size, base)


def _on_wall(scene: Scene, anchor: Placed, size: Size, base_m: float) -> Iterator[Pose]:
    room = scene.space.room
    wall = _wall_of(anchor)
    along = anchor.x_m if wall == "front" else anchor.z_m
    low, high = along - size[0] / 2 - _FREE_AROUND_M, along + size[0] / 2 + _FREE_AROUND_M
    clear = not any(
        one.wall == wall and one.start_m < high and one.end_m > low and one.top_m > base_m
        for one in room.openings
    )
    if not clear or base_m + size[1] > room.box.height_m - 0.15:
        return
    ends = base_m - _FREE_AROUND_M, base_m + size[1] + _FREE_AROUND_M
    if bare_wall(scene.space, wall, low, high, *ends) > 0.95:
        x, z = anchor.x_m, anchor.z_m
        off = size[2] / 2 + 0.005
        if wall == "front":
            yield Pose(x, -room.box.front_m + off, 0.0, base_m)
        elif wall == "left":
            yield Pose(-room.box.left_m + off, z, 90.0, base_m)
        else:
            yield Pose(room.box.right_m - off, z, -90.0, base_m)


def _wall_of(piece: Placed) -> Wall:
    return "front" if piece.yaw_deg == 0 else "left" if piece.yaw_deg == 90 else "right"


def in_corners(scene: Scene, size: Size, _slot: int) -> Iterator[Pose]:
    """Yield the far corners, then places along the walls."""
    box = scene.space.room.box
    reach = max(size[0], size[2]) / 2 + 0.08
    left, right, far = -box.left_m + reach, box.right_m - reach, -box.front_m + reach
    spots = [(left, far), (right, far)]
    for share in np.arange(0.1, 0.75, 0.1):
        spots += [(left, far * (1 - share)), (right, far * (1 - share))]
        spots.append((left + share * (right - left), far))
    doors = sum(is_door(one) for one in scene.space.room.openings)
    for x, z in spots if doors < 4 else spots[:2]:
        yield Pose(float(x), float(z), float(np.degrees(np.arctan2(-x, -z))))


_LAMP = Group("floor_lamp", beside_anchor)
_PLANT = Group("plant", in_corners, wanted=False)
_ART = Group("picture", above_anchor, anywhere=True)
_RUG = Group("rug", under_group, anywhere=True)
_SIDEBOARD = Group("sideboard", in_corners, along_wall=True)
_SHELF = Group("shelf", in_corners, along_wall=True)
_BY_TYPE: dict[RoomType, tuple[Group, ...]] = {
    "living_room": (
        Group("coffee_table", before_sofa, worth=0.7, wanted=True),
        Group("armchair", facing_table, 2, worth=0.4),
        _RUG,
        Group("side_table", beside_anchor),
        Group("table_lamp", on_table, anywhere=True),
        _LAMP,
        _ART,
        _SIDEBOARD,
        _PLANT,
    ),
    "bedroom": (
        Group("bedside_table", beside_anchor, 2, worth=0.4, wanted=True),
        Group("table_lamp", on_table, 2, anywhere=True),
        _RUG,
        _ART,
        _SIDEBOARD,
        _PLANT,
        Group("armchair", in_corners),
    ),
    "dining_room": (
        Group("dining_chair", around_table, 6, wanted=True),
        _RUG,
        _SIDEBOARD,
        _ART,
        _PLANT,
    ),
    "office": (
        Group("office_chair", at_desk, worth=0.6, wanted=True),
        Group("table_lamp", on_desk, anywhere=True),
        _RUG,
        _ART,
        _SHELF,
        _PLANT,
        Group("armchair", in_corners),
    ),
    "kitchen": (Group("dining_chair", around_table, 4, wanted=True), _RUG, _PLANT),
}
# Where the anchor has no place the room still gets a chair and something green.
_WITHOUT_ANCHOR = (
    Group("armchair", in_corners), Group("sideboard", in_corners, along_wall=True),
    Group("shelf", in_corners, along_wall=True), _PLANT,
)  # fmt: skip


def group_of(room_type: RoomType, anchored: bool) -> tuple[Group, ...]:
    """Return what a type of room gets beside its anchor, in the order of placing."""
    if anchored:
        return _BY_TYPE[room_type]
    return (_PLANT,) if room_type in FITTED else _WITHOUT_ANCHOR
