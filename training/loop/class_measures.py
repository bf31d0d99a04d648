"""What predictions are worth: accuracy, calibration, and knowing when they are wrong."""

import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics.functional.classification import multiclass_f1_score

Probabilities = NDArray[np.float64]
Labels = NDArray[np.int64]


def macro_f1(predicted: Labels, labels: Labels, count: int) -> float:
    """Return the mean over classes of the harmonic mean of precision and recall.

    Classes that occur neither among predictions nor labels are left out.
    """
    said, truth = torch.from_numpy(predicted), torch.from_numpy(labels)
    return float(multiclass_f1_score(said, truth, num_classes=count, average="macro"))


def brier(probabilities: Probabilities, labels: Labels) -> float:
    """Return the mean squared distance of (n, labels) probabilities from the truth, 0..2.

    Source: G. W. Brier, Monthly Weather Review 78, 1950 (the original, multi-class form).
    """
    truth = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def expected_calibration_error(confidence: Probabilities, right: NDArray[np.bool_]) -> float:
    """Return the mean gap between confidence and accuracy over 15 bins of equal count, 0..1.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017; equal-count bins
    after Nixon et al. 2019 (arXiv:1904.01685).
    """
    order = np.argsort(confidence)
    bins = np.array_split(order, min(15, len(order)))
    gaps = [abs(confidence[rows].mean() - right[rows].mean()) * len(rows) for rows in bins]
    return float(sum(gaps) / len(order))


def risk_coverage(
    confidence: Probabilities, right: NDArray[np.bool_]
) -> tuple[Probabilities, Probabilities]:
    """Return coverage and the error rate among the most confident share of photos, each (n,).

    Source: El-Yaniv & Wiener, JMLR 11, 2010.
    """
    order = np.argsort(-confidence, kind="stable")
    answered = np.arange(1, len(order) + 1)
    return answered / len(order), np.cumsum(~right[order]) / answered


def area_under_risk_coverage(confidence: Probabilities, right: NDArray[np.bool_]) -> float:
    """Return the mean of the risk over all coverages; lower is better."""
    return float(risk_coverage(confidence, right)[1].mean())
