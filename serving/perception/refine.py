"""Brings a coarse map to a photo's own size, its borders to the photo's edges.

A guided filter of each class's mask, guided by the photo's brightness: where the photo is flat the
mask is smoothed, and where the photo has an edge the mask gets one. K. He, J. Sun, X. Tang, "Guided
image filtering", IEEE TPAMI 35(6), 2013; coefficients are found on a smaller copy, as in K. He,
J. Sun, "Fast guided filter", arXiv:1505.00996.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.image import Image, check_rgb

Ids = NDArray[np.uint8]
Floats = NDArray[np.float32]
_NOTHING = 0.01
_STRIP_ROWS = 128  # of the full photo at once: what is held beside it stays small


@dataclass(frozen=True)
class Refinement:
    """How borders are found.

    Attributes
    ----------
    reach : how far a border may move, in pixels of the coarse map
    flatness : standard deviation of brightness, 0..1, below which the photo counts as flat
    work_side_px : long side of the copy on which edges are weighed
    least_share : of the map that a class must cover to be refined; smaller ones stay as they are
    """

    reach: float = 2.0
    flatness: float = 0.03
    work_side_px: int = 1024
    least_share: float = 0.0005


_DEFAULT = Refinement()


def refine_mask(ids: Ids, photo: Image, how: Refinement = _DEFAULT) -> Ids:
    """Return the class of every pixel of a photo.

    Parameters
    ----------
    ids : uint8 (rows, columns), of the whole photo, squeezed
    photo : uint8 RGB (height, width, 3)

    Returns
    -------
    uint8, shape (height, width)
        Ids that `ids` holds, and no other.

    Raises
    ------
    BadInput
        If `ids` is not a map of uint8, or `photo` not RGB.
    """
    check_rgb(photo)
    if ids.dtype != np.uint8 or ids.ndim != 2 or not ids.size:
        raise BadInput(f"a map of classes is uint8 (rows, columns), not {ids.dtype} {ids.shape}")
    there = _classes_of(ids, how.least_share)
    if len(there) == 1:
        return np.full(photo.shape[:2], there[0], np.uint8)
    guide = _work_copy(photo, how.work_side_px)
    radius = _radius(guide, (ids.shape[0], ids.shape[1]), how.reach)
    statistics = _Guide(guide, radius, how.flatness**2)
    lines = [statistics.fit(_stretch(ids == number, guide)) for number in there]
    return _paint(photo, lines, there)


def refine_values(values: Floats, photo: Image, how: Refinement = _DEFAULT) -> Floats:
    """Return a coarse map of measures on a photo's working copy, its steps at the photo's edges.

    Parameters
    ----------
    values : float32 (rows, columns), of the whole photo, squeezed
    photo : uint8 RGB (height, width, 3)

    Returns
    -------
    float32, no longer than `how.work_side_px` along a side
        Within the range of `values`.
    """
    check_rgb(photo)
    guide = _work_copy(photo, how.work_side_px)
    cell = (values.shape[0], values.shape[1])
    statistics = _Guide(guide, _radius(guide, cell, how.reach), how.flatness**2)
    slope, offset = statistics.fit(_stretch(values, guide))
    refined: Floats = (slope * guide + offset).clip(values.min(), values.max())
    return refined


def _classes_of(ids: Ids, least_share: float) -> Ids:
    counts = np.bincount(ids.ravel())
    kept = np.flatnonzero(counts >= max(1, least_share * ids.size))
    return kept.astype(np.uint8)


def _work_copy(photo: Image, side_px: int) -> Floats:
    """Return the photo's brightness, 0..1, no longer than `side_px` along a side."""
    height, width = photo.shape[:2]
    scale = min(1.0, side_px / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = photo if scale == 1 else cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(np.asarray(small, np.uint8), cv2.COLOR_RGB2GRAY)
    return np.asarray(grey, np.float32) / np.float32(255)


def _radius(guide: Floats, coarse: tuple[int, int], reach: float) -> int:
    cell = max(guide.shape[0] / coarse[0], guide.shape[1] / coarse[1])
    return max(1, int(reach * cell + 0.5))


def _stretch(values: NDArray[np.bool_] | Floats, guide: Floats) -> Floats:
    size = guide.shape[1], guide.shape[0]
    stretched = cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(stretched, np.float32)


class _Guide:
    """A guide's means and variances around each pixel, worked out once for all masks."""

    def __init__(self, guide: Floats, radius: int, epsilon: float) -> None:
        self._guide, self._box = guide, (2 * radius + 1, 2 * radius + 1)
        self._mean = self._average(guide)
        squared = self._average(guide * guide)
        self._variance = squared - self._mean * self._mean + np.float32(epsilon)

    def _average(self, values: NDArray[np.floating[Any]]) -> Floats:
        found = cv2.blur(values, self._box, borderType=cv2.BORDER_REFLECT)
        return np.asarray(found, np.float32)

    def fit(self, mask: Floats) -> tuple[Floats, Floats]:
        """Return slope and offset by which brightness tells the mask, around each pixel."""
        mean = self._average(mask)
        covariance = self._average(self._guide * mask) - self._mean * mean
        slope = covariance / self._variance
        return self._average(slope), self._average(mean - slope * self._mean)


def _paint(photo: Image, lines: list[tuple[Floats, Floats]], classes: Ids) -> Ids:
    """Give each pixel of the full photo the class that its brightness speaks most for."""
    height, width = photo.shape[:2]
    painted = np.zeros((height, width), np.uint8)
    for top in range(0, height, _STRIP_ROWS):
        rows = min(_STRIP_ROWS, height - top)
        grey = cv2.cvtColor(photo[top : top + rows], cv2.COLOR_RGB2GRAY)
        brightness = np.asarray(grey, np.float32) / np.float32(255)
        best = np.full((rows, width), -np.inf, np.float32)
        for (slope, offset), number in zip(lines, classes, strict=True):
            if not _matters(slope, offset, top / height, (top + rows) / height):
                continue
            a, b = (_strip(plane, top, rows, (height, width)) for plane in (slope, offset))
            found = a * brightness + b
            better = found > best
            best[better] = found[better]
            painted[top : top + rows][better] = number
    return painted


def _matters(slope: Floats, offset: Floats, top: float, bottom: float) -> bool:
    """Say whether a class may win anywhere between two heights, 0..1.

    What all classes say of a pixel sums to 1, so the best of 35 says more than twice `_NOTHING`.
    """
    count = slope.shape[0]
    some = slice(max(0, int(top * count) - 1), int(bottom * count) + 2)
    return bool(max(np.abs(slope[some]).max(), offset[some].max()) > _NOTHING)


def _strip(plane: Floats, top: int, rows: int, size: tuple[int, int]) -> Floats:
    """Return some rows of a small plane stretched to the photo's size, bilinearly."""
    height, width = size
    y = (np.arange(top, top + rows, dtype=np.float32) + 0.5) * (plane.shape[0] / height) - 0.5
    x = (np.arange(width, dtype=np.float32) + 0.5) * (plane.shape[1] / width) - 0.5
    grid = np.meshgrid(x, y)
    found = cv2.remap(plane, grid[0], grid[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)
