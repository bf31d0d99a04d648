"""A room drawn flat: a camera, a box, boards on the floor, and what each pixel shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.perception.classes import CLASSES, Class
from serving.staging.planes import SeenFaces, see_faces
from serving.staging.room import FACES, Box, Camera, Face, Room

COLOURS = {"floor": 120, "ceiling": 235, "front": 200, "left": 180, "right": 190}
_CLASS_OF: dict[Face, Class] = {
    "floor": "floor", "ceiling": "ceiling", "front": "wall", "left": "wall", "right": "wall",
}  # fmt: skip


@dataclass(frozen=True)
class DrawnBox:
    """An empty room and what is true of it."""

    photo: Image
    ids: NDArray[np.uint8]
    room: Room
    seen: SeenFaces


def draw_box(
    size: tuple[int, int] = (240, 360), board_m: float = 0.3, darker: int = 26
) -> DrawnBox:
    """Draw a room whose floor has boards that run ahead, every other one `darker` levels."""
    camera = Camera.level(size, 75.0, 1.4, yaw_deg=6.0)
    room = Room(camera, Box(front_m=4.0, left_m=2.2, right_m=2.6, height_m=2.6))
    seen = see_faces(room, size)
    photo = np.zeros((*size, 3), np.uint8)
    ids = np.zeros(size, np.uint8)
    for face in FACES:
        on = seen.on(face)
        photo[on] = COLOURS[face] + np.array([6, 0, -12])
        ids[on] = CLASSES.index(_CLASS_OF[face])
    odd = (seen.points[..., 0] // board_m).astype(int) % 2 == 1
    photo[seen.on("floor") & odd] -= np.uint8(darker)
    return DrawnBox(photo, ids, room, seen)


def put(
    drawn: DrawnBox, rows: slice, columns: slice, kind: Class
) -> tuple[Image, NDArray[np.uint8]]:
    """Return the photo and its classes with a dark thing in front of everything."""
    photo, ids = drawn.photo.copy(), drawn.ids.copy()
    photo[rows, columns] = (70, 30, 25)
    ids[rows, columns] = CLASSES.index(kind)
    return photo, ids
