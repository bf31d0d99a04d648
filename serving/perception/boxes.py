"""Rectangles: how much two of them share, and which of several that overlap stays."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]


def overlaps(some: Floats, others: Floats) -> Floats:
    """Return the intersection over union of every pair, float32 (n, m).

    Parameters
    ----------
    some, others : boxes (n, 4) and (m, 4): left, top, right, bottom. A box without an area shares
        nothing with any.

    Examples
    --------
    >>> one = np.array([[0, 0, 2, 2]], np.float32)
    >>> overlaps(one, np.array([[0, 0, 2, 2], [0, 0, 1, 2], [5, 5, 6, 6]], np.float32)).tolist()
    [[1.0, 0.5, 0.0]]
    """
    corner = np.maximum(some[:, None, :2], others[None, :, :2])
    end = np.minimum(some[:, None, 2:], others[None, :, 2:])
    shared = (end - corner).clip(min=0).prod(axis=2)
    union = areas(some)[:, None] + areas(others)[None] - shared
    found: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return found


def areas(boxes: Floats) -> Floats:
    """Return the area of each box (n, 4)."""
    found: Floats = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return found


def suppress(boxes: Floats, scores: Floats, labels: Ints, overlap_below: float) -> Ints:
    """Return places of the boxes that stay, the surest first: greedy suppression in each label.

    A box goes if a surer one of its label that stays shares more than `overlap_below` with it. Of
    two that are equally sure the first is the surer. All pairs are weighed at once; then each box
    that stays strikes out, in one step, all that it beats: at most n steps, whatever the boxes.

    Parameters
    ----------
    boxes : float32 (n, 4): left, top, right, bottom; memory goes with n²
    scores : (n,)
    labels : (n,)
    """
    order: Ints = np.argsort(-scores, kind="stable")
    sorted_boxes, sorted_labels = boxes[order], labels[order]
    same = sorted_labels[:, None] == sorted_labels[None]
    beats = np.triu(same & (overlaps(sorted_boxes, sorted_boxes) > np.float64(overlap_below)), 1)
    stays = np.ones(len(order), bool)
    for place in np.flatnonzero(beats.any(axis=1)):
        if stays[place]:
            stays &= ~beats[place]
    return order[stays]
