"""The horizon is where the floor ends, and axes vanish where far points on them are seen."""

import numpy as np
import pytest

from serving.staging.geometry.horizon import horizon, vanishing_points
from serving.staging.room import Camera
from tests.serving.staging.geometry.drawn import SIZE, camera_at

CAMERA = camera_at(70, 30, pitch_deg=-8, roll_deg=2, shift=(0.05, -0.04))


def test_the_floor_is_seen_below_the_horizon_only() -> None:
    for x, y in zip((0.0, float(SIZE[1])), horizon(CAMERA), strict=True):
        assert not np.isnan(CAMERA.to_floor(np.array([x, y + 1.0]))).any()
        assert np.isnan(CAMERA.to_floor(np.array([x, y - 1.0]))).all()


def test_level_axes_vanish_on_the_horizon() -> None:
    left, right = horizon(CAMERA)
    points = vanishing_points(CAMERA)
    for way in ("right", "back"):
        x, y = points[way]
        assert y == pytest.approx(left + (right - left) * x / SIZE[1], abs=1e-6)
    far = CAMERA.project(np.array([0.0, 0.0, -1e7]))
    assert points["back"] == pytest.approx(far, abs=0.01)


def test_uprights_of_a_level_camera_meet_nowhere() -> None:
    assert "up" not in vanishing_points(Camera.level(SIZE, 70, 1.5, 20))
