import numpy as np
import pytest

from synthetic.scene import Camera, Material, Room, Wall
from synthetic.views import (
    intrinsics,
    pixel_rays,
    project_points,
    room_corners,
    world_to_camera,
)

CAMERA = Camera((1.0, 1.4, 2.0), yaw_deg=200.0, hfov_deg=70.0, rise=-0.1)


def test_pixel_rays_meet_their_pixels_again() -> None:
    rays = pixel_rays(CAMERA, 12, 8)
    points = np.array(CAMERA.position) + 3.0 * rays
    pixels = project_points(points.reshape(-1, 3), CAMERA, 12, 8).reshape(8, 12, 2)
    np.testing.assert_allclose(pixels[5, 7], (7.5, 5.5))
    depths = points.reshape(-1, 3) @ world_to_camera(CAMERA)[2, :3] + world_to_camera(CAMERA)[2, 3]
    np.testing.assert_allclose(depths, 3.0)


def test_intrinsics_span_the_field_of_view() -> None:
    focal = intrinsics(Camera((0, 0, 0), 0, 90.0), 640, 480)[0, 0]
    assert focal == pytest.approx(320)


def test_project_points_keeps_verticals_vertical_and_hides_what_is_behind() -> None:
    ahead = np.array(CAMERA.position) + pixel_rays(CAMERA, 4, 4)[2, 1] * 2
    low, high = project_points(np.array([ahead, ahead + np.array((0, 1, 0))]), CAMERA, 4, 4)
    assert low[0] == pytest.approx(high[0])
    assert high[1] < low[1]
    behind = 2 * np.array(CAMERA.position) - ahead
    assert np.isnan(project_points(behind[None], CAMERA, 4, 4)).all()


def test_room_corners_are_the_floors_then_the_ceilings() -> None:
    wall = Wall(Material())
    room = Room((4.0, 2.5, 3.0), (wall, wall, wall, wall), Material(), Material(), Material())
    corners = room_corners(room)
    assert corners[:, 1].tolist() == [0.0] * 4 + [2.5] * 4
    assert corners[2].tolist() == [4.0, 0.0, 3.0]
