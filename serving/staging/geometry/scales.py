"""Distances on a logarithmic scale, on which a ratio is a shift; in heights of the camera."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
STEP = 0.02  # of a logarithm: 2 % of a distance
_NEAREST, _FARTHEST = 0.3, 12.0
DISTANCES: Floats = np.exp(np.arange(np.log(_NEAREST), np.log(_FARTHEST), STEP))
ABOVE: Floats = np.exp(np.arange(np.log(0.35), np.log(2.6), 2 * STEP))  # of the ceiling
_START = float(np.log(_NEAREST))


def place_of(distances: Floats, rounded: Callable[[Floats], Floats]) -> Places:
    """Return the places of distances on the scale, those beyond it at its ends.

    One place follows the last: that of what is farther.
    """
    logs = np.log(np.maximum(distances, _NEAREST * 1e-3))
    places: Places = rounded((logs - _START) / STEP).astype(np.int64)
    return places.clip(0, len(DISTANCES))


def shifted(table: Floats, by: int, axis: int) -> Floats:
    """Return a table whose place n holds what stood at n - by; its ends are repeated."""
    places = (np.arange(table.shape[axis]) - by).clip(0, table.shape[axis] - 1)
    moved: Floats = table.take(places, axis=axis)
    return moved
