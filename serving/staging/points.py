"""Points of a photo that another photo may show, too, and which of them are the same."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.staging.carry import work_copy
from serving.staging.room import Floats

POINT_PIXELS = 800_000  # of the copies in which points are looked for
_POINTS = 3000
_BETTER = 0.8  # than the second best match
Descriptors = NDArray[np.float32]
Pairs = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Points:
    """Points of a photo.

    Attributes
    ----------
    pixels : float64 (points, 2), x and y in the photo
    described : float32 (points, 128), unit vectors of what is around them
    """

    pixels: Floats
    described: Descriptors


def find_points(photo: Image) -> Points:
    """Return points of a photo by SIFT, uint8 RGB (height, width, 3).

    R. Arandjelovic, A. Zisserman, "Three things everyone should know to improve object retrieval",
    CVPR 2012: roots of shares, whose products are cosines.
    """
    small = work_copy(photo, POINT_PIXELS)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    sift = cv2.SIFT_create(_POINTS, contrastThreshold=0.02)  # type: ignore[attr-defined]
    found, described = sift.detectAndCompute(grey, None)
    if described is None:
        return Points(np.zeros((0, 2)), np.zeros((0, 128), np.float32))
    shares = described / np.maximum(described.sum(axis=1, keepdims=True), 1e-9)
    pixels = np.array([point.pt for point in found]) * (photo.shape[1] / small.shape[1])
    return Points(pixels, np.sqrt(shares).astype(np.float32))


def best_pairs(first: Points, second: Points) -> Pairs:
    """Return pairs (n, 2) that are each other's best match, and far better than the second best."""
    if not len(first.pixels) or not len(second.pixels):
        return np.zeros((0, 2), np.int64)
    alike = first.described @ second.described.T
    best = alike.argmax(axis=1)
    rows = np.arange(len(alike))
    top = alike[rows, best]
    mutual = alike.argmax(axis=0)[best] == rows
    alike[rows, best] = -1
    distance, rest = (np.sqrt(np.maximum(2 - 2 * one, 0)) for one in (top, alike.max(axis=1)))
    good = mutual & (distance < _BETTER * rest)
    return np.stack([rows[good], best[good]], axis=1)
