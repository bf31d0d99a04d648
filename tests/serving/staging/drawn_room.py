"""A room as flat colours with straight edges, seen by any camera, and its map of classes."""

import math
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.perception.classes import CLASSES
from serving.staging.geometry.frames import rotation_by
from serving.staging.room import FACES, Box, Camera, Floats, Opening, faces_of

SIZE = (400, 600)
BOX = Box(front_m=3.2, left_m=1.6, right_m=2.4, height_m=2.5)
WINDOW = Opening("front", "window", -0.6, 0.8, 0.9, 2.1)
DOOR = Opening("right", "door", -2.6, -1.7, 0.0, 2.03)
_FINE = 3  # rays across a pixel
_GREY = {"floor": 130.0, "ceiling": 235.0, "front": 190.0, "left": 165.0, "right": 210.0}
_SKIRTING_M, _BOARD_M = 0.1, 0.4


def camera_at(
    hfov_deg: float = 75.0,
    yaw_deg: float = 25.0,
    pitch_deg: float = -3.0,
    roll_deg: float = 0.5,
    shift: tuple[float, float] = (0.0, 0.0),
    height_m: float = 1.4,
    size: tuple[int, int] = SIZE,
) -> Camera:
    """Return a camera, its optical centre shifted by shares of width and height."""
    level = Camera.level(size, hfov_deg, height_m, yaw_deg)
    pitch = rotation_by(np.array([-math.radians(pitch_deg), 0.0, 0.0]))
    roll = rotation_by(np.array([0.0, 0.0, math.radians(roll_deg)]))
    centre = size[1] * (0.5 + shift[0]), size[0] * (0.5 + shift[1])
    return replace(level, rotation=roll @ pitch @ level.rotation, centre_px=centre)


def draw(
    camera: Camera, box: Box = BOX, openings: tuple[Opening, ...] = (WINDOW, DOOR)
) -> tuple[Image, NDArray[np.uint8]]:
    """Return a photo of a room, uint8 RGB, and its true map of classes at the same size."""
    height, width = camera.size
    fine = camera.scaled((height * _FINE, width * _FINE))
    rays = fine.grid_rays(*fine.size)
    faces, far = faces_of(fine, box, rays)
    points = rays * far[..., None] + np.array([0.0, camera.height_m, 0.0])
    grey = np.array([_GREY[face] for face in FACES])[faces]
    x, y, z = (points[..., axis] for axis in range(3))
    walls = faces >= FACES.index("front")
    grey[walls & (y < _SKIRTING_M)] = 245.0
    floor = faces == FACES.index("floor")
    odd = (np.floor(x / _BOARD_M) + np.floor(z / _BOARD_M)) % 2 == 1
    grey[floor & odd] -= 35.0
    ids = _class_ids(faces)
    for opening in openings:
        along = x if opening.wall == "front" else z
        inside = (faces == FACES.index(opening.wall)) & (opening.start_m < along)
        inside &= (along < opening.end_m) & (opening.bottom_m < y) & (y < opening.top_m)
        grey[inside] = 70.0 if opening.kind == "door" else 250.0
        ids[inside] = CLASSES.index(opening.kind)
    small = grey.reshape(height, _FINE, width, _FINE).mean(axis=(1, 3))
    noise = np.random.default_rng(0).normal(0, 1.5, small.shape)
    photo = np.repeat(np.rint(small + noise).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    return photo, np.ascontiguousarray(ids[_FINE // 2 :: _FINE, _FINE // 2 :: _FINE])


def add_cupboard(photo: Image, ids: NDArray[np.uint8], camera: Camera, box: Box = BOX) -> None:
    """Put a low cupboard into a drawn room, before its front wall."""
    low, high = np.array([-0.5, 0.0, -box.front_m]), np.array([0.9, 0.8, 0.45 - box.front_m])
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    pixels = camera.project(low + corners * (high - low))
    hull = cv2.convexHull(pixels.astype(np.float32)).astype(np.int32)
    mask = cv2.fillConvexPoly(np.zeros(ids.shape, np.uint8), hull, 1) > 0
    photo[mask], ids[mask] = (92, 58, 40), CLASSES.index("cabinet")


def _class_ids(faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
    table = [CLASSES.index(name) for name in ("floor", "ceiling", "wall", "wall", "wall")]
    return np.array(table, np.uint8)[faces]


def frame_of_camera(camera: Camera) -> Floats:
    """Return the frame (right, down, ahead) of a camera's room."""
    frame: Floats = camera.rotation * np.array([1.0, -1.0, -1.0])
    return frame
