from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.perception.classes import CLASSES, Class
from serving.staging.kit import RoomType
from serving.staging.layout.fit import Scene, overlap, wall_behind
from serving.staging.layout.plan import Placed, Plan
from serving.staging.layout.solve import plan
from serving.staging.layout.space import door_zone, stands_on, survey
from serving.staging.room import Room, faces_of
from tests.serving.staging.sample_kit import sample_kit, sample_room

ROOMS: tuple[RoomType, ...] = ("living_room", "bedroom", "dining_room", "office")
views = st.tuples(st.floats(70, 100), st.floats(-35, 35))


def made(
    room_type: RoomType, hfov_deg: float = 85, yaw_deg: float = 12, seed: int = 0
) -> tuple[Plan, Room]:
    room, ids = sample_room(hfov_deg, yaw_deg)
    return plan(survey(room, ids), sample_kit(), room_type, seed), room


@pytest.mark.parametrize("room_type", ROOMS)
def test_plan_finds_a_place_for_what_a_room_is_arranged_around(room_type: RoomType) -> None:
    done, _ = made(room_type)
    assert done.pieces
    assert not any(reason.startswith("no_place") and "chair" not in reason and "table" not in reason
                   for reason in done.reasons)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(views, st.sampled_from(ROOMS), st.integers(0, 5))
def test_plan_stands_on_free_floor_apart_from_doors_and_other_pieces(
    view: tuple[float, float], room_type: RoomType, seed: int
) -> None:
    room, ids = sample_room(*view)
    space = survey(room, ids)
    done = plan(space, sample_kit(), room_type, seed)
    standing = [piece for piece in done.pieces if piece.on_floor]
    for piece in standing:
        _, free, kept = stands_on(space, piece)
        assert free >= 0.93
        assert kept <= 0.02
        assert np.hypot(*piece.footprint().T).min() >= 1.25
    for at, first in enumerate(standing):
        for second in standing[at + 1 :]:
            if "dining_chair" in (first.role, second.role) or "office_chair" in (
                first.role,
                second.role,
            ):
                continue
            assert not overlap(first.footprint(), second.footprint())
    assert Scene(space, done.pieces).leaves_ways()


@pytest.mark.parametrize("room_type", ROOMS)
def test_plan_is_the_same_for_the_same_room_and_seed(room_type: RoomType) -> None:
    assert made(room_type)[0] == made(room_type)[0]


def test_plan_of_a_room_without_floor_says_why() -> None:
    room, ids = sample_room()
    nothing = np.full_like(ids, CLASSES.index("bed"))
    done = plan(survey(room, nothing), sample_kit(), "living_room")
    assert done.pieces == ()
    assert "no_place_sofa" in done.reasons


def test_plan_of_a_type_the_kit_does_not_know_says_so() -> None:
    room, ids = sample_room()
    assert "no_furniture" in plan(survey(room, ids), sample_kit(), "kitchen").reasons


def test_anchor_has_a_wall_behind_it_and_no_cabinet() -> None:
    room, ids = sample_room()
    halves = ids.copy()
    wall = halves == CLASSES.index("wall")
    wall[:, 170:] = False
    halves[wall] = CLASSES.index("cabinet")
    space = survey(room, halves)
    sofa = next(p for p in plan(space, sample_kit(), "living_room").pieces if p.role == "sofa")
    wall_name = {0.0: "front", 90.0: "left", -90.0: "right"}[sofa.yaw_deg]
    along = sofa.x_m if wall_name == "front" else sofa.z_m
    assert wall_behind(space, wall_name, along - 1, along + 1) >= 0.75  # type: ignore[arg-type]


def test_plan_prefers_to_stand_where_something_was_removed() -> None:
    room, ids = sample_room(85, 0)
    space = survey(room, ids)
    gone = np.zeros(ids.shape, bool)
    pixels = room.camera.project(
        np.array([[x, 0.0, z] for x in (-1.9, -0.2) for z in (-4.7, -3.6)])
    )
    low, high = pixels.min(axis=0).astype(int), pixels.max(axis=0).astype(int)
    gone[low[1] : high[1], low[0] : high[0]] = True
    sofas = [
        next(p for p in plan(one, sample_kit(), "living_room").pieces if p.role == "sofa")
        for one in (space, survey(room, ids, gone))
    ]
    assert abs(sofas[1].x_m - -1.0) < abs(sofas[0].x_m - -1.0)


def test_survey_keeps_doors_free() -> None:
    room, ids = sample_room()
    door = room.openings[0]
    zone = door_zone(room, door).mean(axis=0)
    before = Placed("a", "plant", float(zone[0]), float(zone[1]), 0, (0.4, 1, 0.4))
    assert stands_on(survey(room, ids), before)[2] > 0.9


def test_footprint_turns_with_the_piece() -> None:
    piece = Placed("a", "sofa", 1, -3, 90, (2.0, 0.8, 0.9))
    assert np.ptp(piece.footprint(), axis=0) == pytest.approx((0.9, 2.0))
    assert piece.beside(1, 0) == pytest.approx((2, -3))
    assert piece.beside(0, 1) == pytest.approx((1, -2))


@pytest.mark.parametrize("kind", ["picture", "mirror", "window", "curtain"])
def test_nothing_tall_stands_before_what_hangs_on_a_wall(kind: Class) -> None:
    room, ids = sample_room(85, 0)
    shelf = Placed("a", "shelf", 0.0, -room.box.front_m + 0.25, 0, (0.9, 1.9, 0.35))
    low = replace(shelf, size_m=(0.9, 0.8, 0.35))
    bare, rows = survey(room, ids), room.camera.project(shelf.corners())[:, 1]
    strip = slice(int(rows.min()), int(rows.min() + 0.3 * np.ptp(rows)))
    hung = ids.copy()
    hung[strip][ids[strip] == CLASSES.index("wall")] = CLASSES.index(kind)
    assert Scene(bare).fits(shelf)
    assert not Scene(survey(room, hung)).fits(shelf)
    assert Scene(survey(room, hung)).fits(low), "it stands below"


def test_no_picture_hangs_before_another_whatever_its_height() -> None:
    kit = sample_kit()
    room, ids = sample_room(85, 12)
    first = plan(survey(room, ids), kit, "bedroom")
    new = next(piece for piece in first.pieces if piece.role == "picture")
    old = room.camera.project(new.corners()).astype(int)
    (left, top), (right, bottom) = old.min(axis=0), old.max(axis=0)
    ids = ids.copy()
    ids[max(top - 3, 0) : (top + bottom) // 2, left:right] = CLASSES.index("picture")
    again = plan(survey(room, ids), kit, "bedroom")
    assert not any(
        piece.role == "picture" and abs(piece.x_m - new.x_m) < 0.3 and piece.z_m == new.z_m
        for piece in again.pieces
    )


def test_a_kitchen_takes_a_table_only_where_cooks_have_room() -> None:
    kit = sample_kit()
    rooms = {**kit.rooms, "kitchen": {"dining_table": ("a_dining_table",)}}
    kit = kit.model_copy(update={"rooms": rooms})
    room, ids = sample_room(85, 12)
    small = Room(room.camera, replace(room.box, left_m=1.4, right_m=1.5, front_m=3.6), ())
    faces, _ = faces_of(small.camera, small.box, small.camera.grid_rays(*ids.shape))
    names = ("floor", "ceiling", "wall", "wall", "wall")
    narrow = np.array([CLASSES.index(name) for name in names], np.uint8)[faces]
    done = plan(survey(small, narrow), kit, "kitchen")
    assert not done.pieces
    assert "no_place_dining_table" in done.reasons
