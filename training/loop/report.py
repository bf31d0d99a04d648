"""The evaluation of a candidate on the frozen test set: figures to judge, pictures to look at."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from serving.card import Classes, ModelCard, PhotoInput
from serving.models.session import OnnxSession
from training.loop.candidates import Candidate, Precision
from training.loop.corruptions import CORRUPTIONS
from training.loop.intervals import paired_difference
from training.loop.loaders import LabelledPhotos
from training.loop.pictures import draw_confusion, draw_reliability, draw_risk_coverage, draw_worst
from training.loop.predict import predict
from training.room_classifier.evaluation import Predictions, compare, evaluate, find_mistakes

_CARD_FIGURES = (
    "test/top1", "test/top1.low", "test/top1.high", "test/macro_f1", "test/scene", "test/ece",
    "test/brier", "test/aurc", "onnx/quantised_top1_loss", "onnx/cpu_ms", "onnx/fp32_cpu_ms",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What is known of a candidate.

    Attributes
    ----------
    figures : by name, with `.low` and `.high` ends of 95 % intervals; gates read them
    pictures : PNG by name
    mistakes : every photo of the test set that was named wrong, the surest first
    """

    figures: dict[str, float]
    pictures: dict[str, bytes]
    mistakes: pd.DataFrame

    def short(self) -> dict[str, float]:
        """Return the figures that a card carries."""
        return {name: self.figures[name] for name in _CARD_FIGURES if name in self.figures}


def report(
    candidates: Mapping[Precision, Candidate],
    chosen: Precision,
    test: LabelledPhotos,
    rows: pd.DataFrame,
    champion: Candidate | None = None,
) -> Report:
    """Evaluate the chosen candidate on the frozen test set, against fp32 and the champion.

    Parameters
    ----------
    rows : the table rows of `test`, in the same order, for the slices
    champion : what is served now; compared on the photos of labels that both know
    """
    card, session = candidates[chosen].card, OnnxSession(candidates[chosen].model)
    size, labels = card.input_as(PhotoInput), card.output_as(Classes).labels
    clean = _predictions(candidates[chosen], test, "test")
    corrupted = {
        name: _read(predict(session, test, size, change, f"test, {name}"), test, card)
        for name, change in CORRUPTIONS.items()
    }
    figures = evaluate(clean, corrupted, rows)
    if chosen == "int8":
        full = _predictions(candidates["fp32"], test, "test, fp32")
        loss = paired_difference(full.right, clean.right)
        figures["onnx/quantised_top1_loss"] = loss.value
        figures["onnx/quantised_top1_loss.high"] = loss.high
    if champion is not None:
        figures |= _compare(clean, test, card, champion)
    figures |= _cost(candidates, chosen)
    names = [label.name for label in labels]
    pictures = {
        "confusion": draw_confusion(clean, names),
        "risk_coverage": draw_risk_coverage({"clean": clean, **corrupted}),
        "reliability": draw_reliability(clean),
        "worst_mistakes": draw_worst(clean, rows, names),
    }
    return Report(figures, pictures, find_mistakes(clean, rows, names))


def _compare(
    clean: Predictions, test: LabelledPhotos, card: ModelCard, champion: Candidate
) -> dict[str, float]:
    """Compare with the champion on the photos whose label it knows, in whatever order it has."""
    theirs = {
        label.name: place for place, label in enumerate(champion.card.output_as(Classes).labels)
    }
    places = np.array([theirs.get(label.name, -1) for label in card.output_as(Classes).labels])[
        test.labels
    ]
    known = np.flatnonzero(places >= 0)
    if not len(known):
        return {}
    part = LabelledPhotos(tuple(test.uris[row] for row in known), places[known])
    return compare(clean.rows(known), _predictions(champion, part, "test, champion"))


def _predictions(candidate: Candidate, test: LabelledPhotos, title: str) -> Predictions:
    size = candidate.card.input_as(PhotoInput)
    logits = predict(OnnxSession(candidate.model), test, size, title=title)
    return _read(logits, test, candidate.card)


def _read(logits: np.ndarray, test: LabelledPhotos, card: ModelCard) -> Predictions:
    classes = card.output_as(Classes)
    return Predictions.of(logits, test.labels, classes.labels, classes.temperature)


def _cost(candidates: Mapping[Precision, Candidate], chosen: Precision) -> dict[str, float]:
    figures = {f"onnx/{name}_cpu_ms": time_photo(item) for name, item in candidates.items()}
    figures["onnx/cpu_ms"] = figures[f"onnx/{chosen}_cpu_ms"]
    figures["onnx/megabytes"] = len(candidates[chosen].model) / 1e6
    return figures


def time_photo(candidate: Candidate, rounds: int = 20) -> float:
    """Return the CPU-ms of one photo through the model on one thread, the least of five tries."""
    session = OnnxSession(candidate.model)
    size = candidate.card.input_as(PhotoInput)
    pixels = np.zeros((1, size.height, size.width, 3), np.uint8)
    session(pixels)
    tries = []
    for _ in range(5):
        started = time.process_time()
        for _ in range(rounds):
            session(pixels)
        tries.append((time.process_time() - started) / rounds * 1e3)
    return min(tries)
