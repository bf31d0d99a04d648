"""The evaluation of a classifier: figures with intervals, slices, corruptions, worst mistakes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.card import Label
from serving.models.session import Logits
from serving.photos.classify import to_probabilities
from training.data.summaries import name_photo
from training.loop.intervals import Figure, bootstrap, paired_difference, proportion
from training.loop.measures import (
    Labels,
    Probabilities,
    area_under_risk_coverage,
    brier,
    expected_calibration_error,
    macro_f1,
)

_FEWEST_IN_SLICE = 20


@dataclass(frozen=True)
class Predictions:
    """Calibrated probabilities (n, labels) beside the truth.

    Attributes
    ----------
    labels : index of each photo's true label, (n,)
    interior : whether each label is an interior, (labels,)
    """

    probabilities: Probabilities
    labels: Labels
    interior: NDArray[np.bool_]

    @classmethod
    def of(
        cls, logits: Logits, labels: Labels, meanings: Sequence[Label], temperature: float
    ) -> "Predictions":
        """Make them from logits as the card reads them."""
        interior = np.array([label.scene == "interior" for label in meanings])
        probabilities = to_probabilities(logits, temperature).astype(np.float64)
        return cls(probabilities, labels, interior)

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

    @property
    def scene_right(self) -> NDArray[np.bool_]:
        """Whether interior or exterior is told right, by the summed probabilities."""
        inside = self.probabilities[:, self.interior].sum(axis=1) >= 0.5
        right: NDArray[np.bool_] = inside == self.interior[self.labels]
        return right

    def rows(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Predictions":
        """Return some of them."""
        return Predictions(self.probabilities[rows], self.labels[rows], self.interior)


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
    return {
        "top1": proportion(predictions.right),
        "scene": proportion(predictions.scene_right),
        **resampled,
    }


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


def flatten(figures: Mapping[str, Figure], prefix: str) -> dict[str, float]:
    """Return `prefix/name` and its `.low` and `.high` as plain numbers, for gates and MLflow."""
    flat: dict[str, float] = {}
    for name, figure in figures.items():
        flat[f"{prefix}/{name}"] = figure.value
        flat[f"{prefix}/{name}.low"], flat[f"{prefix}/{name}.high"] = figure.low, figure.high
    return flat


def evaluate(
    clean: Predictions, corrupted: Mapping[str, Predictions], rows: pd.DataFrame
) -> dict[str, float]:
    """Return all figures of the frozen test set by name: `test/…`, `slice/…`, `corrupted/…`."""
    figures = flatten(measure(clean), "test")
    for name, mask in slice_rows(rows).items():
        figures |= flatten({"top1": proportion(clean.right[mask])}, f"slice/{name}")
    for name, predictions in corrupted.items():
        figures |= flatten(measure(predictions), f"corrupted/{name}")
    return figures


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


def compare(ours: Predictions, champion: Predictions) -> dict[str, float]:
    """Return how we differ from the champion on the same photos: `champion/…`."""
    difference = paired_difference(ours.right, champion.right)
    return flatten({"top1_difference": difference}, "champion")
