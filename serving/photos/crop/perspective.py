"""Where the lines of a photo run: its vanishing point, and the horizon through it.

In a room that is looked into along its walls, the edges of floor, ceiling and furniture run to one
point; a camera that is held level has its horizon at that point's height. Lines that are upright or
level tell nothing of it. Every crossing of two long lines is a candidate, and that to which most
length runs is refined by least squares (C. Rother, "A new approach to vanishing point detection in
architectural environments", Image and Vision Computing 20, 2002, with crossings alone).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image.array import Image
from serving.perception.lines import Lines, find_lines

Floats = NDArray[np.float64]

_SIDE = 640  # px of the long side: a window is placed to whole percents, and finer costs more
LOOKED_AT = 512  # px of the short side that a decoder keeps for it, as for the segmenter
_SHORTEST = 0.04  # long sides: shorter lines tell their direction too roughly
_UPRIGHT, _LEVEL = 0.2, 0.1  # of the other side of a line: 11 and 6 degrees
_LONGEST = 48  # lines of which crossings are made
_ACROSS, _DOWN = 0.7, 0.45  # long sides from the middle, within which a room's point lies
_NEAR_DEG = 1.5  # between a line and the direction to a point to which it runs
_LEAST_SHARE = 0.35  # of the length of all such lines, that has to run to the point
_LEAST_LENGTH = 0.8  # long sides of them
_LEAST_SPREAD = 0.2  # of directions: lines side by side cross anywhere
_REFINED = 3


@dataclass(frozen=True)
class Perspective:
    """The point to which a room's lines run.

    Attributes
    ----------
    point : (x, y) in pixels of the photo, which may lie beside it
    support : share of the length of lines that run to it, 0..1
    """

    point: tuple[float, float]
    support: float

    @property
    def horizon(self) -> float:
        """Return the height of the horizon of a level camera, in pixels from the top."""
        return self.point[1]


def find_perspective(photo: Image, size: tuple[int, int]) -> Perspective | None:
    """Return the point to which most lines run; None where they run to none, or to several.

    Parameters
    ----------
    photo : uint8 RGB, the whole photo at any scale
    size : (height, width) of the photo that the answer refers to
    """
    scale = _SIDE / max(photo.shape[:2])
    if scale < 1:
        small = max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale))
        photo = np.asarray(cv2.resize(photo, small, interpolation=cv2.INTER_AREA), np.uint8)
    lines = _slanted(find_lines(photo, enlarge=False))
    candidates = _crossings(lines)
    if not len(candidates):
        return None
    scores = (_off_degrees(lines, candidates) < _NEAR_DEG) @ lines.length
    point = candidates[scores.argmax()]
    for _ in range(_REFINED):
        point = _refine(lines, point)
    return _judge(lines, point, size)


def _slanted(lines: Lines) -> Lines:
    """Return the lines that are neither upright nor level, nor short."""
    across, down = np.abs(lines.dx), np.abs(lines.dy)
    slanted = (across > _UPRIGHT * down) & (down > _LEVEL * across)
    return lines.only(slanted & (lines.length > _SHORTEST))


def _crossings(lines: Lines) -> Floats:
    """Return where pairs of the longest lines cross within reach, (n, 2), in long sides."""
    longest = np.argsort(-lines.length, kind="stable")[:_LONGEST]
    x, y, dx, dy = (each[longest] for each in (lines.x, lines.y, lines.dx, lines.dy))
    one, other = np.triu_indices(len(longest), 1)
    crossed = dx[one] * dy[other] - dy[one] * dx[other]
    lengths = np.hypot(dx, dy)
    apart = np.abs(crossed) > _LEAST_SPREAD * lengths[one] * lengths[other]
    one, other, crossed = one[apart], other[apart], crossed[apart]
    along = ((x[other] - x[one]) * dy[other] - (y[other] - y[one]) * dx[other]) / crossed
    points = np.stack([x[one] + along * dx[one], y[one] + along * dy[one]], axis=1)
    inside = (np.abs(points[:, 0]) < _ACROSS) & (np.abs(points[:, 1]) < _DOWN)
    found: Floats = points[inside]
    return found


def _off_degrees(lines: Lines, points: Floats) -> Floats:
    """Return by how many degrees each line misses each point from its middle, (points, lines)."""
    to_x, to_y = points[:, :1] - lines.x, points[:, 1:] - lines.y
    away = np.maximum(np.hypot(to_x, to_y), 1e-6)
    sine = np.abs(to_x * lines.dy - to_y * lines.dx) / (away * lines.length)
    found: Floats = np.degrees(np.arcsin(np.clip(sine, 0, 1)))
    return found


def _refine(lines: Lines, point: Floats) -> Floats:
    """Return the point nearest to the lines that run to a point, by their length."""
    near = lines.only(_off_degrees(lines, point[None])[0] < _NEAR_DEG)
    normal = np.stack([near.dy, -near.dx], axis=1) / near.length[:, None]
    away = np.hypot(near.x - point[0], near.y - point[1])
    weight = np.sqrt(near.length) / np.maximum(away, 0.05)  # what is far off misses by more
    reached = (normal * np.stack([near.x, near.y], axis=1)).sum(axis=1)
    found, *_ = np.linalg.lstsq(normal * weight[:, None], reached * weight, rcond=None)
    return np.asarray(found, np.float64)


def _judge(lines: Lines, point: Floats, size: tuple[int, int]) -> Perspective | None:
    near = _off_degrees(lines, point[None])[0] < _NEAR_DEG
    length = float(lines.length[near].sum())
    share = length / float(lines.length.sum())
    if share < _LEAST_SHARE or length < _LEAST_LENGTH or not _crosses(lines.only(near)):
        return None
    side, (height, width) = max(size), size
    x, y = point[0] * side + width / 2, point[1] * side + height / 2
    return Perspective((round(float(x), 1), round(float(y), 1)), round(share, 4))


def _crosses(lines: Lines) -> bool:
    """Say whether lines have directions that differ: those on one wall alone fix no point."""
    double = 2 * np.arctan2(lines.dy, lines.dx)
    mean = np.hypot(*(lines.length @ f(double) for f in (np.cos, np.sin))) / lines.length.sum()
    return bool(1 - mean > _LEAST_SPREAD)
