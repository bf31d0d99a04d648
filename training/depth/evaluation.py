"""How the depth model is judged: against the true depth of rooms that it never saw."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.card import Map
from serving.image import PhotoFile
from serving.models.session import OnnxSession
from serving.perception.depth import DEPTH, INVERSE, METRES, values_of
from training.candidate import Candidate, Report, Uncalibrated
from training.depth.samples import file_of
from training.depth.scores import Score, score
from training.depth.truth import read_truth
from training.loop.intervals import Figure, bootstrap, flatten
from training.loop.loaders import read_source
from training.recipe import Dataset, Rows

_MISSED_BELOW = 0.85
_ON_CARD = ("test/abs_rel", "test/delta1", "test/flatness", "onnx/cpu_ms")


class DepthEvaluation:
    """The steps of `training.recipe.Evaluation`, of networks that say metres.

    Their scale is aligned with the truth, as a photo does not show it.

    Parameters
    ----------
    unit : `m`, or `inverse` of networks that say one over the distance, up to a scale and a shift
    """

    def __init__(self, unit: str = METRES) -> None:
        self.unit = unit

    def calibrate(self, exported: Uncalibrated, rows: Rows) -> Candidate:
        """Name the unit on the card."""
        card = exported.card(DEPTH.name, Map(unit=self.unit))
        candidate = Candidate(exported.model, card, float("nan"))
        found = [one.delta1 for one in judge(candidate, rows.validation)]
        return Candidate(exported.model, card, float(np.mean(found)))

    def score(
        self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset
    ) -> NDArray[np.float64]:
        """Return the share of each view's pixels that are within a quarter of the truth."""
        del dataset
        return np.array([one.delta1 for one in judge(candidate, rows)], np.float64)

    def source(self, row: Mapping[str, Any]) -> PhotoFile:
        """Return the row's photo."""
        return read_source(row)

    def evaluate(self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset) -> Report:
        """Measure errors and flatness, of each type of room too."""
        del dataset
        found = list(judge(candidate, rows))
        deltas = np.array([one.delta1 for one in found], np.float64)
        table = rows[["uri", "label", "listing"]].assign(delta1=deltas)
        missed = table[table["delta1"] < _MISSED_BELOW].sort_values("delta1", kind="stable")
        return Report(figures_of(found, rows), deltas, mistakes=missed, on_card=_ON_CARD)


def judge(candidate: Candidate, rows: pd.DataFrame) -> Iterator[Score]:
    """Yield how well a candidate does on each row's view, asked as serving asks it."""
    session = OnnxSession(candidate.model)
    inverse = candidate.card.output_as(Map).unit == INVERSE
    for uri in rows["uri"]:
        source = read_source({"uri": uri})
        taken = DEPTH.prepare(source, candidate.card)
        batched = all(array.batched for array in candidate.card.input.arrays)
        given = session({name: array[None] if batched else array for name, array in taken.items()})
        found = values_of({name: array[:1] for name, array in given.items()}, candidate.card)
        yield score(found, read_truth(file_of(uri)), inverse=inverse)


def figures_of(found: list[Score], rows: pd.DataFrame) -> dict[str, float]:
    """Return all figures by name: `test/…`, and of each type of room."""
    flat = np.array([one.flatness for one in found])
    figures = flatten(
        {
            "abs_rel": _mean([one.abs_rel for one in found]),
            "delta1": _mean([one.delta1 for one in found]),
        },
        "test",
    )
    figures["test/flatness"] = float(np.nanmedian(flat)) if np.isfinite(flat).any() else np.nan
    labels = rows["label"].to_numpy(str)
    for label in sorted(set(labels)):
        of_label = [one.delta1 for one, name in zip(found, labels, strict=True) if name == label]
        figures[f"slice/label/{label}/delta1"] = float(np.mean(of_label))
    return figures


def _mean(values: list[float]) -> Figure:
    array = np.array(values)
    return bootstrap(lambda places: float(array[places].mean()), len(array))
