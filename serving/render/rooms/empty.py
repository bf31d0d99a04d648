"""Light of an empty room: traced coarsely, since it is smooth, and put together face by face.

A photo is multiplied by the ratio of a room's light with furniture and without. Were the edges of
the room softer in one than in the other, they would be seen as lines.
"""

from types import ModuleType
from typing import Any

import cv2
import numpy as np

from serving.render.rooms.engine import clean
from serving.render.rooms.grid import Grid
from serving.render.rooms.shapes import Shown
from serving.staging.furnish.scene import Light
from serving.staging.room import Camera

_COARSER = 0.25
_SAMPLES = 16
_PER_CELL = 2  # rays along each side of a cell, for the shares of the faces in it
_COARSE_PER_CELL = 4
_WHOLE = 0.99
_REACH = 1.5  # sigma, in coarse cells, to where a face fills no cell
_A_FACE = 2  # triangles


def light_of_empty(
    how: ModuleType, bare: Shown, path: dict[str, Any], camera: Camera, grid: Grid, seed: int
) -> Light:
    """Return the light of a room without furniture, (rows, columns, 3), with edges as they are."""
    coarse = Grid.over(grid.crop, grid.scale * _COARSER)
    light = clean(*how.trace(bare, path, camera, coarse, _SAMPLES, seed))
    of_coarse = _shares(how, bare, camera, coarse, _COARSE_PER_CELL)
    made = np.zeros((*grid.size, 3), np.float32)
    for face, share in _shares(how, bare, camera, grid, _PER_CELL).items():
        whole = of_coarse.get(face, np.zeros(coarse.size, np.float32)) > _WHOLE
        known = light if not whole.any() else _spread(light, whole)
        made += coarse.bring_to(grid, known) * share[..., None]
    return made


def _shares(
    how: ModuleType, bare: Shown, camera: Camera, grid: Grid, parts: int
) -> dict[int, Light]:
    """Return how much of each cell each face of the room takes up."""
    triangles, _ = how.meet(bare, camera, grid.finer(parts))
    faces = (triangles // _A_FACE).reshape(grid.size[0], parts, grid.size[1], parts)
    return {
        int(face): (faces == face).mean(axis=(1, 3), dtype=np.float32) for face in np.unique(faces)
    }


def _spread(light: Light, whole: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> Light:
    """Return light as it is where `whole`, and carried on from there elsewhere."""
    known = whole.astype(np.float32)[..., None]
    near, far = (_carry(light, known, sigma) for sigma in (_REACH, 8 * _REACH))
    filled = np.where(near[1] > 1e-3, near[0], far[0])
    return np.asarray(np.where(known > 0, light, filled), np.float32)


def _carry(light: Light, known: Light, sigma: float) -> tuple[Light, Light]:
    sums = cv2.GaussianBlur(light * known, (0, 0), sigma)
    weights = cv2.GaussianBlur(known, (0, 0), sigma)[..., None]
    return np.asarray(sums / np.maximum(weights, 1e-6), np.float32), np.asarray(weights, np.float32)
