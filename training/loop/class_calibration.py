"""Makes confidence mean what it says: the temperature, and the threshold behind `confident`."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from serving.models.session import Logits
from serving.photos.classify import to_probabilities

_FEWEST = 30


def fit_temperature(logits: Logits, labels: NDArray[np.int64]) -> float:
    """Return the temperature that makes the labels likeliest (Guo et al. 2017, arXiv:1706.04599).

    Parameters
    ----------
    logits : float32, shape (n, labels); of validation photos
    labels : int64, shape (n,)
    """
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        probabilities = to_probabilities(logits, float(np.exp(log_temperature)))
        return float(-np.log(probabilities[rows, labels].clip(min=1e-12)).mean())

    found = minimize_scalar(loss, bounds=(-3, 3), method="bounded")
    return float(np.exp(found.x))


def fit_threshold(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], precision: float
) -> float:
    """Return the least confidence from which at least `precision` of the answers are right.

    The share right among the photos above the threshold is what is promised, so the threshold is
    the lowest one that keeps it, over at least 30 photos; 1.0 if none does.

    Examples
    --------
    >>> confidence = np.linspace(0, 1, 100)
    >>> fit_threshold(confidence, confidence > 0.5, precision=1.0) > 0.5
    True
    """
    order = np.argsort(-confidence, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    kept = np.flatnonzero(share >= precision)
    if not len(kept) or kept[-1] + 1 < min(_FEWEST, len(order)):
        return 1.0
    return float(confidence[order[kept[-1]]])
