"""Masks closed, widened and rid of specks, by distances: the cost is the same for any reach."""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def widen(mask: Mask, reach_px: float) -> Mask:
    """Return all that lies within `reach_px` of a mask.

    Examples
    --------
    >>> dot = np.zeros((7, 7), bool)
    >>> dot[3, 3] = True
    >>> int(widen(dot, 1.0).sum())
    5
    """
    if not mask.any():
        return mask.copy()
    far = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(far <= reach_px + 1e-3, np.bool_)


def narrow(mask: Mask, reach_px: float) -> Mask:
    """Return what of a mask is farther than `reach_px` from its edge; the photo's is none."""
    return ~widen(~mask, reach_px)


def close_gaps(mask: Mask, reach_px: float, hole_px: int) -> Mask:
    """Return a mask without gaps below twice `reach_px` and holes below `hole_px` pixels."""
    closed = narrow(widen(mask, reach_px), reach_px) | mask
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~closed).astype(np.uint8))
    small = [n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] < hole_px]
    return np.asarray(closed | np.isin(labels, small), np.bool_)


def drop_specks(mask: Mask, least_px: int) -> Mask:
    """Return the connected parts of a mask that have at least `least_px` pixels."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    large = [n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] >= least_px]
    return np.isin(labels, large)
