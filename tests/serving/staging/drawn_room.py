"""A room drawn through a known camera: tiles, panels, a window, a cupboard; and what is where."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.perception.classes import CLASSES
from serving.staging.room import FACES, Box, Camera, faces_of

Pixels = NDArray[np.uint8]
_COLOURS = {"floor": (150, 112, 78), "ceiling": (236, 236, 232), "wall": (205, 202, 194)}
_FINER = 3  # times: lines are smooth, as a lens draws them
_WINDOW = (-3.2, -1.9, 0.9, 2.1)  # z from, z to, bottom, top: in the left wall


@dataclass(frozen=True, eq=False)
class DrawnRoom:
    """A photo and what is true of it.

    Attributes
    ----------
    photo : uint8 (height, width, 3)
    ids : uint8 (height, width), ids of `CLASSES`
    """

    photo: Pixels
    ids: Pixels
    camera: Camera
    box: Box


def draw_room(
    size: tuple[int, int] = (512, 768),
    yaw_deg: float = 30.0,
    furnished: bool = False,
    seed: int = 0,
) -> DrawnRoom:
    """Return a room of 5.5 by 5 metres, seen from one of its corners."""
    camera = Camera.level(size, 75.0, 1.4, yaw_deg)
    box = Box(front_m=4.2, left_m=2.6, right_m=2.9, height_m=2.6)
    photo, ids = _draw(camera.scaled((size[0] * _FINER, size[1] * _FINER)), box, furnished)
    photo = np.asarray(cv2.resize(photo, size[::-1], interpolation=cv2.INTER_AREA), np.float32)
    photo += np.random.default_rng(seed).normal(0, 2.0, photo.shape)
    ids = ids[_FINER // 2 :: _FINER, _FINER // 2 :: _FINER]
    return DrawnRoom(np.rint(photo).clip(0, 255).astype(np.uint8), ids.copy(), camera, box)


def _draw(camera: Camera, box: Box, furnished: bool) -> tuple[NDArray[np.float32], Pixels]:
    size = camera.size
    rays = camera.grid_rays(*size)
    faces, distance = faces_of(camera, box, rays)
    points = rays * distance[..., None] + np.array([0.0, camera.height_m, 0.0])
    photo = np.zeros((*size, 3), np.float32)
    ids = np.zeros(size, np.uint8)
    for number, face in enumerate(FACES):
        on = faces == number
        name = face if face in ("floor", "ceiling") else "wall"
        ids[on] = CLASSES.index(name)
        photo[on] = _COLOURS[name]
        photo[on] *= _pattern(face, points[on])[:, None]
    window = _window(faces, points)
    photo[window], ids[window] = (250, 252, 255), CLASSES.index("window")
    if furnished:
        _add_cupboard(photo, ids, camera)
    return photo, ids


def _pattern(face: str, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how bright a face is: tiles, panels, skirting, and light from the left."""
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    light = np.asarray(1.05 - 0.05 * (x + 2.6), np.float64)
    if face == "floor":
        joint = (np.mod(x, 0.4) < 0.015) | (np.mod(z, 0.4) < 0.015)
        tile = np.floor(x / 0.4) + 3 * np.floor(z / 0.4)
        return np.asarray(light * np.where(joint, 0.6, 1 + 0.04 * np.sin(7 * tile)))
    if face == "ceiling":
        return light
    along = x if face == "front" else z
    panel = np.where((np.mod(along, 0.9) < 0.02) | (np.mod(y, 0.5) < 0.02), 0.8, 1.0)
    return np.asarray(light * panel * np.where((y < 0.12) | (y > 2.52), 1.12, 1.0))


def _window(faces: Pixels, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    start, end, bottom, top = _WINDOW
    y, z = points[..., 1], points[..., 2]
    on = (faces == FACES.index("left")) & (z > start) & (z < end) & (y > bottom) & (y < top)
    return np.asarray(on)


def _add_cupboard(photo: NDArray[np.float32], ids: Pixels, camera: Camera) -> None:
    """Put a low cupboard before the front wall."""
    low, high = np.array([-0.5, 0.0, -4.2]), np.array([0.9, 0.8, -3.75])
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    pixels = camera.project(low + corners * (high - low))
    hull = cv2.convexHull(pixels.astype(np.float32)).astype(np.int32)
    mask = cv2.fillConvexPoly(np.zeros(ids.shape, np.uint8), hull, 1) > 0
    photo[mask], ids[mask] = (92, 58, 40), CLASSES.index("cabinet")
