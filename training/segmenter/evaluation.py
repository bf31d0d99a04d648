"""How the segmenter is judged: by what people drew, and by what the teacher says elsewhere."""

from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.card import Label, Map
from serving.environment import read
from serving.image import PhotoFile
from serving.models.session import OnnxSession
from serving.perception.classes import CLASSES
from serving.perception.refine import refine_mask
from training.candidate import Candidate, Report, Uncalibrated
from training.data.settings import DataSettings
from training.loop.intervals import bootstrap, flatten
from training.loop.loaders import read_source
from training.loop.predict import photo_input, read_pixels
from training.recipe import Dataset, Rows
from training.segmenter.annotated import read_annotated
from training.segmenter.dataset import teacher_of
from training.segmenter.mapping import groups_of_ade32
from training.segmenter.samples import taught
from training.segmenter.scores import (
    IGNORED,
    Counts,
    accuracies,
    confusion,
    overlap,
    part_overlaps,
    pixel_accuracy,
)
from training.segmenter.teacher import Teacher

_JUDGED = 160  # photos that the teacher is asked about; it costs more than the network itself
_SURE = 0.5  # of the teacher's best class; below it says nothing
_ON_CARD = ("test/pixel_accuracy", "test/miou", "test/agreement", "onnx/cpu_ms")


class SegmenterEvaluation:
    """The steps of `training.recipe.Evaluation`."""

    def calibrate(self, exported: Uncalibrated, rows: Rows) -> Candidate:
        """Name the classes on the card."""
        output = Map(labels=tuple(Label(name=name) for name in CLASSES))
        card = exported.card("segmenter", output)
        candidate = Candidate(exported.model, card, float("nan"))
        scores = self.score(candidate, rows.validation, rows.dataset)
        return Candidate(exported.model, card, float(np.nanmean(scores)))

    def score(
        self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset
    ) -> NDArray[np.float64]:
        """Return for the photos that are judged the share of pixels that it names as the teacher.

        Only pixels of which the teacher is sure count; photos that are not judged get NaN.
        """
        scores = np.full(len(rows), np.nan)
        for place, counts in _taught_counts(candidate, rows, dataset):
            scores[place] = pixel_accuracy(counts)
        return scores

    def source(self, row: Mapping[str, Any]) -> PhotoFile:
        """Return the row's photo."""
        return read_source(row)

    def evaluate(self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset) -> Report:
        """Measure on what people drew, and on held-out photos by what the teacher says."""
        scores, total = np.full(len(rows), np.nan), np.zeros((len(CLASSES),) * 2, np.int64)
        for place, counts in _taught_counts(candidate, rows, dataset):
            scores[place] = pixel_accuracy(counts)
            total += counts
        judged = scores[np.isfinite(scores)]
        agreement = bootstrap(lambda some: float(judged[some].mean()), len(judged))
        figures = flatten({"test/agreement": agreement})
        figures |= {f"test/taught/{name}": v for name, v in part_overlaps(total).items()}
        for source in sorted(set(rows["source"])):
            of_source = scores[(rows["source"] == source).to_numpy()]
            if np.isfinite(of_source).any():
                figures[f"slice/source/{source}/agreement"] = float(np.nanmean(of_source))
        figures |= annotated_figures(Namer(candidate), read(DataSettings).studio_data)
        return Report(figures, scores, mistakes=_least(rows, scores), on_card=_ON_CARD)


class Namer:
    """A candidate's map of a photo."""

    def __init__(self, candidate: Candidate) -> None:
        self._session = OnnxSession(candidate.model)
        self._spec = photo_input(candidate.card.input)

    def ids(self, uri: str) -> NDArray[np.uint8]:
        """Return the map at the model's own size."""
        ids: NDArray[np.uint8] = self._session({"pixels": read_pixels(uri, self._spec)[None]})[
            "ids"
        ][0]
        return ids


def annotated_figures(namer: Namer, data: str | None) -> dict[str, float]:
    """Return accuracy and overlaps on annotated photos, refined to their size as serving would.

    Nothing where there are none: the gates then miss what they ask for.
    """
    total = np.zeros((len(CLASSES),) * 2, np.int64)
    for one in read_annotated(data):
        total += confusion(one.truth, refine_mask(namer.ids(one.uri), one.photo))
    if not total.any():
        return {}
    figures = {f"test/{name}": value for name, value in part_overlaps(total).items()}
    for name in CLASSES:
        if total[CLASSES.index(name)].any():
            figures[f"slice/class/{name}/iou"] = overlap(total, (name,))
    return figures | {f"test/{name}": value for name, value in accuracies(total).items()}


def judged_rows(rows: pd.DataFrame, count: int = _JUDGED) -> NDArray[np.intp]:
    """Return places of the rows that are judged: the same for the same photos."""
    return np.sort(np.argsort(rows["sha256"].to_numpy(str))[:count])


def sure_ids(teacher: Teacher, row: Mapping[str, Any], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return what the teacher says of a row's photo, in its groups; IGNORED where it is unsure."""
    truth = taught(teacher, row)
    planes = cv2.resize(np.moveaxis(truth, 0, -1), size[::-1], interpolation=cv2.INTER_LINEAR)
    best = np.asarray(planes).argmax(axis=-1).astype(np.uint8)
    grouped = to_groups(best)
    grouped[np.asarray(planes).max(axis=-1) < _SURE] = IGNORED
    return grouped


def to_groups(ids: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the groups that a teacher knows of classes that it may not."""
    grouped: NDArray[np.uint8] = groups_of_ade32()[ids]
    return grouped


def _taught_counts(
    candidate: Candidate, rows: pd.DataFrame, dataset: Dataset
) -> Iterator[tuple[int, Counts]]:
    namer, teacher = Namer(candidate), teacher_of(dataset)
    for place in judged_rows(rows):
        row = {str(name): value for name, value in rows.iloc[place].items()}
        found = namer.ids(row["uri"])
        truth = sure_ids(teacher, row, (found.shape[0], found.shape[1]))
        yield int(place), confusion(truth, to_groups(found))


def _least(rows: pd.DataFrame, scores: NDArray[np.float64]) -> pd.DataFrame:
    """Return the photos on which it agrees least with the teacher."""
    table = rows[["uri", "label", "source"]].assign(agreement=scores)
    return table[table["agreement"].notna()].sort_values("agreement", kind="stable").head(50)
