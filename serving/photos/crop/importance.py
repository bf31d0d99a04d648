"""What matters in a photo: a map of shares, and the boxes that a crop should not cut."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.perception.classes import Class
from serving.perception.detect import DetectAnswer
from serving.perception.segment import SegmentAnswer
from serving.photos.crop.perspective import Perspective

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_LONG_SIDE = 160  # cells: a box of a furnished room is not found better by more of them
_CONTRAST = 0.08  # of a map between its 5th and last percent, below which it prefers nothing
_INSIDE = 0.45  # salient enough to belong to a region
_LEAST_REGION = 0.01  # of the photo's area
_MOST_REGIONS = 6
_NAMELESS = 0.35  # weight of salient regions beside things that were found
_DULL = 0.15  # weight of a thing where nothing is salient, beside one where all is
_BEHIND = 0.4  # weight of what is salient on a wall, a floor or the sky, beside what stands there
_CENTRED = 0.7  # of the photo's width: a point beyond is that of a wall seen from its end
# What a room or a house stands on and before; no house itself, and no window, which a room is for.
_BACKDROP: frozenset[Class] = frozenset(
    ("wall", "floor", "ceiling", "sky", "grass", "road", "ground", "rug", "curtain")
)
_PERSON = 2.0  # half a person is what nobody forgives a crop


@dataclass(frozen=True)
class WeightedBox:
    """Something that a crop should show whole.

    Attributes
    ----------
    box : left, top, right, bottom in pixels of the upright photo
    weight : above 0; those of one photo are compared with each other
    name : such as `sofa`, for what an answer says was cut
    """

    box: tuple[float, float, float, float]
    weight: float = 1.0
    name: str = "salient region"


@dataclass(frozen=True)
class Scene:
    """What matters in a photo.

    Attributes
    ----------
    size : of the upright photo, (height, width)
    map : shares of what matters, of equal cells of the whole photo; they sum up to 1
    boxes : what is to stay whole; the weights sum up to 1, or there are none
    clear : whether the map prefers anything; without, it is even
    horizon : its height, in pixels from the top
    vanishing : the point to which the lines run, (x, y) in pixels
    """

    size: tuple[int, int]
    map: Floats
    boxes: tuple[WeightedBox, ...] = ()
    clear: bool = True
    horizon: float | None = None
    vanishing: tuple[float, float] | None = None

    @cached_property
    def integral(self) -> Floats:
        """Sums of the map from the top left corner, (rows + 1, columns + 1)."""
        return np.pad(self.map, ((1, 0), (1, 0))).cumsum(0).cumsum(1)


def make_scene(
    saliency: NDArray[np.uint8],
    size: tuple[int, int],
    found: Sequence[WeightedBox] = (),
    backdrop: Mask | None = None,
    perspective: Perspective | None = None,
) -> Scene:
    """Return what matters by a map of saliency and by what was found.

    Parameters
    ----------
    saliency : (h, w) of the whole photo, squeezed to any rectangle
    size : of the upright photo, (height, width)
    found : of a detector; beside them, each region of the map counts as a box
    backdrop : (h, w) of the whole photo, squeezed to any rectangle: where it shows only what things
        stand before; None: nobody knows
    perspective : of its lines; None: they run to no point
    """
    cells = _resample(saliency.astype(np.float64) / 255, size)
    if backdrop is not None:
        cells = cells * (1 - (1 - _BEHIND) * _resample(backdrop.astype(np.float64), size))
    low, high = np.percentile(cells, (5, 99))
    clear = bool(high - low >= _CONTRAST)
    scaled = np.clip((cells - low) / max(high - low, 1e-6), 0, 1) if clear else np.ones_like(cells)
    regions = _regions(scaled, size) if clear else ()
    things = _clip(found, size)
    if things:  # what was found has a name; a region may be a bed, or the light on a wall
        regions = tuple(replace(one, weight=_NAMELESS * one.weight) for one in regions)
        things = _normalise(_weighed_by(scaled if clear else None, things, size))
    boxes = _normalise((*regions, *things))
    if things:
        painted = _painted(things, cells.shape, size)
        scaled = _NAMELESS * scaled / scaled.sum() + painted if clear else painted
        clear = True
    shares = scaled / scaled.sum()
    if perspective is None:
        return Scene(size, shares, boxes, clear)
    inside = abs(perspective.point[0] / size[1] - 0.5) < _CENTRED / 2
    vanishing = perspective.point if inside else None
    return Scene(size, shares, boxes, clear, perspective.horizon, vanishing)


def _resample(map_: Floats, size: tuple[int, int]) -> Floats:
    height, width = size
    scale = min(1.0, _LONG_SIDE / max(height, width))
    cells = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(map_, cells, interpolation=cv2.INTER_AREA), np.float64)


def _regions(scaled: Floats, size: tuple[int, int]) -> tuple[WeightedBox, ...]:
    inside = (scaled >= _INSIDE).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    down, across = size[0] / scaled.shape[0], size[1] / scaled.shape[1]
    masses = np.bincount(labels.ravel(), weights=scaled.ravel())
    large = [n for n in range(1, len(stats)) if stats[n, 4] >= _LEAST_REGION * scaled.size]
    boxes = []
    for n in sorted(large, key=lambda n: -masses[n])[:_MOST_REGIONS]:
        left, top, width, height = (float(number) for number in stats[n, :4])
        box = (left * across, top * down, (left + width) * across, (top + height) * down)
        # by its root: or a bed outweighs the chair before it, that a narrow crop can show whole
        boxes.append(WeightedBox(box, float(np.sqrt(masses[n]))))
    total = sum(box.weight for box in boxes)
    return tuple(WeightedBox(box.box, box.weight / total) for box in boxes)


def _weighed_by(
    map_: Floats | None, things: Sequence[WeightedBox], size: tuple[int, int]
) -> tuple[WeightedBox, ...]:
    """Return things that weigh more where the map is salient: what is seen first."""
    if map_ is None:
        return tuple(things)
    means = (float(map_[_cells(one, map_.shape, size)].mean()) for one in things)
    return tuple(
        replace(one, weight=one.weight * (_DULL + mean))
        for one, mean in zip(things, means, strict=True)
    )


def _cells(one: WeightedBox, shape: tuple[int, ...], size: tuple[int, int]) -> tuple[slice, slice]:
    """Return the cells of a map that a box covers, one at least."""
    left, top, right, bottom = one.box
    down, across = shape[0] / size[0], shape[1] / size[1]
    first, start = min(int(left * across), shape[1] - 1), min(int(top * down), shape[0] - 1)
    rows = slice(start, max(start + 1, int(np.ceil(bottom * down))))
    return rows, slice(first, max(first + 1, int(np.ceil(right * across))))


def _clip(found: Sequence[WeightedBox], size: tuple[int, int]) -> tuple[WeightedBox, ...]:
    height, width = size
    kept = []
    for one in found:
        left, top, right, bottom = one.box
        box = (max(0.0, left), max(0.0, top), min(float(width), right), min(float(height), bottom))
        if box[2] > box[0] and box[3] > box[1] and one.weight > 0:
            kept.append(WeightedBox(box, one.weight, one.name))
    return tuple(kept)


def _normalise(boxes: Sequence[WeightedBox]) -> tuple[WeightedBox, ...]:
    total = sum(box.weight for box in boxes)
    return tuple(WeightedBox(one.box, one.weight / total, one.name) for one in boxes)


def _painted(boxes: Sequence[WeightedBox], shape: tuple[int, ...], size: tuple[int, int]) -> Floats:
    """Each box's weight, spread evenly over its cells."""
    painted = np.zeros(shape)
    for one in boxes:
        part = painted[_cells(one, shape, size)]
        part += one.weight / part.size
    return painted


def is_backdrop(surfaces: SegmentAnswer) -> Mask:
    """Return where a map of classes shows only what things stand on and before, bool (h, w)."""
    known = np.array([name in _BACKDROP for name in surfaces.classes])
    shown: Mask = known[surfaces.map.array()]
    return shown


def things_of(found: DetectAnswer) -> tuple[WeightedBox, ...]:
    """Return what a detector found as boxes: a thing weighs its confidence, a person twice."""
    return tuple(
        WeightedBox(one.box, one.confidence * (_PERSON if one.label == "person" else 1), one.label)
        for one in found.boxes
        if one.confidence > 0
    )
