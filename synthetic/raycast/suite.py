"""Two rooms with a passage between them, as one scene."""

from dataclasses import dataclass, replace

import numpy as np

from synthetic.layout import collide
from synthetic.scene import Item, Opening, Room, Scene, Side, Vector, Wall
from synthetic.shell import REVEAL_M, shell_items

_OPPOSITE: dict[Side, Side] = {"back": "front", "front": "back", "left": "right", "right": "left"}
_CLEAR_M = 0.6  # before and behind the passage nothing stands
_CORNER_M = 0.25


@dataclass(frozen=True)
class Passage:
    """A hole through the wall between two rooms.

    Attributes
    ----------
    side : of the first room
    start_m : its lower end along the wall's axis of the world, in the first room's coordinates
    shift_m : how far the second room is moved along that axis
    """

    side: Side
    start_m: float
    shift_m: float
    width_m: float
    height_m: float


def join_rooms(first: Scene, second: Scene, rng: np.random.Generator) -> Scene:
    """Return the first room with a passage into the second, if a wall without windows is free.

    The second room's shell and things become things of the scene, its wall there has nothing but
    the passage.
    """
    if first.room is None or second.room is None:
        return first
    free: list[Side] = [
        side for side in ("back", "right", "left") if not first.room.wall(side).openings
    ]
    if not free:
        return first
    passage = _draw_passage(first.room, second.room, free[int(rng.integers(len(free)))], rng)
    opened = _opened(first, passage, passage.side, passage.start_m)
    other = _opened(second, passage, _OPPOSITE[passage.side], passage.start_m - passage.shift_m)
    assert other.room is not None
    beyond = (*shell_items(other.room), *other.items)
    away = _offset(first.room, second.room, passage)
    moved = tuple(
        replace(
            item,
            name=f"beyond-{item.name}",
            position=_moved(item.position, away),
            support="wall" if item.support == "wall" else f"beyond-{item.support}",
        )
        for item in beyond
    )
    return replace(opened, items=(*opened.items, *moved))


def _draw_passage(first: Room, second: Room, side: Side, rng: np.random.Generator) -> Passage:
    axis = 0 if side in ("back", "front") else 2
    lengths = first.size[axis], second.size[axis]
    width = float(min(rng.choice([0.85, 1.2, 2.0, 2.8]), min(lengths) - 3 * _CORNER_M))
    start = float(rng.uniform(_CORNER_M, lengths[0] - width - _CORNER_M))
    theirs = float(rng.uniform(_CORNER_M, lengths[1] - width - _CORNER_M))
    height = float(min(rng.uniform(2.0, 2.4), first.size[1] - 0.1, second.size[1] - 0.1))
    return Passage(side, start, start - theirs, width, height)


def _opened(scene: Scene, passage: Passage, side: Side, start_m: float) -> Scene:
    """Return a scene whose wall has the passage and no other opening, and nothing in its way."""
    room = scene.room
    assert room is not None
    length = room.size[0] if side in ("back", "front") else room.size[2]
    # a wall's left end, seen from inside, is the lower end of the axis at the back and the right
    along = start_m if side in ("back", "right") else length - start_m - passage.width_m
    hole = Opening("passage", along, 0.0, passage.width_m, passage.height_m)
    walls = tuple(
        replace(wall, openings=(hole,)) if name == side else wall
        for name, wall in zip(("back", "right", "front", "left"), room.walls, strict=True)
    )
    zone = _zone(room, passage, side, start_m)
    blocked = {i.name for i in scene.items if i.category != "rug" and collide(i, zone)}
    kept = tuple(
        item for item in scene.items if item.name not in blocked and item.support not in blocked
    )
    return replace(scene, room=replace(room, walls=_four(walls)), items=kept)


def _four(walls: tuple[Wall, ...]) -> tuple[Wall, Wall, Wall, Wall]:
    back, right, front, left = walls
    return back, right, front, left


def _zone(room: Room, passage: Passage, side: Side, start_m: float) -> Item:
    middle, half = start_m + passage.width_m / 2, _CLEAR_M / 2
    across = {
        "back": half,
        "front": room.size[2] - half,
        "left": half,
        "right": room.size[0] - half,
    }
    size = (passage.width_m, 2.0, _CLEAR_M)
    if side in ("back", "front"):
        return Item("passage", "none", size, (middle, 0.0, across[side]))
    return Item("passage", "none", size, (across[side], 0.0, middle), 90.0)


def _moved(position: Vector, away: Vector) -> Vector:
    x, y, z = (p + a for p, a in zip(position, away, strict=True))
    return x, y, z


def _offset(first: Room, second: Room, passage: Passage) -> Vector:
    gap = 2 * REVEAL_M
    return {
        "back": (passage.shift_m, 0.0, -second.size[2] - gap),
        "front": (passage.shift_m, 0.0, first.size[2] + gap),
        "left": (-second.size[0] - gap, 0.0, passage.shift_m),
        "right": (first.size[0] + gap, 0.0, passage.shift_m),
    }[passage.side]
