"""A small kit and a drawn room, for tests of staging."""

import numpy as np

from serving.perception.classes import CLASSES
from serving.staging.kit import Kit
from serving.staging.room import Box, Camera, Ids, Opening, Room, faces_of

_SIZES = {
    "sofa": (200, 80, 90), "armchair": (80, 80, 80), "coffee_table": (90, 40, 60),
    "rug": (200, 1, 140), "plant": (50, 120, 50), "picture": (100, 70, 3), "bed": (160, 90, 210),
    "bedside_table": (45, 50, 40), "dining_table": (150, 75, 90), "dining_chair": (45, 85, 50),
    "desk": (140, 75, 70), "office_chair": (60, 100, 60), "table_lamp": (30, 50, 30),
}  # fmt: skip
_ROOMS = {
    "living_room": ("sofa", "armchair", "coffee_table", "rug", "plant", "picture"),
    "bedroom": ("bed", "bedside_table", "table_lamp", "rug", "plant", "picture"),
    "dining_room": ("dining_table", "dining_chair", "rug", "plant"),
    "office": ("desk", "office_chair", "table_lamp", "plant"),
}


def sample_kit() -> Kit:
    """Return a kit with one piece of each role."""
    pieces = {
        f"a_{role}": {
            "role": role, "title": role, "mesh": "cube", "size_cm": size,
            "finishes": {"*": "plain"}, "licence": "CC0-1.0", "source": "drawn here",
        }
        for role, size in _SIZES.items()
    }  # fmt: skip
    rooms = {room: {role: [f"a_{role}"] for role in roles} for room, roles in _ROOMS.items()}
    return Kit.model_validate({
        "id": "sample", "version": 1, "title": "Sample", "description": "", "licence": "CC0-1.0",
        "palette": ["#ffffff", "#888888", "#222222"],
        "finishes": {"plain": {"colour": "#a08060"}},
        "floor": "plain", "wall": "plain", "pieces": pieces, "rooms": rooms,
    })  # fmt: skip


def sample_room(
    hfov_deg: float = 80, yaw_deg: float = 12, openings: tuple[Opening, ...] | None = None
) -> tuple[Room, Ids]:
    """Return a room of 4.6 m by 4.8 m with a door and a window, and what its photo shows."""
    camera = Camera.level((200, 300), hfov_deg, 1.45, yaw_deg)
    box = Box(4.8, 2.0, 2.6, 2.6)
    here = openings
    if here is None:
        here = (
            Opening("right", "door", -3.2, -2.3, 0, 2.05),
            Opening("left", "window", -3.4, -1.9, 0.9, 2.2),
        )
    faces, _ = faces_of(camera, box, camera.grid_rays(200, 300))
    names = ("floor", "ceiling", "wall", "wall", "wall")
    ids = np.array([CLASSES.index(name) for name in names], np.uint8)[faces]
    return Room(camera, box, here), ids
