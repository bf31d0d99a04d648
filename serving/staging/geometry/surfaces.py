"""What classes say of a room's surfaces."""

import numpy as np
from numpy.typing import NDArray

from serving.perception.classes import CLASSES, Class

Ids = NDArray[np.uint8]
FLOOR, WALL, CEILING, THING = range(4)
_FLOOR: tuple[Class, ...] = ("floor", "rug", "road", "ground", "grass", "water")
_WALL: tuple[Class, ...] = (
    "wall", "window", "door", "curtain", "mirror", "picture", "sky", "tree", "building",
)  # fmt: skip


def _surfaces() -> Ids:
    table = np.full(len(CLASSES), THING, np.uint8)
    table[[CLASSES.index(name) for name in _FLOOR]] = FLOOR
    table[[CLASSES.index(name) for name in _WALL]] = WALL
    table[CLASSES.index("ceiling")] = CEILING
    return table


SURFACE_OF_CLASS = _surfaces()


def sample(ids: Ids, rows: int, columns: int) -> Ids:
    """Return the class in the middle of each of `rows` x `columns` cells of a map."""
    y = ((np.arange(rows) + 0.5) * ids.shape[0] / rows).astype(np.int64)
    x = ((np.arange(columns) + 0.5) * ids.shape[1] / columns).astype(np.int64)
    return ids[np.ix_(y, x)]


def share_of(ids: Ids, *names: Class) -> float:
    """Return the share of a map that shows some classes."""
    return float(np.isin(ids, [CLASSES.index(name) for name in names]).mean())
