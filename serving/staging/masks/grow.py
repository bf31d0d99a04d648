"""Masks grown to the edges of things by their colours.

C. Rother, V. Kolmogorov, A. Blake, "GrabCut: interactive foreground extraction using iterated
graph cuts", SIGGRAPH 2004; on a crop around each piece, so that its colours are few.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.perception.classes import CLASSES, Class
from serving.staging.masks.shapes import narrow, widen
from serving.staging.room import Ids

Mask = NDArray[np.bool_]
_CROP_SIDE_PX = 224
_MOST_PIECES = 6  # the largest; the others stay as they are
_LEAST_SHARE = 0.004
_AROUND = 0.18  # of a piece's extent, that its crop shows beside it
_OUTWARDS, _INWARDS = 0.07, 0.05  # of a crop's long side: how far an edge is looked for
_ROUNDS = 2
_MOST_GROWTH = 1.5  # of a piece's area: what grows more has run into its surroundings
_SHELL: tuple[Class, ...] = ("window", "door", "person", "curtain", "picture", "mirror")


def grow(photo: Image, seed: Mask, ids: Ids) -> Mask:
    """Return a mask with the parts of things that it lacks; nothing is taken away from it.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3)
    ids : uint8 (height, width), classes; what is certainly something else does not become part
    """
    count, _, stats, _ = cv2.connectedComponentsWithStats(seed.astype(np.uint8))
    large = sorted(range(1, count), key=lambda n: -int(stats[n, cv2.CC_STAT_AREA]))[:_MOST_PIECES]
    other = np.isin(ids, [CLASSES.index(name) for name in _SHELL]) & ~seed
    grown = seed.copy()
    for number in large:
        if stats[number, cv2.CC_STAT_AREA] >= _LEAST_SHARE * seed.size:
            crop = _around(stats[number], seed.shape)
            grown[crop] |= _grown_crop(photo[crop], seed[crop], other[crop])
    return grown


def _around(stat: NDArray[np.int32], shape: tuple[int, ...]) -> tuple[slice, slice]:
    left, top, width, height = (int(value) for value in stat[:4])
    margin = int(_AROUND * max(width, height)) + 4
    return (
        slice(max(0, top - margin), min(shape[0], top + height + margin)),
        slice(max(0, left - margin), min(shape[1], left + width + margin)),
    )


def _grown_crop(photo: Image, seed: Mask, other: Mask) -> Mask:
    scale = min(1.0, _CROP_SIDE_PX / max(seed.shape))
    size = max(8, round(seed.shape[1] * scale)), max(8, round(seed.shape[0] * scale))
    small = np.ascontiguousarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA))
    inside, outside = (
        np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5)
        for mask in (seed, other)
    )
    side = max(size)
    state = np.full(inside.shape, cv2.GC_BGD, np.uint8)
    state[widen(inside, _OUTWARDS * side) & ~outside] = cv2.GC_PR_BGD
    state[inside] = cv2.GC_PR_FGD
    state[narrow(inside, _INWARDS * side)] = cv2.GC_FGD
    if not (state == cv2.GC_BGD).any() or not inside.any():
        return np.zeros_like(seed)
    cv2.setRNGSeed(0)  # GrabCut begins with k-means, which draws from OpenCV's generator
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(small, state, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    found = np.isin(state, (cv2.GC_FGD, cv2.GC_PR_FGD)) | inside
    if found.sum() > _MOST_GROWTH * inside.sum():
        return np.zeros_like(seed)
    back = cv2.resize(found.astype(np.float32), seed.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(back > 0.5, np.bool_)
