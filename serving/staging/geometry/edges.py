"""Which edges of a box the straight lines of a photo may lie on."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.staging.geometry.scales import DISTANCES, place_of
from serving.staging.geometry.segments import Segments, off_angles
from serving.staging.room import Camera

Floats = NDArray[np.float64]
_AGREES = math.radians(1.2)
_WORTH = 6.0  # of a line of a long side's length, in natural logarithms
_MOST = 2.0  # of one edge, however many lines lie along it
_REACH = np.array([0.5, 1.0, 0.5])  # neighbouring places


@dataclass(frozen=True)
class EdgeTables:
    """What lines speak for an edge at each distance (places,), or at each ratio of two.

    Attributes
    ----------
    floor_front, floor_sides : by the distance of the wall; sides are right, left
    ceiling_front, ceiling_sides : by the distance over the ceiling's height above the camera
    corners : (front, side), by the distances of both
    """

    floor_front: Floats
    floor_sides: tuple[Floats, Floats]
    ceiling_front: Floats
    ceiling_sides: tuple[Floats, Floats]
    corners: tuple[Floats, Floats]


def edge_tables(camera: Camera, segments: Segments) -> EdgeTables:
    """Return what the lines of a photo say of a box's edges; the camera's height is 1."""
    side = max(camera.size)
    middle = np.array([camera.size[1], camera.size[0]]) / 2
    seen = camera.rays(segments.middle * side + middle)
    kinds = _kinds(camera, segments, middle / side)
    x, y, ahead = seen[:, 0], seen[:, 1], -seen[:, 2]
    flat = np.maximum(np.abs(y), 1e-6)
    floor, ceiling = y < -1e-3, y > 1e-3
    level, deep, upright = (kinds == kind for kind in range(3))
    weight = segments.weight

    def votes(chosen: NDArray[np.bool_], distance: Floats) -> Floats:
        return _votes(distance[chosen], weight[chosen])

    near = np.maximum(ahead, 1e-6)
    return EdgeTables(
        votes(level & floor & (ahead > 0), ahead / flat),
        (votes(deep & floor & (x > 0), x / flat), votes(deep & floor & (x < 0), -x / flat)),
        votes(level & ceiling & (ahead > 0), ahead / flat),
        (votes(deep & ceiling & (x > 0), x / flat), votes(deep & ceiling & (x < 0), -x / flat)),
        (
            _by_ratio(votes(upright & (x > 0) & (ahead > 0), x / near)),
            _by_ratio(votes(upright & (x < 0) & (ahead > 0), -x / near)),
        ),
    )


def _kinds(camera: Camera, segments: Segments, middle: Floats) -> NDArray[np.int64]:
    """Return which way lines run: 0 to the right, 1 ahead, 2 upright, -1 none of these."""
    side = max(camera.size)
    points = camera.rotation.T[[0, 2, 1]].copy()
    points[:, :2] *= camera.focal_px / side
    points[:, :2] += points[:, 2:] * (np.asarray(camera.centre_px) / side - middle)
    off = off_angles(segments, points)
    return np.where(off.min(axis=0) < _AGREES, off.argmin(axis=0), -1)


def _votes(distance: Floats, weight: Floats) -> Floats:
    places = place_of(distance, np.rint)
    inside = (places > 0) & (places < len(DISTANCES))
    votes = np.bincount(places[inside], weight[inside], len(DISTANCES))
    spread: Floats = np.convolve(votes * _WORTH, _REACH, "same")
    return np.minimum(spread, _MOST)


def _by_ratio(votes: Floats) -> Floats:
    """Return votes for ratios of two distances as a table of both, (front, side)."""
    places = np.arange(len(DISTANCES))
    one = int(place_of(np.ones(1), np.rint)[0])
    ratio = places[None, :] - places[:, None] + one
    inside = (ratio >= 0) & (ratio < len(DISTANCES))
    return np.where(inside, votes[ratio.clip(0, len(DISTANCES) - 1)], 0.0)
