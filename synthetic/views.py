"""The camera's geometry: pixels, rays and where the corners of a room fall."""

import math

import numpy as np
from numpy.typing import NDArray

from synthetic.scene import Camera, Room

Floats = NDArray[np.float64]


def intrinsics(camera: Camera, width: int, height: int) -> Floats:
    """Return the pinhole matrix, shape (3, 3), in pixels; pixel centres are at half integers."""
    focal = width / 2 / math.tan(math.radians(camera.hfov_deg) / 2)
    middle = height * (0.5 + camera.rise)
    return np.array([[focal, 0, width / 2], [0, focal, middle], [0, 0, 1]])


def world_to_camera(camera: Camera) -> Floats:
    """Return the 4x4 matrix to camera coordinates: x right, y down, z ahead (as OpenCV's)."""
    yaw = math.radians(camera.yaw_deg)
    right = (-math.cos(yaw), 0.0, math.sin(yaw))
    ahead = (math.sin(yaw), 0.0, math.cos(yaw))
    matrix = np.eye(4)
    matrix[:3, :3] = (right, (0.0, -1.0, 0.0), ahead)
    matrix[:3, 3] = -matrix[:3, :3] @ np.array(camera.position)
    return matrix


def pixel_rays(camera: Camera, width: int, height: int) -> Floats:
    """Return the direction through each pixel's centre, shape (height, width, 3), in the world.

    Directions have unit length along the optical axis, so a ray's parameter is depth.
    """
    focal = intrinsics(camera, width, height)
    x = (np.arange(width) + 0.5 - focal[0, 2]) / focal[0, 0]
    y = (np.arange(height) + 0.5 - focal[1, 2]) / focal[1, 1]
    ways = np.stack([*np.meshgrid(x, y), np.ones((height, width))], axis=-1)
    rays: Floats = ways @ world_to_camera(camera)[:3, :3]
    return rays


def project_points(points: Floats, camera: Camera, width: int, height: int) -> Floats:
    """Return pixel positions, shape (n, 2); NaN for points behind the camera.

    Parameters
    ----------
    points : (n, 3), world coordinates in metres

    Examples
    --------
    >>> camera = Camera((0.0, 1.5, 0.0), yaw_deg=0.0, hfov_deg=90.0)
    >>> project_points(np.array([[0.0, 1.5, 2.0], [-2.0, 1.5, 2.0]]), camera, 640, 480).tolist()
    [[320.0, 240.0], [640.0, 240.0]]
    """
    matrix = world_to_camera(camera)
    seen = points @ matrix[:3, :3].T + matrix[:3, 3]
    ahead = np.where(seen[:, 2:] > 1e-6, seen[:, 2:], np.nan)
    pixels: Floats = (seen / ahead) @ intrinsics(camera, width, height)[:2].T
    return pixels


def room_corners(room: Room) -> Floats:
    """Return the eight corners of a room, shape (8, 3).

    First the floor's four (back left first, clockwise seen from above), then the ceiling's.
    """
    width, height, depth = room.size
    flat = [(0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth)]
    return np.array([(x, y, z) for y in (0.0, height) for x, z in flat])
