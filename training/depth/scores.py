"""How well depths agree: relative error, the share within a quarter, and how flat walls are.

D. Eigen, C. Puhrsch, R. Fergus, "Depth map prediction from a single image using a multi-scale deep
network", NIPS 2014.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.depth.truth import FARTHEST_M, Truth

Floats = NDArray[np.float32]
_WITHIN = 1.25
_LEAST_SHARE = 0.02  # of a picture that a flat part must cover to be judged
_ROUNDS, _SPREAD = 3, 2.5


@dataclass(frozen=True)
class Score:
    """How well one map agrees with the truth, after its scale was aligned.

    Attributes
    ----------
    abs_rel : mean of |found - true| / true
    delta1 : share of pixels whose quotient, either way, is below 1.25
    flatness : median over pixels of flat parts of the shell of how far, as a share of their depth,
        they lie from the plane that fits their part best; NaN where none is large enough
    """

    abs_rel: float
    delta1: float
    flatness: float


def align_scale(found: Floats, true: Floats) -> Floats:
    """Return `found` times the number by which its median quotient with the truth is 1."""
    return found * np.float32(np.median(true / found))


def align_affine(inverse: Floats, true: Floats) -> Floats:
    """Return metres of an inverse depth by the scale and shift that fit the truth best."""
    columns = np.stack([inverse, np.ones_like(inverse)], axis=1)
    scale, shift = np.linalg.lstsq(columns, 1 / true, rcond=None)[0]
    metres: Floats = (1 / np.maximum(inverse * scale + shift, 1 / FARTHEST_M)).astype(np.float32)
    return metres


def score(found: Floats, truth: Truth, *, inverse: bool = False) -> Score:
    """Judge a map of any size; where the sky is seen nothing is asked.

    Parameters
    ----------
    found : metres, or, if `inverse`, one over the distance up to a scale and a shift
    """
    size = truth.depth_m.shape[1::-1]
    full = np.asarray(cv2.resize(found, size, interpolation=cv2.INTER_LINEAR), np.float32)
    there = truth.depth_m < FARTHEST_M
    true = truth.depth_m[there].clip(0.05)
    if inverse:
        metres = align_affine(full[there], true)
    else:
        metres = align_scale(full[there].clip(1e-3), true)
    quotient = np.maximum(metres / true, true / metres)
    placed = np.zeros_like(full)
    placed[there] = metres
    return Score(
        float((np.abs(metres - true) / true).mean()),
        float((quotient < _WITHIN).mean()),
        flatness(placed, np.where(there, truth.planes, 0).astype(np.uint8)),
    )


def flatness(depth: Floats, planes: NDArray[np.uint8]) -> float:
    """Return the median relative deviation of pixels of flat parts from their planes.

    Of a plane, one over the depth is an affine function of the pixel's place, whatever the camera:
    no focal length is needed.

    Examples
    --------
    >>> rows, columns = np.mgrid[0:40, 0:40].astype(np.float32)
    >>> wall = 1 / (0.2 + 0.002 * columns + 0.001 * rows)
    >>> flatness(wall, np.ones((40, 40), np.uint8)) < 1e-5
    True
    """
    deviations = []
    for number in np.unique(planes[planes > 0]):
        rows, columns = np.nonzero(planes == number)
        if len(rows) < _LEAST_SHARE * planes.size:
            continue
        deviations.append(_deviation(depth[rows, columns], rows, columns))
    return float(np.median(np.concatenate(deviations))) if deviations else float("nan")


def _deviation(
    depth: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return |depth / depth of the plane - 1| of a plane fitted without the pixels farthest off."""
    inverse = 1 / depth.astype(np.float64).clip(1e-3)
    matrix = np.stack([rows / 100, columns / 100, np.ones(len(rows))], axis=1)
    kept = np.ones(len(rows), np.bool_)
    off = np.zeros(len(rows))
    for _ in range(_ROUNDS):
        plane = np.linalg.lstsq(matrix[kept], inverse[kept], rcond=None)[0]
        off = np.abs(matrix @ plane / inverse - 1)
        kept = off <= max(_SPREAD * float(np.median(off)), 1e-9)
    return off
