"""The box of a room, fitted to what is floor, wall and ceiling, and to the lines between them.

In heights of the camera. A point of the floor lies in the room if it is nearer than the right (or
left) wall and than the front wall: what the cells of a map say is therefore the sum of tables of
two distances each, and what lies on the ceiling is told by the same tables, the distances divided
by the ceiling's height above the camera. On a logarithmic scale that division is a shift, so that
every box is tried. Lines along the room's edges are told by tables of one ratio each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.staging.geometry.edges import EdgeTables, edge_tables
from serving.staging.geometry.scales import ABOVE, DISTANCES, place_of, shifted
from serving.staging.geometry.segments import Segments
from serving.staging.geometry.surfaces import CEILING, FLOOR, SURFACE_OF_CLASS, WALL, sample
from serving.staging.room import Box, Camera, Face, faces_of

Floats = NDArray[np.float64]
Ids = NDArray[np.uint8]
_ROWS, _COLUMNS = 80, 120
_ALIKE = 20.0  # neighbouring cells say the same: so many are one witness
# The logarithm of how often what a map says (floor, wall, ceiling, thing) lies on a face.
_SAID = np.log(
    np.array([[0.60, 0.05, 0.01, 0.34], [0.03, 0.65, 0.04, 0.28], [0.005, 0.14, 0.80, 0.055]])
)
_USUAL, _USUAL_SPREAD = 2.2, 1.0  # distance of a wall, and of its logarithm
_ABOVE, _ABOVE_SPREAD = 0.85, 0.3  # of the ceiling above the camera
_SEEN_GAIN = 2.0  # in natural logarithms, by which a wall must be better than none
_SEEN_SHARE = 0.01  # of the photo
_ON_EACH = {"floor": FLOOR, "ceiling": CEILING}


@dataclass(frozen=True)
class FoundBox:
    """A box in heights of the camera, and what speaks for it.

    Attributes
    ----------
    gains : by how much each wall is likelier than none in its direction, natural logarithms
    agreement : share of cells that show floor, wall or ceiling where the box has them
    floor_share : of the photo that shows the floor and lies on the box's
    """

    box: Box
    gains: dict[Face, float]
    agreement: float
    floor_share: float


def fit_box(camera: Camera, ids: Ids, segments: Segments) -> FoundBox:
    """Return the box that a map of classes and the lines of a photo fit best.

    Parameters
    ----------
    camera : of height 1
    ids : uint8 (rows, columns), ids of `serving.perception.classes.CLASSES`, of the whole photo
    """
    rays = camera.grid_rays(_ROWS, _COLUMNS)
    surfaces = SURFACE_OF_CLASS[sample(ids, _ROWS, _COLUMNS)]
    below = _tables(rays, _SAID[FLOOR] - _SAID[WALL], surfaces, down=True)
    above = _tables(rays, _SAID[CEILING] - _SAID[WALL], surfaces, down=False)
    edges = edge_tables(camera, segments)
    scores, sides = _race(below, above, edges)
    up, front = np.unravel_index(int(scores.argmax()), scores.shape)
    right, left = (int(side[up, front].argmax()) for side in sides)
    box = Box(
        float(DISTANCES[front]), float(DISTANCES[left]), float(DISTANCES[right]),
        float(1 + ABOVE[up]),
    )  # fmt: skip
    gains: dict[Face, float] = {
        "front": float(scores.max() - scores[up, -1]),
        "right": float(sides[0][up, front].max() - sides[0][up, front, -1]),
        "left": float(sides[1][up, front].max() - sides[1][up, front, -1]),
    }
    return _judged(camera, box, rays, surfaces, gains)


def _tables(rays: Floats, gain: Floats, surfaces: Ids, *, down: bool) -> tuple[Floats, Floats]:
    """Return what cells gain by lying on the floor (or ceiling), summed to (side, front) places.

    Rays meet a plane 1 below or above the camera; first of those to the right, then to the left.
    """
    height = rays[..., 1] * (-1 if down else 1)
    chosen = height > 1e-6
    x, z = rays[chosen][:, 0] / height[chosen], -rays[chosen][:, 2] / height[chosen]
    worth = gain[surfaces[chosen]] / _ALIKE
    found = []
    for side in (1, -1):
        mine = side * x > 0
        count = len(DISTANCES) + 1
        cell = place_of(side * x[mine], np.ceil) * count + place_of(z[mine], np.ceil)
        table = np.bincount(cell, worth[mine], count * count).reshape(count, count)
        found.append(table.cumsum(axis=0).cumsum(axis=1)[:-1, :-1])
    return found[0], found[1]


def _race(
    below: tuple[Floats, Floats], above: tuple[Floats, Floats], edges: EdgeTables
) -> tuple[Floats, tuple[Floats, Floats]]:
    """Return scores (above, front), and of each (above, front, side) for right and left."""
    usual = -0.5 * np.square(np.log(DISTANCES / _USUAL) / _USUAL_SPREAD)
    height = -0.5 * np.square(np.log(ABOVE / _ABOVE) / _ABOVE_SPREAD)
    front = usual + edges.floor_front
    up = [place_of(np.array([value]), np.rint)[0] for value in ABOVE]
    zero = place_of(np.ones(1), np.rint)[0]
    sides = []
    for side in range(2):
        both = np.empty((len(ABOVE), len(DISTANCES), len(DISTANCES)))
        corner = edges.corners[side]
        for row, place in enumerate(up):
            by = int(place - zero)
            ceiling = shifted(shifted(above[side], by, 0), by, 1)
            lines = usual + edges.floor_sides[side] + shifted(edges.ceiling_sides[side], by, 0)
            both[row] = (below[side] + ceiling).T + lines + corner
        sides.append(both)
    scores = np.stack([front + shifted(edges.ceiling_front, int(place - zero), 0) for place in up])
    scores = scores + height[:, None] + sides[0].max(axis=2) + sides[1].max(axis=2)
    return scores, (sides[0], sides[1])


def _judged(
    camera: Camera, box: Box, rays: Floats, surfaces: Ids, gains: dict[Face, float]
) -> FoundBox:
    """Say which faces a photo shows, and how well the box agrees with the map."""
    faces, _ = faces_of(camera, box, rays)
    expected = np.array([FLOOR, CEILING, WALL, WALL, WALL])[faces]
    known = surfaces <= CEILING
    names: tuple[Face, ...] = ("floor", "ceiling", "front", "left", "right")
    seen: set[Face] = set()
    for number, name in enumerate(names):
        shown = faces == number
        if name in _ON_EACH:
            shown = shown & (surfaces == _ON_EACH[name])
        if shown.mean() > _SEEN_SHARE and gains.get(name, _SEEN_GAIN) >= _SEEN_GAIN:
            seen.add(name)
    agreement = float((expected == surfaces)[known].mean()) if known.any() else 0.0
    floor = float(((faces == 0) & (surfaces == FLOOR)).mean())
    found = Box(box.front_m, box.left_m, box.right_m, box.height_m, frozenset(seen))
    return FoundBox(found, gains, agreement, floor)
