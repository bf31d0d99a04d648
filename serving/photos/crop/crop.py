"""Focus points and crops of a photo."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.photos.crop.importance import Scene
from serving.photos.crop.ratios import Ratio
from serving.photos.crop.windows import Windows, judge_windows, visible

Floats = NDArray[np.float32]

_SCALES = (1.0, 0.94, 0.88, 0.82, 0.76, 0.7)  # of the largest window
_SMALLER = 0.5  # what the logarithm of a scale costs: a crop is tighter where that mends something
_WHOLE = 1 - 1e-3
_DIGITS = 4
_MOST_POINTS = 3
_REACH = 0.12  # of the photo's longer side: around a focus point, no other
_LEAST_POINT = 0.25  # of the first point's weight


@dataclass(frozen=True)
class FocusPoint:
    """Where to look.

    Attributes
    ----------
    x, y : shares of the upright photo's width and height
    weight : 0..1; those of a photo sum up to 1
    """

    x: float
    y: float
    weight: float


@dataclass(frozen=True)
class Crop:
    """A crop of a photo.

    Attributes
    ----------
    ratio : as it was asked
    box : left, top, right, bottom in whole pixels of the upright photo
    share : the same as shares of its width and height
    kept : share of what matters that the crop shows, 0..1
    cut : names of what it shows in part, the most important first
    confidence : 0..1; low where what matters is unclear, or does not fit
    large_enough : whether it has the size that was asked
    """

    ratio: str
    box: tuple[int, int, int, int]
    share: tuple[float, float, float, float]
    kept: float
    cut: tuple[str, ...]
    confidence: float
    large_enough: bool = True


@dataclass(frozen=True)
class CropAnswer:
    """Where to look in a photo, and how to crop it.

    Attributes
    ----------
    size : of the upright photo, (height, width)
    focus : the most important first
    crops : one for each ratio, in the order asked
    """

    size: tuple[int, int]
    focus: tuple[FocusPoint, ...]
    crops: tuple[Crop, ...]


def crop_photo(
    scene: Scene, ratios: Sequence[Ratio], least: tuple[int, int] = (1, 1)
) -> CropAnswer:
    """Return focus points and crops; the same scene gives the same answer.

    Parameters
    ----------
    least : (height, width) in pixels that a crop is to have; where the photo has no such window,
        the largest is taken and said not to be large enough
    """
    crops = tuple(best_crop(scene, ratio, least) for ratio in ratios)
    return CropAnswer(scene.size, focus_points(scene), crops)


def best_crop(scene: Scene, ratio: Ratio, least: tuple[int, int] = (1, 1)) -> Crop:
    """Return the best window of a ratio, of all positions and several sizes."""
    judged = (
        (judge_windows(scene, height, width), _SMALLER * math.log(scale))
        for scale, height, width in _sizes(ratio.window(*scene.size), least)
    )
    windows, _ = max(judged, key=lambda one: round(float(one[0].worth.max()) + one[1], 9))
    row, column = (int(at) for at in np.unravel_index(windows.worth.argmax(), windows.worth.shape))
    return _said(scene, ratio, windows, (row, column), least)


def _sizes(largest: tuple[int, int], least: tuple[int, int]) -> Iterator[tuple[float, int, int]]:
    yield 1.0, *largest
    for scale in _SCALES[1:]:
        height, width = (max(1, round(side * scale)) for side in largest)
        if height >= least[0] and width >= least[1]:
            yield scale, height, width


def _said(
    scene: Scene, ratio: Ratio, of: Windows, place: tuple[int, int], least: tuple[int, int]
) -> Crop:
    row, column = place
    tops, lefts = of.tops[row : row + 1], of.lefts[column : column + 1]
    shown = [(box, visible(box, tops, lefts, of.height, of.width)[0, 0]) for box in scene.boxes]
    order = sorted(shown, key=lambda one: -one[0].weight)
    whole = sum(box.weight * share for box, share in shown) if shown else 1.0
    kept = min(1.0, max(0.0, float(of.kept[row, column])))
    left, top = int(lefts[0]), int(tops[0])
    box = (left, top, left + of.width, top + of.height)
    return Crop(
        ratio.name,
        box,
        _shares(box, scene.size),
        round(kept, _DIGITS),
        tuple(one.name for one, share in order if 1 - _WHOLE < share < _WHOLE),
        round(kept * float(whole), _DIGITS) if scene.clear else 0.0,
        of.height >= least[0] and of.width >= least[1],
    )


def _shares(
    box: tuple[int, int, int, int], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    height, width = size
    left, top, right, bottom = box
    down, across = (round(top / height, 6), round(bottom / height, 6)), round(left / width, 6)
    return across, down[0], round(right / width, 6), down[1]


def focus_points(scene: Scene) -> tuple[FocusPoint, ...]:
    """Return up to three points around which most of what matters lies; the middle if nothing does.

    A point is the middle of the mass around the place with most of it near; what it stands for is
    taken away before the next is looked for.
    """
    if not scene.clear:
        return (FocusPoint(0.5, 0.5, 1.0),)
    left, points = scene.map.astype(np.float32), list[FocusPoint]()
    for _ in range(_MOST_POINTS):
        point, left = _take_heaviest(left, scene.size)
        if point is None or (points and point.weight < _LEAST_POINT * points[0].weight):
            break
        points.append(point)
    total = sum(point.weight for point in points)
    return tuple(
        FocusPoint(round(p.x, _DIGITS), round(p.y, _DIGITS), round(p.weight / total, _DIGITS))
        for p in points
    )


def _take_heaviest(mass: Floats, size: tuple[int, int]) -> tuple[FocusPoint | None, Floats]:
    """Return the point with most mass in reach, and the mass that is then left."""
    rows, columns = mass.shape
    scale = rows / size[0], columns / size[1]
    reach = max(0.5, _REACH * max(rows, columns))
    near = cv2.GaussianBlur(mass, (0, 0), reach / 2, borderType=cv2.BORDER_CONSTANT)
    row, column = np.unravel_index(near.argmax(), near.shape)
    y, x = np.arange(rows)[:, None] + 0.5, np.arange(columns)[None, :] + 0.5
    down, across = (y - row - 0.5) / scale[0], (x - column - 0.5) / scale[1]
    inside = np.hypot(down, across) <= _REACH * max(size)
    part = mass * inside
    weight = float(part.sum(dtype=np.float64))
    if weight <= 0:
        return None, mass
    middle = FocusPoint(
        float((part * x).sum(dtype=np.float64)) / weight / columns,
        float((part * y).sum(dtype=np.float64)) / weight / rows,
        weight,
    )
    return middle, mass * ~inside
