"""A room in front of a camera: what every step of staging agrees on.

Room coordinates are metres, right-handed: x to the right, y up, z towards the camera's back. The
floor is y = 0, the camera stands above the origin, and the room is a box whose walls are parallel
to the axes. A thing's own coordinates start at the middle of its footprint, its front towards +z:
turned by 0 degrees it faces the camera. Pixels have their centres at half integers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ids = NDArray[np.uint8]
Face = Literal["floor", "ceiling", "front", "left", "right"]
Wall = Literal["front", "left", "right"]
FACES: tuple[Face, ...] = ("floor", "ceiling", "front", "left", "right")
_LEAST = 1e-9


@dataclass(frozen=True)
class Camera:
    """Where a photo was taken from, and through what.

    Attributes
    ----------
    size : of the photo, (height, width) in px
    focal_px : focal length
    centre_px : optical centre, (x, y) from the photo's upper left corner
    rotation : (3, 3), brings a direction of the room to the camera's: x right, y down, z ahead
    height_m : above the floor
    """

    size: tuple[int, int]
    focal_px: float
    centre_px: tuple[float, float]
    rotation: Floats
    height_m: float

    @staticmethod
    def level(
        size: tuple[int, int], hfov_deg: float, height_m: float, yaw_deg: float = 0.0
    ) -> "Camera":
        """Return a camera that is held level, turned to the left by `yaw_deg`."""
        height, width = size
        focal = width / 2 / math.tan(math.radians(hfov_deg) / 2)
        cos, sin = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
        rotation = np.array([[cos, 0.0, -sin], [0.0, -1.0, 0.0], [-sin, 0.0, -cos]])
        return Camera(size, focal, (width / 2, height / 2), rotation, height_m)

    def scaled(self, size: tuple[int, int]) -> "Camera":
        """Return the camera of the same photo at another size of the same shape."""
        by = size[1] / self.size[1]
        x, y = self.centre_px
        centre = x * by, y * size[0] / self.size[0]
        return Camera(size, self.focal_px * by, centre, self.rotation, self.height_m)

    def rays(self, pixels: Floats) -> Floats:
        """Return the direction in the room through pixels (..., 2), of length 1 along the axis."""
        way = (pixels - np.asarray(self.centre_px)) / self.focal_px
        ones = np.ones((*way.shape[:-1], 1))
        directions: Floats = np.concatenate([way, ones], axis=-1) @ self.rotation
        return directions

    def grid_rays(self, rows: int, columns: int) -> Floats:
        """Return the direction through the middle of each cell of the photo, (rows, columns, 3)."""
        height, width = self.size
        x = (np.arange(columns) + 0.5) * width / columns
        y = (np.arange(rows) + 0.5) * height / rows
        return self.rays(np.stack(np.meshgrid(x, y), axis=-1))

    def project(self, points: Floats) -> Floats:
        """Return the pixels (..., 2) of points (..., 3); NaN for those behind the camera."""
        seen = (points - np.array([0.0, self.height_m, 0.0])) @ self.rotation.T
        ahead = np.where(seen[..., 2:] > _LEAST, seen[..., 2:], np.nan)
        pixels: Floats = seen[..., :2] / ahead * self.focal_px + np.asarray(self.centre_px)
        return pixels

    def to_floor(self, pixels: Floats) -> Floats:
        """Return the points (x, z) of the floor seen at pixels (..., 2); NaN above the horizon."""
        rays = self.rays(pixels)
        down = np.where(rays[..., 1:2] < -_LEAST, -rays[..., 1:2], np.nan)
        points: Floats = rays[..., ::2] * self.height_m / down
        return points


@dataclass(frozen=True)
class Box:
    """The room: distances from the camera to its walls, and its height, metres.

    Attributes
    ----------
    seen : faces that the photo shows; the others are guesses, behind the camera or furniture
    """

    front_m: float
    left_m: float
    right_m: float
    height_m: float
    seen: frozenset[Face] = frozenset(FACES)

    def corner(self, x: Literal["left", "right"], height_m: float) -> Floats:
        """Return a point (3,) of an edge between the front wall and another."""
        return np.array([self.right_m if x == "right" else -self.left_m, height_m, -self.front_m])


def faces_of(camera: Camera, box: Box, rays: Floats) -> tuple[Ids, Floats]:
    """Return which face rays (..., 3) meet, ids of `FACES`, and how far along each ray."""
    x, y, z = (rays[..., axis] for axis in range(3))
    right = box.right_m / np.maximum(x, _LEAST)
    left = box.left_m / np.maximum(-x, _LEAST)
    front = box.front_m / np.maximum(-z, _LEAST)
    floor = camera.height_m / np.maximum(-y, _LEAST)
    ceiling = max(box.height_m - camera.height_m, _LEAST) / np.maximum(y, _LEAST)
    faces, nearest = np.zeros(floor.shape, np.uint8), floor
    for number, far in enumerate((ceiling, front, left, right), 1):
        nearer = far < nearest
        faces[nearer] = number
        nearest = np.minimum(nearest, far)
    return faces, nearest


@dataclass(frozen=True)
class Opening:
    """A door or a window in a wall.

    Attributes
    ----------
    start_m, end_m : along the wall, in x of the front wall and in z of the others, start < end
    bottom_m, top_m : above the floor
    """

    wall: Wall
    kind: Literal["door", "window"]
    start_m: float
    end_m: float
    bottom_m: float
    top_m: float


@dataclass(frozen=True)
class Room:
    """What is known of the room of one photo.

    Attributes
    ----------
    doubts : codes of what is uncertain, with a sentence each; empty: nothing is
    """

    camera: Camera
    box: Box
    openings: tuple[Opening, ...] = ()
    doubts: Mapping[str, str] = field(default_factory=dict)
