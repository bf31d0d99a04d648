"""Faces and plates are found on people and vehicles, and cannot be told when they are hidden."""

import numpy as np
import pytest

from serving.image.array import Image
from serving.perception.detect import Detection
from serving.photos.privacy.blur import blur_areas
from serving.photos.privacy.find import PrivateArea, find_private
from synthetic.people import Box, Drawn, draw_car, draw_person, paste


def scene(drawn: Drawn, left: int = 60, top: int = 40) -> tuple[Image, Box, Box]:
    """A wall before which something stands; its own box, and that of its face or plate."""
    height, width = drawn.picture.shape[:2]
    grain = np.random.default_rng(1).integers(170, 190, (height + 90, width + 130, 3))
    wall = grain.astype(np.uint8)
    truth = paste(wall, drawn, left, top)
    return wall, (float(left), float(top), float(left + width), float(top + height)), truth


def one(label: str, box: Box, confidence: float = 0.8) -> Detection:
    return Detection(label, confidence, box)


def share_within(truth: Box, box: Box) -> float:
    wide = max(0.0, min(truth[2], box[2]) - max(truth[0], box[0]))
    high = max(0.0, min(truth[3], box[3]) - max(truth[1], box[1]))
    return wide * high / ((truth[2] - truth[0]) * (truth[3] - truth[1]))


@pytest.mark.parametrize("height", [160, 400])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_face_is_found_on_a_person(height: int, seed: int) -> None:
    wall, person, truth = scene(draw_person(np.random.default_rng(seed), height))
    (face,) = find_private(wall, wall.shape[:2], [one("person", person)])
    assert face.kind == "face"
    assert share_within(truth, face.box) > 0.75


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_plate_is_found_on_a_car(seed: int) -> None:
    wall, car, truth = scene(draw_car(np.random.default_rng(seed), 360))
    found = find_private(wall, wall.shape[:2], [one("car", car)])
    assert {area.kind for area in found} == {"number plate"}
    assert max(share_within(truth, area.box) for area in found) > 0.5


def test_boxes_are_told_in_pixels_of_the_photo_whatever_was_looked_at() -> None:
    wall, person, truth = scene(draw_person(np.random.default_rng(1), 400))
    size = (3 * wall.shape[0], 3 * wall.shape[1])
    left, top, right, bottom = (3 * edge for edge in person)
    (face,) = find_private(wall, size, [one("person", (left, top, right, bottom))])
    assert share_within(tuple(3 * edge for edge in truth), face.box) > 0.75  # type: ignore[arg-type]


def test_the_head_of_a_person_who_turns_away_is_an_area_too() -> None:
    plain = np.full((500, 400, 3), 120, np.uint8)
    box = (100.0, 50.0, 250.0, 450.0)
    (head,) = find_private(plain, (500, 400), [one("person", box)])
    assert head.kind == "head"
    assert head.box == (130.0, 50.0, 220.0, 130.0)
    assert find_private(plain, (500, 400), [one("person", box, 0.4)]) == ()


def test_nothing_is_looked_for_where_nobody_was_found() -> None:
    wall, _, _ = scene(draw_person(np.random.default_rng(1), 400))
    assert find_private(wall, wall.shape[:2], [one("chair", (60.0, 40.0, 260.0, 440.0))]) == ()


@pytest.mark.parametrize("box", [(-50, -50, 2, 2), (0, 0, 1, 500), (395, 495, 900, 900)])
def test_boxes_at_and_beyond_the_edge_do_no_harm(box: Box) -> None:
    plain = np.full((500, 400, 3), 120, np.uint8)
    found = find_private(plain, (500, 400), [one("person", box), one("car", box)])
    assert blur_areas(plain, found, (500, 400)).shape == plain.shape


def test_what_is_hidden_is_told_no_more_and_nothing_else_changes() -> None:
    wall, _, truth = scene(draw_person(np.random.default_rng(1), 400))
    before = wall.copy()
    made = blur_areas(wall, [PrivateArea("face", truth)], wall.shape[:2])
    np.testing.assert_array_equal(wall, before)
    left, top, right, bottom = (round(edge) for edge in truth)
    inner = np.s_[top + 10 : bottom - 10, left + 8 : right - 8]
    steps = [np.abs(np.diff(p[inner].astype(int), axis=1)).max() for p in (wall, made)]
    assert steps[1] < 0.2 * steps[0]
    assert (made[bottom + 60 :] == wall[bottom + 60 :]).all()
    assert (made[:, : left - 40] == wall[:, : left - 40]).all()


def test_a_smaller_copy_hides_the_same_places() -> None:
    wall, _, truth = scene(draw_person(np.random.default_rng(1), 400))
    small = np.ascontiguousarray(wall[::2, ::2])
    made = blur_areas(small, [PrivateArea("face", truth)], wall.shape[:2])
    changed = np.argwhere((made != small).any(axis=2)) * 2
    assert changed.min(axis=0)[0] < truth[1] + 10
    assert changed.max(axis=0)[1] > truth[2] - 10


def test_without_areas_the_very_photo_comes_back() -> None:
    wall = np.full((50, 40, 3), 120, np.uint8)
    assert blur_areas(wall, [], (50, 40)) is wall
