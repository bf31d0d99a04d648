"""What two detectors agree on, and what one of them says alone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from serving.perception.boxes import overlaps
from serving.perception.detect import Detection

Floats = NDArray[np.float32]


class Taught(BaseModel):
    """What is known of a photo.

    Attributes
    ----------
    size : (height, width) of the photo
    agreed : what both teachers found: the mean of both boxes and confidences, the surest first
    unsure : what one of them found, or both with too little confidence: it may be there or not,
        and counts for nothing, neither in training nor in tests
    """

    model_config = ConfigDict(frozen=True)

    size: tuple[int, int]
    agreed: tuple[Detection, ...]
    unsure: tuple[Detection, ...]


def agree(
    some: Sequence[Detection], others: Sequence[Detection], overlap: float, sure: float
) -> tuple[tuple[Detection, ...], tuple[Detection, ...]]:
    """Return what both found, and the rest.

    Pairs of the same label that share at least `overlap` of their union agree, each box in one pair
    alone: the pair whose confidences are highest is taken first. Boxes within an agreed one, of
    either teacher, that found no partner are doubtful like all others.

    Parameters
    ----------
    sure : the least mean confidence of a pair

    Examples
    --------
    >>> bed = Detection("bed", 0.8, (0, 0, 10, 10))
    >>> other = Detection("bed", 0.6, (0, 0, 10, 8))
    >>> agree([bed], [other], 0.5, 0.4)
    ((Detection(label='bed', confidence=0.7, box=(0.0, 0.0, 10.0, 9.0)),), ())
    >>> agree([bed], [Detection("sofa", 0.9, bed.box)], 0.5, 0.4)[0]
    ()
    """
    shared = overlaps(corners_of(some), corners_of(others))
    places = [
        (some[i].confidence + others[j].confidence, int(i), int(j))
        for i, j in zip(*np.nonzero(shared >= overlap), strict=True)
        if some[i].label == others[j].label
    ]
    agreed, left, right = [], set(range(len(some))), set(range(len(others)))
    for both, i, j in sorted(places, key=lambda pair: (-pair[0], *pair[1:])):
        if i in left and j in right and both / 2 >= sure:
            left.remove(i)
            right.remove(j)
            agreed.append(_mean(some[i], others[j]))
    rest = [some[i] for i in sorted(left)] + [others[j] for j in sorted(right)]
    return tuple(agreed), tuple(rest)


def corners_of(found: Sequence[Detection]) -> Floats:
    """Return the boxes as an array (n, 4)."""
    return np.array([one.box for one in found], np.float32).reshape(-1, 4)


def _mean(one: Detection, other: Detection) -> Detection:
    left, top, right, bottom = (
        round((a + b) / 2, 1) for a, b in zip(one.box, other.box, strict=True)
    )
    confidence = round((one.confidence + other.confidence) / 2, 4)
    return Detection(one.label, confidence, (left, top, right, bottom))
