"""Directions of a room as a camera sees them.

A frame is a rotation (3, 3) whose columns are what the camera sees of the room's right, down and
ahead; the camera's own axes are x right, y down, z ahead. A room is known up to quarter turns.
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_QUARTERS = np.array([[(1, 0), (0, 1)], [(0, 1), (-1, 0)], [(-1, 0), (0, -1)], [(0, -1), (1, 0)]])


def frame_of(down: Floats, yaw: float) -> Floats:
    """Return the frame whose down is seen in a direction (3,), turned about it by `yaw` radians."""
    down = down / np.linalg.norm(down)
    right = np.array([1.0, 0.0, 0.0]) - down[0] * down
    right /= np.linalg.norm(right)
    ahead = np.cross(right, down)
    cos, sin = math.cos(yaw), math.sin(yaw)
    return np.stack([cos * right + sin * ahead, down, cos * ahead - sin * right], axis=1)


def rotation_by(vector: Floats) -> Floats:
    """Return the rotation about an axis by its length in radians (O. Rodrigues, 1840)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: Floats = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return turned


def quarter_turns(frame: Floats) -> list[Floats]:
    """Return the four frames of the same room, the given one first."""
    return [frame @ _about_down(quarter) for quarter in _QUARTERS]


def angle_between(one: Floats, other: Floats) -> float:
    """Return the angle in radians between two frames of the same room, up to quarter turns."""
    traces = [float(np.trace(turned.T @ other)) for turned in quarter_turns(one)]
    return math.acos(min(1.0, max(-1.0, (max(traces) - 1) / 2)))


def facing_ahead(frame: Floats) -> Floats:
    """Return the quarter turn of a frame whose ahead is closest to where the camera looks."""
    return max(quarter_turns(frame), key=lambda turned: float(turned[2, 2]))


def _about_down(quarter: NDArray[np.int64]) -> Floats:
    turn = np.zeros((3, 3))
    turn[np.ix_((0, 2), (0, 2))] = quarter
    turn[1, 1] = 1
    return turn
