"""What every step of staging agrees on: pixels, rays, points and the faces of a room."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.staging.room import FACES, Box, Camera, faces_of

BOX = Box(front_m=4.0, left_m=2.0, right_m=3.0, height_m=2.5)


@given(
    hfov=st.floats(50, 100), yaw=st.floats(-40, 40), height=st.floats(1.0, 1.8),
    x=st.floats(-1, 1), z=st.floats(-6, -2),
)  # fmt: skip
def test_a_point_of_the_floor_is_found_again_from_its_pixel(
    hfov: float, yaw: float, height: float, x: float, z: float
) -> None:
    camera = Camera.level((600, 900), hfov, height, yaw)
    pixel = camera.project(np.array([x, 0.0, z]))
    if np.isnan(pixel).any():
        return
    assert camera.to_floor(pixel) == pytest.approx([x, z], abs=1e-6)


def test_turned_to_the_left_what_was_ahead_is_to_the_right() -> None:
    ahead = np.array([0.0, 1.5, -3.0])
    straight = Camera.level((600, 900), 70, 1.5).project(ahead)
    turned = Camera.level((600, 900), 70, 1.5, yaw_deg=20).project(ahead)
    assert straight == pytest.approx([450, 300])
    assert turned[0] > straight[0]


def test_another_size_of_the_photo_shows_the_same() -> None:
    camera = Camera.level((600, 900), 70, 1.5, yaw_deg=10)
    point = np.array([0.4, 0.2, -3.0])
    assert camera.scaled((300, 450)).project(point) * 2 == pytest.approx(camera.project(point))


def test_each_face_is_met_where_it_stands() -> None:
    camera = Camera.level((600, 900), 70, 1.5)
    rays = np.array([[0, -1, -0.5], [0, 1, -0.5], [0, 0, -1], [-1, 0, -0.1], [1, 0, -0.1]], float)
    faces, distance = faces_of(camera, BOX, rays)
    assert [FACES[face] for face in faces] == list(FACES)
    assert distance == pytest.approx([1.5, 1.0, 4.0, 2.0, 3.0])


def test_what_is_above_the_horizon_is_not_on_the_floor() -> None:
    camera = Camera.level((600, 900), 70, 1.5)
    assert np.isnan(camera.to_floor(np.array([450.0, 100.0]))).all()
