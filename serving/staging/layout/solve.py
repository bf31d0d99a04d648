"""Arranges a room of a kit: an anchor first, then what belongs to it, then the corners.

Nothing is random but the order of equals, which the seed tells.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from serving.staging.kit import ANCHORS, Kit, Role, RoomType
from serving.staging.layout.fit import Scene, covered, facing, wall_behind
from serving.staging.layout.groups import Group, group_of
from serving.staging.layout.plan import Placed, Plan
from serving.staging.layout.space import Space, wall_point, wall_reach
from serving.staging.masks.kinds import FITTED
from serving.staging.room import Wall

WALLS: tuple[Wall, ...] = ("front", "right", "left")
_YAWS: dict[Wall, float] = {"front": 0.0, "left": 90.0, "right": -90.0}
_STEP_M = 0.1
_OFF_WALL_M = 0.05
_LEAST_WALL = 0.75
# An anchor takes at most this share of its wall: the rest is for what stands beside it.
_SHARE_OF_WALL = 0.7
_FREE_STANDING: frozenset[Role] = frozenset(("dining_table",))
# metres around a table, and the share of that which must be free floor
_FOR_CHAIRS, _BESIDE_COUNTERS = (0.55, 0.8), (1.3, 0.9)
_MOST_TRIED = 40
_MOST_ARRANGED = 5


@dataclass(frozen=True)
class _Choice:
    score: float
    piece: Placed


def plan(space: Space, kit: Kit, room_type: RoomType, seed: int = 0) -> Plan:
    """Return what of a kit stands where in a room.

    Parameters
    ----------
    space : `survey` of a photo of the room
    kit : sizes and roles
    room_type : what the room is to become
    seed : the same seed, room and kit give the same plan

    Returns
    -------
    Plan
        Without pieces, and with reasons, where nothing fits.
    """
    role = ANCHORS[room_type]
    skus = kit.of_role(room_type, role)
    if not skus:
        return Plan(kit.name, room_type, seed, (), {"no_furniture": f"the kit has no {role}"})
    scene = Scene(space)
    anchors = _several(scene, _anchors(scene, kit, skus, room_type), seed)
    if not anchors:
        rest, reasons = _arrange(scene, kit, room_type, group_of(room_type, False), seed)
        told = {f"no_place_{role}": f"no place in the room takes a {role} of this kit"}
        return Plan(kit.name, room_type, seed, rest.placed, told | reasons)
    groups = group_of(room_type, True)
    worth = {group.role: group.worth for group in groups}
    tried = [
        (one.score, *_arrange(scene.with_piece(one.piece), kit, room_type, groups, seed))
        for one in anchors
    ]
    weighed = [score + sum(worth.get(p.role, 0) for p in done.placed) for score, done, _ in tried]
    _, best, reasons = tried[int(np.argmax(weighed))]
    return Plan(kit.name, room_type, seed, best.placed, reasons)


def _arrange(
    scene: Scene, kit: Kit, room_type: RoomType, groups: tuple[Group, ...], seed: int
) -> tuple[Scene, dict[str, str]]:
    """Return the scene with what fits of some groups, and what does not."""
    reasons: dict[str, str] = {}
    for group in groups:
        before = len(scene.placed)
        scene = _add(scene, kit, kit.of_role(room_type, group.role), group, seed)
        if group.wanted and len(scene.placed) == before:
            reasons[f"no_place_{group.role}"] = f"no place for a {group.role}"
    return scene, reasons


def of_kit(
    kit: Kit, sku: str, at: tuple[float, float], yaw_deg: float, base_m: float = 0
) -> Placed:
    """Return a piece of a kit in a place."""
    piece = kit.pieces[sku]
    return Placed(sku, piece.role, at[0], at[1], yaw_deg, piece.size_m, base_m)


def _ranked(choices: Iterable[_Choice], seed: int) -> list[_Choice]:
    rng = np.random.default_rng(seed)
    moved = [_Choice(one.score + rng.uniform(0, 0.02), one.piece) for one in choices]
    return sorted(moved, key=lambda one: -one.score)


def _best(scene: Scene, choices: Iterable[_Choice], seed: int) -> Placed | None:
    """Return the best place that leaves ways to the doors."""
    ranked = _ranked(choices, seed)[:_MOST_TRIED]
    return next((one.piece for one in ranked if scene.with_piece(one.piece).leaves_ways()), None)


def _several(scene: Scene, choices: Iterable[_Choice], seed: int) -> list[_Choice]:
    """Return the best place of each piece at each wall, the best first."""
    kept: dict[tuple[str, float], _Choice] = {}
    for one in _ranked(choices, seed)[: 3 * _MOST_TRIED]:
        name = one.piece.sku, one.piece.yaw_deg
        if name not in kept and scene.with_piece(one.piece).leaves_ways():
            kept[name] = one
    return list(kept.values())[:_MOST_ARRANGED]


def _anchors(
    scene: Scene, kit: Kit, skus: tuple[str, ...], room_type: RoomType
) -> Iterator[_Choice]:
    needed = _BESIDE_COUNTERS if room_type in FITTED else _FOR_CHAIRS
    for order, sku in enumerate(skus):
        if ANCHORS[room_type] in _FREE_STANDING:
            yield from _standing_free(scene, kit, sku, -0.25 * order, needed)
        else:
            yield from along_walls(scene, kit, sku, -0.25 * order)


def along_walls(scene: Scene, kit: Kit, sku: str, bonus: float) -> Iterator[_Choice]:
    """Yield the places with its back to a wall that take a piece, each with its score."""
    width, _, depth = kit.pieces[sku].size_m
    for wall in WALLS:
        low, high = wall_reach(scene.space.room, wall)
        if wall != "front":
            high = min(high, -0.5)
        if width > _SHARE_OF_WALL * max(high - low, 2.4):
            continue
        for along in np.arange(low + width / 2 + 0.05, high - width / 2, _STEP_M):
            at = wall_point(scene.space.room, wall, float(along), depth / 2 + _OFF_WALL_M)
            piece = of_kit(kit, sku, at, _YAWS[wall])
            behind = wall_behind(scene.space, wall, along - width / 2, along + width / 2)
            if behind < _LEAST_WALL or not scene.fits(piece):
                continue
            off_middle = abs(float(along) - (low + high) / 2) / (high - low)
            yield _Choice(bonus + _score(scene, piece) + 0.4 * behind - 0.8 * off_middle, piece)


def _score(scene: Scene, piece: Placed) -> float:
    seen, _ = scene.seen(piece)
    away = float(np.hypot(piece.x_m, piece.z_m))
    ahead = piece.moved(*piece.beside(0.8, 0.0))
    under = scene.space.cells(ahead.footprint())
    room = float((scene.space.free & under).sum()) / max(int(under.sum()), 1)
    hides = covered(scene.space, piece) / (piece.size_m[0] * piece.size_m[2])
    return 1.0 * facing(piece) + 1.5 * seen - 0.05 * away + 0.8 * room + 1.5 * hides


def _standing_free(
    scene: Scene, kit: Kit, sku: str, bonus: float, needed: tuple[float, float]
) -> Iterator[_Choice]:
    """Yield places in the open floor for a table, with room for chairs around it.

    Parameters
    ----------
    needed : metres around it, and the share of that which must be free
    """
    space, (width, _, depth) = scene.space, kit.pieces[sku].size_m
    rows, columns = np.nonzero(space.free[::4, ::4])
    middle_z = -space.room.box.front_m * 0.62
    for row, column in zip(rows * 4, columns * 4, strict=True):
        at = (space.corner_m[0] + (column + 0.5) * 0.05, space.corner_m[1] + (row + 0.5) * 0.05)
        for yaw in (0.0, 90.0) if width != depth else (0.0,):
            piece = of_kit(kit, sku, at, yaw)
            with_chairs = space.cells(piece.footprint(needed[0]))
            room = float((space.free & with_chairs).sum()) / max(int(with_chairs.sum()), 1)
            if room < needed[1] or not scene.fits(piece):
                continue
            hides = covered(space, piece)
            middle = -0.12 * abs(at[0]) - 0.12 * abs(at[1] - middle_z)
            seen, _ = scene.seen(piece)
            yield _Choice(bonus + room + seen + middle + 0.5 * hides, piece)


def _add(scene: Scene, kit: Kit, skus: tuple[str, ...], group: Group, seed: int) -> Scene:
    """Return the scene with what fits of a group."""
    for slot in range(group.count):
        piece = _first(scene, kit, skus, group, slot, seed)
        if piece is not None:
            scene = scene.with_piece(piece)
    return scene


def _first(
    scene: Scene, kit: Kit, skus: tuple[str, ...], group: Group, slot: int, seed: int
) -> Placed | None:
    if group.along_wall:
        choices = (one for sku in skus for one in along_walls(scene, kit, sku, 0.0))
        return _best(scene, choices, seed)
    for sku in skus:
        size = kit.pieces[sku].size_m
        for pose in group.poses(scene, size, slot):
            piece = of_kit(kit, sku, (pose.x_m, pose.z_m), pose.yaw_deg, pose.base_m)
            if group.anywhere or (scene.fits(piece) and scene.with_piece(piece).leaves_ways()):
                return piece
    return None
