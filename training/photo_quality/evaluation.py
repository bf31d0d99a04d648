"""How photo quality is judged: scores must follow what was done to photos never learned from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.card import Score
from serving.image import PhotoFile
from serving.photos.quality.parts import PARTS
from training.candidate import Candidate, Report, Uncalibrated
from training.loop.loaders import read_image, read_source
from training.photo_quality.trials import Scorer, Trial, rank_figures, rank_one, tilt_errors
from training.recipe import Dataset, Rows

_JUDGED = 24  # photos; each is measured 51 times
_TURNED = 24
_ON_CARD = ("test/spearman", "test/spearman_whole", "test/pairs", "test/tilt_error", "onnx/cpu_ms")


class QualityEvaluation:
    """The steps of `training.recipe.Evaluation`."""

    def calibrate(self, exported: Uncalibrated, rows: Rows) -> Candidate:
        """State the scale on the card: the network's own formulas give 0-100."""
        card = exported.card("photo-quality", Score(parts=PARTS))
        trials = _try(exported.model, rows.validation, _JUDGED // 4)
        return Candidate(exported.model, card, rank_figures(trials)["spearman"])

    def score(
        self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset
    ) -> NDArray[np.float64]:
        """Return for the photos that are judged how well their own scores follow; else NaN."""
        del dataset
        return _each(rows, _try(candidate.model, rows, _JUDGED))

    def source(self, row: Mapping[str, Any]) -> PhotoFile:
        """Return the row's photo."""
        return read_source(row)

    def evaluate(self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset) -> Report:
        """Measure ranks of scores and errors of tilt."""
        del dataset
        trials = _try(candidate.model, rows, _JUDGED)
        turned = [read_image(rows["uri"].iloc[place]) for place in _chosen(rows, _TURNED)]
        figures = {f"test/{name}": value for name, value in rank_figures(trials).items()}
        figures["test/tilt_error"] = float(np.median(tilt_errors(turned)))
        return Report(figures, _each(rows, trials), on_card=_ON_CARD)


def _chosen(rows: pd.DataFrame, count: int) -> NDArray[np.intp]:
    """Return places of the rows that are judged: the same for the same photos."""
    return np.sort(np.argsort(rows["sha256"].to_numpy(str))[:count])


def _try(model: bytes, rows: pd.DataFrame, count: int) -> list[Trial]:
    scorer = Scorer(model)
    return [
        trial
        for place in _chosen(rows, count)
        for trial in scorer.try_photo(read_image(rows["uri"].iloc[place]), int(place))
    ]


def _each(rows: pd.DataFrame, trials: list[Trial]) -> NDArray[np.float64]:
    scores = np.full(len(rows), np.nan)
    for place in {trial.photo for trial in trials}:
        scores[place] = rank_one([trial for trial in trials if trial.photo == place])
    return scores
