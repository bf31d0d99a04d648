"""How a detector is judged: by what two others agree on, on photos that none learned from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from serving.card import Boxes, Label, ModelCard
from serving.image import PhotoFile
from serving.models.session import OnnxSession
from serving.perception.detect import DETECTOR, DetectAnswer
from training.candidate import Candidate, Report, Uncalibrated
from training.detector.coco import learned_labels
from training.detector.config import DetectorConfig
from training.detector.dataset import teachers_of
from training.detector.network import STRIDES
from training.detector.outside import CONTRACTS
from training.detector.scores import Judged, best_threshold, judge, label_figures, mean_ap
from training.loop.intervals import bootstrap, flatten
from training.loop.loaders import read_source
from training.recipe import Dataset, Rows

JUDGED = 300  # photos that the teachers are asked about; it costs more than the network itself
LEAST_THINGS = 10  # of a label, to be judged by itself
_ALL = 0.02  # least confidence of what counts in average precision
_MOST = 100
_OVERLAP = 0.6
_ON_CARD = ("test/map50", "test/recall", "test/precision", "onnx/cpu_ms")


class Finder:
    """What a model finds in a photo, asked as serving asks it.

    Parameters
    ----------
    score_above : least confidence of what it says; None: its card's
    """

    def __init__(self, model: bytes, card: ModelCard, score_above: float | None = None) -> None:
        if score_above is not None:
            given = card.output_as(Boxes).model_copy(update={"score_above": score_above})
            card = card.model_copy(update={"output": given})
        self.card, self._session = card, OnnxSession(model)

    def __call__(self, photo: PhotoFile) -> DetectAnswer:
        """Return its answer."""
        inputs = DETECTOR.prepare(photo, self.card)
        if self.card.input.arrays[0].batched:
            outputs = self._session({name: array[None] for name, array in inputs.items()})
            return DETECTOR.read({n: a[0] for n, a in outputs.items()}, self.card, photo.size)
        return DETECTOR.read(self._session(inputs), self.card, photo.size)


class DetectorEvaluation:
    """The steps of `training.recipe.Evaluation`."""

    def source(self, row: Mapping[str, Any]) -> PhotoFile:
        """Return the photo that a row is about."""
        return read_source(row)

    def calibrate(self, exported: Uncalibrated, rows: Rows) -> Candidate:
        """Find the confidence from which its boxes are answered.

        Not of a model from outside: the teachers are among those, and of what a teacher itself says
        nothing is wrong but what is left out. Those keep what their contract says.
        """
        given = _output_of(exported)
        candidate = Candidate(exported.model, exported.card(DETECTOR.name, given), float("nan"))
        judged = [one for _, one in judge_rows(candidate, rows.validation, rows.dataset)]
        if exported.architecture not in CONTRACTS:
            sure = round(best_threshold(judged), 3)
            given = given.model_copy(update={"score_above": sure})
        return Candidate(
            exported.model, exported.card(DETECTOR.name, given), mean_ap(judged, LEAST_THINGS)
        )

    def score(
        self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset
    ) -> NDArray[np.float64]:
        """Return the F-measure of each photo's boxes; NaN of photos that are not judged."""
        sure, scores = candidate.card.output_as(Boxes).score_above, np.full(len(rows), np.nan)
        for place, one in judge_rows(candidate, rows, dataset):
            scores[place] = one.worth(sure)
        return scores

    def evaluate(self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset) -> Report:
        """Measure on held-out photos by what the teachers agree on."""
        sure, scores = candidate.card.output_as(Boxes).score_above, np.full(len(rows), np.nan)
        judged = list(judge_rows(candidate, rows, dataset))
        for place, one in judged:
            scores[place] = one.worth(sure)
        figures = figures_of([one for _, one in judged], sure)
        for source in sorted(set(rows["source"])):
            some = [one for place, one in judged if rows["source"].iloc[place] == source]
            if sum(sum(one.there.values()) for one in some) >= LEAST_THINGS:
                figures[f"slice/source/{source}/map50"] = mean_ap(some, LEAST_THINGS)
        table = rows[["uri", "label", "source"]].assign(worth=scores)
        least = table[table["worth"] < 1].sort_values("worth", kind="stable").head(50)
        return Report(figures, scores, mistakes=least, on_card=_ON_CARD)


def figures_of(judged: Sequence[Judged], sure: float) -> dict[str, float]:
    """Return `test/map50` with its interval, `test/recall`, `test/precision`, and each label's.

    What cannot be said is left out, as the precision of a model that answers nothing: the gates
    then miss it.
    """
    some = bootstrap(
        lambda places: mean_ap([judged[p] for p in places], LEAST_THINGS), len(judged), rounds=100
    )
    figures = flatten({"test/map50": some})
    hits = [one.right[p] for one in judged for p, c in enumerate(one.confidences) if c >= sure]
    there = sum(sum(one.there.values()) for one in judged)
    figures["test/things"] = float(there)
    figures["test/recall"] = sum(hits) / there if there else float("nan")
    figures["test/precision"] = sum(hits) / len(hits) if hits else float("nan")
    for name, of_label in label_figures(judged, sure, LEAST_THINGS).items():
        figures |= {f"slice/label/{name}/{key}": value for key, value in of_label.items()}
    return {name: value for name, value in figures.items() if np.isfinite(value)}


def judge_rows(
    candidate: Candidate, rows: pd.DataFrame, dataset: Dataset, count: int = JUDGED
) -> Iterator[tuple[int, Judged]]:
    """Yield places of rows that are judged, the same for the same photos, and how they came out."""
    finder, teachers = Finder(candidate.model, candidate.card, _ALL), teachers_of(dataset)
    places = np.sort(np.argsort(rows["sha256"].to_numpy(str))[:count])
    for place in tqdm(places, "detect", leave=False, unit="photo"):
        row = {str(name): value for name, value in rows.iloc[place].items()}
        yield int(place), judge(finder(read_source(row)).boxes, teachers.ask(row))


def _output_of(exported: Uncalibrated) -> Boxes:
    """Return what the outputs are, before it is known from where on they are answered."""
    if exported.architecture in CONTRACTS:
        return CONTRACTS[exported.architecture].given
    config = exported.config
    rendered = isinstance(config, DetectorConfig) and bool(config.synthetic)
    return Boxes(
        labels=tuple(Label(name=name) for name in learned_labels(rendered)),
        score_above=_ALL,
        overlap_below=_OVERLAP,
        at_most=_MOST,
        strides=STRIDES,
    )
