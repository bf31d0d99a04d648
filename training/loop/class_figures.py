"""Figures of a classifier, with intervals, by slices, and its mistakes by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.data.summaries import name_photo
from training.loop.class_measures import (
    Labels,
    Probabilities,
    area_under_risk_coverage,
    brier,
    expected_calibration_error,
    macro_f1,
)
from training.loop.intervals import Figure, bootstrap, proportion

_FEWEST_IN_SLICE = 20


@dataclass(frozen=True)
class Predictions:
    """Calibrated probabilities (n, labels) beside the truth.

    Attributes
    ----------
    labels : index of each photo's true label, (n,)
    """

    probabilities: Probabilities
    labels: Labels

    @property
    def best(self) -> Labels:
        """The most probable label of each photo."""
        best: Labels = self.probabilities.argmax(axis=1)
        return best

    @property
    def confidence(self) -> Probabilities:
        """Its probability."""
        confidence: Probabilities = self.probabilities.max(axis=1)
        return confidence

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether it is the true one."""
        right: NDArray[np.bool_] = self.best == self.labels
        return right

    def rows(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Predictions":
        """Return some of them."""
        return Predictions(self.probabilities[rows], self.labels[rows])


def measure(predictions: Predictions) -> dict[str, Figure]:
    """Return every figure of a set of photos, by name."""
    n, count = len(predictions.labels), predictions.probabilities.shape[1]

    measures: dict[str, Callable[[Predictions], float]] = {
        "macro_f1": lambda part: macro_f1(part.best, part.labels, count),
        "brier": lambda part: brier(part.probabilities, part.labels),
        "ece": lambda part: expected_calibration_error(part.confidence, part.right),
        "aurc": lambda part: area_under_risk_coverage(part.confidence, part.right),
    }
    resampled = {
        name: bootstrap(_on_rows(function, predictions), n) for name, function in measures.items()
    }
    return {"top1": proportion(predictions.right), **resampled}


def _on_rows(
    measure: Callable[[Predictions], float], predictions: Predictions
) -> Callable[[NDArray[np.intp]], float]:
    return lambda rows: measure(predictions.rows(rows))


def slice_rows(rows: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Return the rows of every slice of at least 20 photos: source, label, brightness, size.

    Brightness and size fall into thirds of the photos at hand; size is the long side.
    """
    slices = {
        f"{column}/{value}": (rows[column] == value).to_numpy()
        for column in ("source", "label")
        for value in sorted(rows[column].unique())
    }
    sizes = rows[["width", "height"]].max(axis=1).to_numpy(dtype=float)
    for name, values in (("brightness", rows["brightness"].to_numpy(dtype=float)), ("size", sizes)):
        low, high = np.quantile(values, [1 / 3, 2 / 3])
        slices[f"{name}/low"] = values <= low
        slices[f"{name}/middle"] = (values > low) & (values <= high)
        slices[f"{name}/high"] = values > high
    return {name: mask for name, mask in slices.items() if mask.sum() >= _FEWEST_IN_SLICE}


def find_mistakes(
    predictions: Predictions, rows: pd.DataFrame, names: Sequence[str]
) -> pd.DataFrame:
    """Return every photo that was named wrong, the surest first.

    Returns
    -------
    One row each with photo, label (true, as the data says), said, confidence, source, sha256 and
    uri: what is needed to find the file and to put the label right.
    """
    wrong = np.flatnonzero(~predictions.right)
    wrong = wrong[np.argsort(-predictions.confidence[wrong], kind="stable")]
    found = rows.iloc[wrong]
    return pd.DataFrame(
        {
            "photo": [name_photo(uri) for uri in found["uri"]],
            "label": [names[place] for place in predictions.labels[wrong]],
            "said": [names[place] for place in predictions.best[wrong]],
            "confidence": predictions.confidence[wrong].round(4),
            "source": found["source"].to_numpy(),
            "sha256": found["sha256"].to_numpy(),
            "uri": found["uri"].to_numpy(),
        }
    )
