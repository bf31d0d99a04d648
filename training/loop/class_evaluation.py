"""Calibrates and judges any classifier of photos: a card with `Classes`, figures, pictures."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.card import Classes, Label, ModelCard
from serving.image import PhotoFile
from serving.photos.classify import to_probabilities
from training.candidate import Candidate, Report, Uncalibrated
from training.loop.class_calibration import fit_temperature, fit_threshold
from training.loop.class_figures import Predictions, find_mistakes, measure, slice_rows
from training.loop.class_pictures import (
    draw_confusion,
    draw_reliability,
    draw_risk_coverage,
    draw_worst,
)
from training.loop.corruptions import CORRUPTIONS
from training.loop.intervals import Figure, flatten, proportion
from training.loop.loaders import read_source, to_photos
from training.loop.predict import Change, photo_input, predict
from training.recipe import Dataset, Rows

_ON_CARD = (
    "test/top1", "test/top1.low", "test/top1.high", "test/macro_f1", "test/ece",
    "test/brier", "test/aurc", "onnx/quantised_top1_loss", "onnx/cpu_ms", "onnx/fp32_cpu_ms",
)  # fmt: skip


class ClassEvaluation:
    """The steps of `training.recipe.Evaluation` for a model that names one label of several.

    Parameters
    ----------
    task : the model's name
    precision : share of right answers that `confident` promises
    more_on_card : names of figures that only this model has and its card carries
    """

    def __init__(
        self, task: str, precision: float = 0.97, more_on_card: tuple[str, ...] = ()
    ) -> None:
        self._task, self._precision, self._on_card = task, precision, _ON_CARD + more_on_card

    def measure_more(
        self,
        predictions: Predictions,  # noqa: ARG002 - a model's own evaluation reads them
        labels: tuple[Label, ...],  # noqa: ARG002
    ) -> dict[str, Figure]:
        """Return figures that only this model has."""
        return {}

    def calibrate(self, exported: Uncalibrated, rows: Rows) -> Candidate:
        """Fit the temperature, and the threshold of `confident`, on the validation photos."""
        labels = rows.dataset.labels
        photos = to_photos(rows.validation, labels)
        title = f"calibrate {exported.precision}"
        logits = predict(exported.model, photos.uris, photo_input(exported.spec), title=title)
        temperature = fit_temperature(logits, photos.labels)
        probabilities = to_probabilities(logits, temperature).astype(np.float64)
        right = probabilities.argmax(axis=1) == photos.labels
        precision = getattr(exported.config, "confident_precision", self._precision)
        threshold = fit_threshold(probabilities.max(axis=1), right, precision)
        output = Classes(labels=labels, temperature=temperature, confident_above=threshold)
        return Candidate(exported.model, exported.card(self._task, output), float(right.mean()))

    def score(
        self,
        candidate: Candidate,
        rows: pd.DataFrame,
        dataset: Dataset,  # noqa: ARG002 - the labels of the card count
    ) -> NDArray[np.float64]:
        """Return 1 where a photo is named right, 0 where wrong, NaN for labels it does not know."""
        known = rows["label"].isin(_names(candidate.card)).to_numpy()
        scores = np.full(len(rows), np.nan)
        if known.any():
            scores[known] = self._predict(candidate, rows[known], "test, scores").right
        return scores

    def source(self, row: Mapping[str, Any]) -> PhotoFile:
        """Return the row's photo."""
        return read_source(row)

    def evaluate(self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset) -> Report:
        """Measure on the frozen test set, clean and corrupted, by slices; draw what people see."""
        del dataset
        clean = self._predict(candidate, rows, "test")
        corrupted = {
            name: self._predict(candidate, rows, f"test, {name}", change)
            for name, change in CORRUPTIONS.items()
        }
        names = _names(candidate.card)
        pictures = {
            "confusion": draw_confusion(clean, names),
            "risk_coverage": draw_risk_coverage({"clean": clean, **corrupted}),
            "reliability": draw_reliability(clean),
            "worst_mistakes": draw_worst(clean, rows, names),
        }
        figures = self._figures(clean, corrupted, rows, _labels(candidate.card))
        mistakes = find_mistakes(clean, rows, names)
        return Report(figures, clean.right.astype(float), pictures, mistakes, self._on_card)

    def _figures(
        self,
        clean: Predictions,
        corrupted: Mapping[str, Predictions],
        rows: pd.DataFrame,
        labels: tuple[Label, ...],
    ) -> dict[str, float]:
        """Return all figures by name: `test/…`, `slice/…`, `corrupted/…`."""
        sets = {"test": clean} | {f"corrupted/{name}": part for name, part in corrupted.items()}
        figures: dict[str, float] = {}
        for name, part in sets.items():
            figures |= flatten(measure(part) | self.measure_more(part, labels), name)
        for name, mask in slice_rows(rows).items():
            figures |= flatten({"top1": proportion(clean.right[mask])}, f"slice/{name}")
        return figures

    def _predict(
        self, candidate: Candidate, rows: pd.DataFrame, title: str, change: Change | None = None
    ) -> Predictions:
        card = candidate.card
        photos = to_photos(rows, _labels(card))
        spec = photo_input(card.input)
        logits = predict(candidate.model, photos.uris, spec, change=change, title=title)
        temperature = card.output_as(Classes).temperature
        return Predictions(to_probabilities(logits, temperature).astype(np.float64), photos.labels)


def _labels(card: ModelCard) -> tuple[Label, ...]:
    return card.output_as(Classes).labels


def _names(card: ModelCard) -> list[str]:
    return [label.name for label in _labels(card)]
