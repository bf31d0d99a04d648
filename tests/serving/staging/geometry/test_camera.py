"""The camera of a photo is told by its lines, and it is said when they do not tell it."""

import math

import numpy as np
import pytest

from serving.errors import BadImage
from serving.staging.geometry.camera import find_camera, to_camera
from serving.staging.geometry.frames import (
    angle_between,
    facing_ahead,
    frame_of,
    quarter_turns,
    rotation_by,
)
from serving.staging.geometry.refine import Pose, Prior, _slopes, refine_pose, start_pose
from serving.staging.geometry.segments import Segments
from tests.serving.staging.drawn_room import SIZE, camera_at, draw, frame_of_camera


@pytest.mark.parametrize(
    ("hfov_deg", "yaw_deg", "pitch_deg", "roll_deg"),
    [(60, 30, -4, 0.8), (75, -25, -8, -1.0), (95, 40, 3, 0.5), (70, 35, 0, 0)],
)
def test_a_cameras_turn_and_focal_length_are_told(
    hfov_deg: float, yaw_deg: float, pitch_deg: float, roll_deg: float
) -> None:
    camera = camera_at(hfov_deg, yaw_deg, pitch_deg, roll_deg)
    found = find_camera(draw(camera)[0])
    turn = angle_between(found.pose.frame, frame_of_camera(camera))
    assert math.degrees(turn) < 0.6
    assert found.camera.focal_px == pytest.approx(camera.focal_px, rel=0.03)


def test_a_centre_that_is_off_both_ways_is_found() -> None:
    camera = camera_at(70, 33, pitch_deg=-6, shift=(0.05, -0.05))
    found = find_camera(draw(camera)[0])
    assert found.camera.centre_px == pytest.approx(camera.centre_px, abs=0.02 * SIZE[1])
    assert found.camera.focal_px == pytest.approx(camera.focal_px, rel=0.03)


def test_a_wall_seen_from_the_front_says_nothing_of_the_focal_length() -> None:
    frontal = find_camera(draw(camera_at(70, 0, pitch_deg=0, roll_deg=0))[0])
    corner = find_camera(draw(camera_at(70, 33, pitch_deg=-4))[0])
    assert frontal.evidence.focal_sd > 3 * corner.evidence.focal_sd
    assert frontal.evidence.floor_sd > 3 * corner.evidence.floor_sd


def test_a_photo_without_lines_has_a_camera_that_nothing_speaks_for() -> None:
    found = find_camera(np.full((300, 450, 3), 128, np.uint8))
    assert found.evidence.segments == 0
    assert found.evidence.weaker_share == 0
    assert found.camera.focal_px == pytest.approx(Prior().focal * 450)


def test_the_front_is_the_wall_that_the_camera_looks_at() -> None:
    found = find_camera(draw(camera_at(70, 33))[0])
    ahead = found.camera.rotation @ np.array([0.0, 0.0, -1.0])
    assert ahead[2] > math.cos(math.radians(46))


def test_a_photo_is_found_the_same_twice_and_not_written_to() -> None:
    photo, _ = draw(camera_at())
    before = photo.copy()
    first, second = find_camera(photo), find_camera(photo)
    assert np.array_equal(first.camera.rotation, second.camera.rotation)
    assert np.array_equal(photo, before)


def test_what_is_no_photo_is_refused() -> None:
    with pytest.raises(BadImage):
        find_camera(np.zeros((20, 20), np.uint8))


def test_quarter_turns_are_the_same_room() -> None:
    frame = frame_of(np.array([0.1, 1.0, -0.05]), 0.4)
    for turned in quarter_turns(frame):
        assert np.linalg.det(turned) == pytest.approx(1)
        assert angle_between(frame, turned) == pytest.approx(0, abs=1e-6)
    away = rotation_by(np.array([0.0, 0.2, 0.0])) @ frame
    assert angle_between(frame, away) == pytest.approx(0.2, abs=1e-3)
    assert facing_ahead(frame)[2, 2] >= max(turned[2, 2] for turned in quarter_turns(frame))


def test_vanishing_points_are_where_far_points_are_seen() -> None:
    camera = camera_at(shift=(0.04, 0.03))
    centre = (np.array(camera.centre_px) - np.array([SIZE[1], SIZE[0]]) / 2) / SIZE[1]
    pose = Pose(frame_of_camera(camera), camera.focal_px / SIZE[1], centre, np.eye(6))
    far = camera.project(np.array([[1e6, 0.0, -1e6 * 0.0], [0.0, 0.0, -1e6]]))
    points = pose.vanishing_points()[[0, 2]]
    seen = points[:, :2] / points[:, 2:] * SIZE[1] + np.array([SIZE[1], SIZE[0]]) / 2
    ahead = ~np.isnan(far).any(axis=1)
    assert seen[ahead] == pytest.approx(far[ahead], abs=0.1)
    assert to_camera(pose, SIZE).rotation == pytest.approx(camera.rotation)


def _some_segments() -> Segments:
    rng = np.random.default_rng(5)
    angle = rng.uniform(0, math.pi, 6)
    way = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Segments(rng.normal(0, 0.3, (6, 2)), way, np.ones(6), np.ones(6))


@pytest.mark.parametrize("place", range(6))
def test_slopes_are_those_of_small_changes(place: int) -> None:
    segments, kinds = _some_segments(), np.array([0, 1, 2, 0, 1, 2])
    pose = Pose(frame_of(np.array([0.02, 1.0, 0.1]), 0.4), 0.7, np.array([0.01, 0.02]), np.eye(6))
    slopes, here = _slopes(segments, pose, pose.vanishing_points()[kinds], kinds)
    step = np.zeros(6)
    step[place] = 1e-6
    moved = Pose(
        rotation_by(step[:3]) @ pose.frame,
        pose.focal * math.exp(step[3]),
        pose.centre + step[4:],
        np.eye(6),
    )
    _, there = _slopes(segments, moved, moved.vanishing_points()[kinds], kinds)
    assert (there - here) / 1e-6 == pytest.approx(slopes[:, place], abs=1e-4)


def test_without_lines_a_camera_goes_back_to_what_is_usual() -> None:
    nothing = _some_segments().only(np.zeros(6, bool))
    start = start_pose(frame_of(np.array([0.0, 1.0, 0.05]), 0.3), 0.9)
    found = refine_pose(nothing, start, Prior())
    assert found.focal == pytest.approx(Prior().focal, rel=1e-3)
    assert found.pitch == pytest.approx(0, abs=1e-3)
    assert math.sqrt(found.covariance[3, 3]) == pytest.approx(Prior().log_focal, rel=1e-3)
