"""What light a photo's room has, told from the photo.

Windows and the ceiling give light, and nothing else does: light that came from everywhere would
take the shadows away. The ceiling's colour is the light's, walls and floor are measured against it.
"""

import cv2
import numpy as np

from serving.image import Image
from serving.perception.classes import CLASSES
from serving.staging.furnish.scene import Emitter, Light, Lighting
from serving.staging.layout.space import wall_point
from serving.staging.linear import to_linear
from serving.staging.room import Floats, Ids, Opening, Room
from serving.staging.things import RGB

_WALL_REFLECTS = 0.66
_CEILING_REFLECTS = 0.78
_WINDOW_LIGHT = 4.0
_CEILING_LIGHT = 1.0
_CAST = 0.6  # of the ceiling's colour that is the light's; the rest is its paint
_LEAST_SHARE = 0.01
_WORK_PX = 320
_LEAST_WINDOW_M = 0.2


def estimate_lighting(photo: Image, ids: Ids, room: Room) -> tuple[Lighting, dict[str, str]]:
    """Return the light of a room, and what is uncertain about it.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3)
    ids : uint8 (rows, columns), ids of `CLASSES`, of the whole photo
    """
    small, classes = _shrink(photo, ids)
    light = to_linear(small)
    wall = _tone(light, classes, ("wall",))
    ceiling = _tone(light, classes, ("ceiling",))
    floor = _tone(light, classes, ("floor", "rug"))
    doubts = {} if wall is not None else {"no_wall_seen": "the light is guessed: no wall is seen"}
    wall = np.full(3, 0.4, np.float32) if wall is None else wall
    tone = wall if ceiling is None else ceiling
    cast = (tone / tone.mean()) ** _CAST
    bright = max(float(wall.mean()), 0.02)
    floor = wall * 0.5 if floor is None else floor
    lighting = Lighting(
        floor=_rgb(_WALL_REFLECTS * floor / bright / cast, 0.04, 0.8),
        wall=_rgb(_WALL_REFLECTS * wall / bright / cast, 0.08, 0.85),
        ceiling=_rgb(np.full(3, _CEILING_REFLECTS), 0, 1),
        emitters=(*_windows(room, cast), _glow(room, cast)),
    )
    return lighting, doubts


def _shrink(photo: Image, ids: Ids) -> tuple[Image, Ids]:
    height, width = photo.shape[:2]
    size = _WORK_PX, max(1, round(height * _WORK_PX / width))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    classes = cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(small, np.uint8), np.asarray(classes, np.uint8)


def _tone(light: Light, classes: Ids, names: tuple[str, ...]) -> Light | None:
    chosen = np.isin(classes, [CLASSES.index(name) for name in names])
    if chosen.mean() < _LEAST_SHARE:
        return None
    return np.asarray(np.median(light[chosen], axis=0).clip(1e-3, 1), np.float32)


def _rgb(values: Floats | Light, low: float, high: float) -> RGB:
    red, green, blue = (float(one) for one in np.clip(values, low, high))
    return red, green, blue


def _windows(room: Room, cast: Light) -> list[Emitter]:
    day = cast * np.array([0.96, 1.0, 1.05], np.float32) * _WINDOW_LIGHT
    wide = [
        one for one in room.openings
        if one.kind == "window" and one.end_m - one.start_m > _LEAST_WINDOW_M
        and one.top_m - one.bottom_m > _LEAST_WINDOW_M
    ]  # fmt: skip
    return [Emitter(_pane(room, one), _rgb(day, 0, 100)) for one in wide]


def _pane(room: Room, window: Opening) -> Floats:
    """Return a window's corners, counter-clockwise as the room sees them."""
    ends = [wall_point(room, window.wall, at, 0.015) for at in (window.start_m, window.end_m)]
    if window.wall == "left":  # seen from the room, z grows to the left there
        ends.reverse()
    (x0, z0), (x1, z1) = ends
    low, high = window.bottom_m, window.top_m
    return np.array([[x0, low, z0], [x1, low, z1], [x1, high, z1], [x0, high, z0]])


def _glow(room: Room, cast: Light) -> Emitter:
    """Return the ceiling as the wide, weak light that it is in a room with daylight or lamps."""
    box = room.box
    left, right = -box.left_m + 0.3, box.right_m - 0.3
    far, near = -box.front_m + 0.3, 1.5
    height = box.height_m - 0.02
    corners = [
        [left, height, far],
        [right, height, far],
        [right, height, near],
        [left, height, near],
    ]
    return Emitter(np.array(corners), _rgb(cast * _CEILING_LIGHT, 0, 100))
