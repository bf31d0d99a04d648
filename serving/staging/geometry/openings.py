"""Doors and windows: what a map of classes calls so, as rectangles of the walls it lies on."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.perception.classes import CLASSES
from serving.staging.geometry.surfaces import sample
from serving.staging.room import FACES, Box, Camera, Opening, Wall, faces_of

Floats = NDArray[np.float64]
Ids = NDArray[np.uint8]
Masks = NDArray[np.bool_]
_ROWS, _COLUMNS = 160, 240
_LEAST_SHARE = 0.002  # of the photo
_ON_WALL = 0.25  # of a thing's cells, to be on a wall
_EDGE = 0.03  # of its area, that may lie beyond a rectangle's side
_NARROWEST = 0.15  # heights of the camera
_REACHES_FLOOR = 0.2
_WALLS: tuple[Wall, ...] = ("front", "left", "right")
_KINDS: tuple[Literal["door", "window"], ...] = ("door", "window")


def find_openings(camera: Camera, box: Box, ids: Ids) -> tuple[Opening, ...]:
    """Return the doors and windows on the walls that a photo shows.

    A window that reaches the floor is a door. What is cut by the photo's side is as wide as is
    seen.

    Parameters
    ----------
    camera, box : in metres, or both in heights of the camera
    ids : uint8 (rows, columns), ids of `serving.perception.classes.CLASSES`, of the whole photo
    """
    shown = sample(ids, _ROWS, _COLUMNS)
    rays = camera.grid_rays(_ROWS, _COLUMNS)
    faces, far = faces_of(camera, box, rays)
    points = rays * far[..., None] + np.array([0.0, camera.height_m, 0.0])
    found = []
    for kind in _KINDS:
        mask = (shown == CLASSES.index(kind)).astype(np.uint8)
        count, parts = cv2.connectedComponents(mask, connectivity=4)
        for part in range(1, count):
            found += _rectangles(kind, parts == part, faces, points, far, camera.height_m)
    order = sorted(found, key=lambda one: (one.wall, one.start_m, one.bottom_m))
    return tuple(order)


def _rectangles(
    kind: Literal["door", "window"],
    mask: Masks,
    faces: Ids,
    points: Floats,
    far: Floats,
    height_m: float,
) -> list[Opening]:
    cells = int(mask.sum())
    if cells < _LEAST_SHARE * mask.size:
        return []
    made = []
    for wall in _WALLS:
        mine = mask & (faces == FACES.index(wall))
        if mine.sum() < max(_ON_WALL * cells, _LEAST_SHARE * mask.size):
            continue
        along = points[mine][:, 0 if wall == "front" else 2]
        weight = far[mine] ** 3  # the area of a wall that a cell shows
        start, end = _extent(along, weight)
        bottom, top = _extent(points[mine][:, 1], weight)
        if end - start < _NARROWEST * height_m or top - bottom < _NARROWEST * height_m:
            continue
        bottom = max(0.0, bottom)
        stands = kind == "door" or bottom < _REACHES_FLOOR * height_m
        made.append(Opening(wall, "door" if stands else "window", start, end, bottom, top))
    return made


def _extent(values: Floats, weight: Floats) -> tuple[float, float]:
    """Return between which values all but a little of the weight lies."""
    order = np.argsort(values, kind="stable")
    total = weight[order].cumsum()
    low, high = np.searchsorted(total / total[-1], (_EDGE, 1 - _EDGE))
    return float(values[order][low]), float(values[order][min(high, len(order) - 1)])
