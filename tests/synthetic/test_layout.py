from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic.build import build_scene
from synthetic.layout import (
    Plan,
    at_wall,
    collide,
    find_faults,
    footprint,
    on_top,
    rectangles_overlap,
    under_ceiling,
)
from synthetic.scene import SIDES, Item, Material, Room, Side, Wall

WALL = Wall(Material())
ROOM = Room((4.0, 2.5, 3.0), (WALL, WALL, WALL, WALL), Material(), Material(), Material())
CHAIR = Item("chair", "chair", (0.5, 0.9, 0.6))


@pytest.mark.parametrize("side", SIDES)
def test_at_wall_turns_the_back_to_the_wall(side: Side) -> None:
    posed = at_wall(ROOM, side, 1.0, CHAIR, 0.0)
    corners = footprint(posed)
    inward = {"back": (1, 0), "right": (0, 4.0), "front": (1, 3.0), "left": (0, 0)}[side]
    axis, wall = inward
    distances = np.abs(corners[:, axis] - wall)
    np.testing.assert_allclose(np.sort(distances), [0, 0, 0.6, 0.6], atol=1e-9)


@given(
    turn=st.floats(0, 360),
    apart=st.floats(0, 2),
    way=st.floats(0, 2 * np.pi),
)
def test_rectangles_overlap_is_symmetric_and_true_when_centres_are_close(
    turn: float, apart: float, way: float
) -> None:
    a = footprint(CHAIR)
    offset = (apart * np.cos(way), 0.0, apart * np.sin(way))
    b = footprint(replace(CHAIR, position=offset, yaw_deg=turn))
    assert rectangles_overlap(a, b) == rectangles_overlap(b, a)
    if apart < 0.48:
        assert rectangles_overlap(a, b)
    if apart > 0.79:
        assert not rectangles_overlap(a, b)


def test_collide_lets_things_stand_on_and_under_each_other() -> None:
    table = Item("table", "table", (1, 0.7, 1))
    assert not collide(table, on_top(replace(CHAIR, name="vase"), table))
    assert not collide(table, replace(CHAIR, position=(0, 1.0, 0)))
    assert collide(table, CHAIR)


def test_plan_adds_a_group_only_as_a_whole() -> None:
    plan = Plan(ROOM).add(replace(CHAIR, position=(1, 0, 1)))
    free = replace(CHAIR, name="free", position=(3, 0, 2))
    blocked = replace(CHAIR, name="blocked", position=(1.2, 0, 1))
    assert plan.add(free, blocked) == plan
    assert plan.add(None) == plan
    assert plan.add(free).find("free") == free
    with pytest.raises(ValueError, match="blocked does not fit"):
        plan.need(blocked)


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        (replace(CHAIR, position=(0.1, 0, 1)), "not inside the room"),
        (replace(CHAIR, position=(2, 0.5, 1)), "does not stand on the floor"),
        (replace(CHAIR, position=(2, 0.5, 1), support="table"), "which is not there"),
        (replace(CHAIR, position=(2, 0.5, 1), support="ceiling"), "does not hang"),
    ],
)
def test_find_faults_names_what_is_wrong(item: Item, fault: str) -> None:
    scene = replace(build_scene("office", 0, {}), room=ROOM, items=(item,))
    assert any(fault in found for found in find_faults(scene))


def test_find_faults_sees_two_things_in_one_place() -> None:
    spot = replace(CHAIR, position=(2, 0, 1))
    scene = replace(build_scene("office", 0, {}), room=ROOM, items=(spot, replace(spot, name="b")))
    assert any("collide" in found for found in find_faults(scene))


def test_under_ceiling_hangs_the_lamp_from_it() -> None:
    lamp = under_ceiling(ROOM, 1, 1, Item("lamp", "lamp", (0.3, 0.5, 0.3)))
    assert lamp.position[1] + lamp.size[1] == pytest.approx(2.5)
