"""Where a photo's horizon runs and its parallels meet, in pixels: for whoever frames photos."""

from typing import Literal

import numpy as np

from serving.staging.room import Camera, Floats

Way = Literal["right", "up", "back"]
_WAYS: tuple[Way, ...] = ("right", "up", "back")
_PARALLEL = 1e-6  # of a unit direction along the optical axis: what is less never meets


def vanishing_points(camera: Camera) -> dict[Way, tuple[float, float]]:
    """Return where lines along the room's axes meet, px; those that stay parallel are left out."""
    points: dict[Way, tuple[float, float]] = {}
    for way, (x, y, ahead) in zip(_WAYS, camera.rotation.T, strict=True):
        if abs(ahead) > _PARALLEL:
            across, down = camera.focal_px * x / ahead, camera.focal_px * y / ahead
            points[way] = float(camera.centre_px[0] + across), float(camera.centre_px[1] + down)
    return points


def horizon(camera: Camera) -> tuple[float, float]:
    """Return the heights, px from the top, at which the horizon meets the left and right side.

    Examples
    --------
    >>> horizon(Camera.level((600, 900), 70, 1.5))
    (300.0, 300.0)
    """
    up: Floats = camera.rotation[:, 1]
    sides = np.array([0.0, float(camera.size[1])])
    across = (sides - camera.centre_px[0]) / camera.focal_px
    below = -(up[0] * across + up[2]) / up[1]
    left, right = camera.centre_px[1] + camera.focal_px * below
    return float(left), float(right)
