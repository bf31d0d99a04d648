"""How good every window of one size in a photo is, exactly, by integral images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.photos.crop.importance import Scene, WeightedBox

Floats = NDArray[np.float64]

_POSITIONS = 129  # an axis: half of a cell of the map, or every pixel of a small photo
_STRIP = 0.02  # of the photo's shorter side, on both sides of an edge, that the edge cuts through
_MARGIN = 0.015  # of a side, that is left free around a whole box where there is room
# What a window is worth, in shares of what matters. Whole boxes count about as much as the mass;
# an edge through something costs more than the part that it takes away; the rest decides between
# windows that show the same.
_WHOLE, _CUT, _EDGE, _CENTRED, _HORIZON, _SYMMETRY = 0.6, 0.5, 0.8, 0.25, 0.1, 0.15
_PARTLY = 0.2  # of a box that no window of this size can show whole: it is cut wherever one stands
_ROOM = 0.12  # of the window's height, that a horizon keeps from its edges


@dataclass(frozen=True)
class Windows:
    """All windows of one size.

    Attributes
    ----------
    height, width : pixels
    tops : (rows,); lefts : (columns,), pixels
    worth : (rows, columns)
    kept : (rows, columns), share of what matters that each shows
    """

    height: int
    width: int
    tops: Floats
    lefts: Floats
    worth: Floats
    kept: Floats


def judge_windows(scene: Scene, height: int, width: int) -> Windows:
    """Return what every window of a size is worth; the size is at most the photo's."""
    tops = _places(
        scene.size[0] - height, [(box.box[1], box.box[3]) for box in scene.boxes], height
    )
    lefts = _places(scene.size[1] - width, [(box.box[0], box.box[2]) for box in scene.boxes], width)
    kept = _mass(scene, tops, tops + height, lefts, lefts + width)
    worth = kept.copy()
    if scene.clear:  # an even map prefers no edge to another
        worth -= _EDGE * _edges(scene, tops, lefts, height, width)
    for box in scene.boxes:
        worth += box.weight * _box_worth(box, tops, lefts, height, width)
    worth -= _CENTRED * _off_centre(scene, tops, lefts, height, width)
    worth -= _lines(scene, tops, lefts, height, width)
    return Windows(height, width, tops, lefts, worth, kept)


def _places(free: int, sides: list[tuple[float, float]], length: int) -> Floats:
    """Even positions from the first to the last, and those at which boxes begin or end."""
    even = np.linspace(0, free, min(free + 1, _POSITIONS))
    room = _MARGIN * length
    fitting = [(low, high) for low, high in sides if high - low <= length]
    ends = [place for low, high in fitting for place in (low - room, high + room - length)]
    return np.unique(np.clip(np.round(np.concatenate([even, ends])), 0, free))


def _mass(scene: Scene, tops: Floats, bottoms: Floats, lefts: Floats, rights: Floats) -> Floats:
    """Share of what matters in windows; exact, each cell's share lies evenly in it."""
    high = _at(scene.integral, bottoms / scene.size[0], 0) - _at(
        scene.integral, tops / scene.size[0], 0
    )
    return _at(high, rights / scene.size[1], 1) - _at(high, lefts / scene.size[1], 1)


def _at(sums: Floats, shares: Floats, axis: int) -> Floats:
    """Return sums at places between cells along an axis; beyond the photo, those at its edge."""
    cells = sums.shape[axis] - 1
    places = np.clip(shares, 0, 1) * cells
    first = np.minimum(places.astype(int), cells - 1)
    part = np.expand_dims(places - first, 1 - axis)
    low, high = np.take(sums, first, axis), np.take(sums, first + 1, axis)
    return np.asarray(low + (high - low) * part)


def _edges(scene: Scene, tops: Floats, lefts: Floats, height: int, width: int) -> Floats:
    """Share of what matters that lies under a window's edges; the photo's own edges cut nothing."""
    strip = max(1.0, _STRIP * min(scene.size))
    bottoms, rights = tops + height, lefts + width
    under = np.zeros((len(tops), len(lefts)))
    for line, last in ((tops, 0.0), (bottoms, float(scene.size[0]))):
        mass = _mass(scene, line - strip, line + strip, lefts, rights)
        under += mass * (line != last)[:, None]
    for line, last in ((lefts, 0.0), (rights, float(scene.size[1]))):
        under += _mass(scene, tops, bottoms, line - strip, line + strip) * (line != last)
    return under


def visible(box: WeightedBox, tops: Floats, lefts: Floats, height: int, width: int) -> Floats:
    """Return which share of a box each window shows, 0..1, (tops, lefts)."""
    left, top, right, bottom = box.box
    down = np.clip(np.minimum(tops + height, bottom) - np.maximum(tops, top), 0, None)
    across = np.clip(np.minimum(lefts + width, right) - np.maximum(lefts, left), 0, None)
    return np.outer(down / (bottom - top), across / (right - left))


def _box_worth(box: WeightedBox, tops: Floats, lefts: Floats, height: int, width: int) -> Floats:
    shown = visible(box, tops, lefts, height, width)
    left, top, right, bottom = box.box
    if bottom - top > height or right - left > width:
        return _PARTLY * shown
    return _WHOLE * (shown > 1 - 1e-6) - _CUT * 4 * shown * (1 - shown)


def _off_centre(scene: Scene, tops: Floats, lefts: Floats, height: int, width: int) -> Floats:
    """How far what matters lies from a window's middle, squared, in shares of its sides."""
    rows, columns = scene.map.shape
    middle_y = (scene.map.sum(1) @ (np.arange(rows) + 0.5)) * scene.size[0] / rows
    middle_x = (scene.map.sum(0) @ (np.arange(columns) + 0.5)) * scene.size[1] / columns
    down = (tops + height / 2 - middle_y) / height
    across = (lefts + width / 2 - middle_x) / width
    return np.asarray(np.minimum(np.add.outer(down**2, across**2), 1.0))


def _lines(scene: Scene, tops: Floats, lefts: Floats, height: int, width: int) -> Floats:
    """Return what a horizon near an edge costs, and a vanishing point away from the middle."""
    cost = np.zeros((len(tops), len(lefts)))
    if scene.horizon is not None:
        away = np.minimum(scene.horizon - tops, tops + height - scene.horizon) / height
        cost += _HORIZON * np.clip((_ROOM - away) / _ROOM, 0, 1)[:, None]
    if scene.vanishing is not None:
        cost += _SYMMETRY * np.clip(np.abs(lefts + width / 2 - scene.vanishing[0]) / width, 0, 1)
    return cost
