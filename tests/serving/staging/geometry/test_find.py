"""A room's box, openings, scale and doubts, from a photo and its map of classes."""

from dataclasses import replace

import numpy as np
import pytest

from serving.errors import BadInput
from serving.perception.classes import CLASSES
from serving.staging.geometry.doubts import REFUSALS
from serving.staging.geometry.find import FoundRoom, find_room
from serving.staging.geometry.scale import find_scale
from serving.staging.room import Box, Opening
from tests.serving.staging.drawn_room import BOX, DOOR, WINDOW, camera_at, draw

CAMERA = camera_at(85, -20, pitch_deg=-4)


@pytest.fixture(scope="module")
def found() -> FoundRoom:
    photo, ids = draw(CAMERA)
    return find_room(photo, ids)


def test_walls_are_found_where_they_stand(found: FoundRoom) -> None:
    by = CAMERA.height_m / found.room.camera.height_m
    box = found.room.box
    assert box.front_m * by == pytest.approx(BOX.front_m, rel=0.04)
    assert box.right_m * by == pytest.approx(BOX.right_m, rel=0.06)
    assert box.height_m * by == pytest.approx(BOX.height_m, rel=0.04)
    assert {"floor", "ceiling", "front", "right"} <= box.seen


def test_the_scale_comes_from_ceiling_and_door(found: FoundRoom) -> None:
    assert found.room.camera.height_m == pytest.approx(CAMERA.height_m, rel=0.06)
    assert set(found.scale.by) == {"ceiling", "door"}


@pytest.mark.parametrize("opening", [WINDOW, DOOR])
def test_openings_are_found_on_their_walls(found: FoundRoom, opening: Opening) -> None:
    [match] = [one for one in found.room.openings if one.wall == opening.wall]
    assert match.kind == opening.kind
    told = match.start_m, match.end_m, match.bottom_m, match.top_m
    real = opening.start_m, opening.end_m, opening.bottom_m, opening.top_m
    assert told == pytest.approx(real, abs=0.2)


def test_a_sure_room_is_not_refused(found: FoundRoom) -> None:
    assert not found.refusals
    assert not {"no_box", "unsure_scale"} & found.room.doubts.keys()


def test_a_window_that_reaches_the_floor_is_a_door() -> None:
    tall = replace(WINDOW, bottom_m=0.05)
    photo, ids = draw(CAMERA, openings=(tall,))
    assert [one.kind for one in find_room(photo, ids).room.openings] == ["door"]


def test_a_wall_that_is_out_of_the_picture_is_not_said_to_be_seen() -> None:
    photo, ids = draw(camera_at(60, 38, pitch_deg=-4))
    assert "right" not in find_room(photo, ids).room.box.seen


def test_a_wall_of_which_only_the_front_is_seen_is_refused_for_its_focal_length() -> None:
    photo, ids = draw(camera_at(70, 0, pitch_deg=0, roll_deg=0))
    refused = find_room(photo, ids)
    assert "unsure_focal" in refused.refusals
    assert "%" in refused.room.doubts["unsure_focal"]


@pytest.mark.parametrize(
    ("shown", "code"), [("tree", "outdoors"), ("wall", "no_floor"), ("mirror", "mirrors")]
)
def test_what_the_map_shows_may_be_no_room(shown: str, code: str) -> None:
    photo, ids = draw(CAMERA)
    names: list[str] = list(CLASSES)
    doubts = find_room(photo, np.full_like(ids, names.index(shown))).room.doubts
    assert code in doubts


def test_a_small_photo_without_lines_is_refused_for_both() -> None:
    photo = np.full((120, 180, 3), 90, np.uint8)
    refused = find_room(photo, np.zeros((16, 16), np.uint8)).refusals
    assert {"too_small", "few_lines", "no_frame"} <= set(refused) <= REFUSALS


def test_what_is_no_map_is_refused() -> None:
    photo, ids = draw(CAMERA)
    with pytest.raises(BadInput):
        find_room(photo, ids.astype(np.int32))


def test_a_sloping_ceiling_says_nothing_of_the_scale() -> None:
    room = Box(3.0, 2.0, 2.0, 3.4)
    assert find_scale(room, ()).by == ()
    assert find_scale(replace(room, height_m=1.8), ()).by == ("ceiling",)
    assert find_scale(replace(room, height_m=1.8), ()).height_m == pytest.approx(1.39, abs=0.02)
