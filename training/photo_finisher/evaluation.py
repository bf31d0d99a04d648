"""How a finisher is judged: by photos spoilt on purpose, and by what it does to good ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from serving.card import Curves, ModelCard
from serving.image import Image, PhotoFile
from serving.models.session import OnnxSession
from serving.photos.enhance.finish import FINISHER, finish
from training.candidate import Candidate, Report, Uncalibrated
from training.loop.fidelity import psnr
from training.loop.intervals import bootstrap, flatten
from training.loop.loaders import MAX_PIXELS, read_image, read_source
from training.photo_finisher.config import FinisherConfig
from training.photo_finisher.samples import FAULTS, spoil
from training.recipe import Dataset, Rows

_UNTOUCHED = "untouched"
_DECODED_SIDE = 448  # px that are compared: all of most photos
_ON_CARD = ("test/psnr", "test/gain", "test/untouched_psnr", "onnx/cpu_ms")


@dataclass(frozen=True)
class Trial:
    """What became of one photo with one fault.

    Attributes
    ----------
    place : of the photo's row
    fault : one of FAULTS, or `untouched`
    before, after : PSNR against what the photo was, in dB
    """

    place: int
    fault: str
    before: float
    after: float

    @property
    def gain(self) -> float:
        """How much nearer the photo came, in dB."""
        return self.after - self.before


class FinisherEvaluation:
    """The steps of `training.recipe.Evaluation`."""

    def calibrate(self, exported: Uncalibrated, rows: Rows) -> Candidate:
        """State on the card how many points curves have."""
        config = exported.config
        if not isinstance(config, FinisherConfig):
            raise TypeError(f"nobody says what curves '{exported.architecture}' gives")
        card = exported.card(FINISHER.name, Curves(points=config.points))
        candidate = Candidate(exported.model, card, float("nan"))
        scores = self.score(candidate, rows.validation, rows.dataset)
        return Candidate(exported.model, card, float(np.mean(scores)))

    def score(
        self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset
    ) -> NDArray[np.float64]:
        """Return for each photo how near it comes to itself with all faults, in dB."""
        del dataset
        return _scores(list(try_rows(candidate, rows)), len(rows))

    def source(self, row: Mapping[str, Any]) -> PhotoFile:
        """Return the row's photo."""
        return read_source(row)

    def evaluate(self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset) -> Report:
        """Measure on photos that nothing was learned from."""
        del dataset
        trials = list(try_rows(candidate, rows))
        scores = _scores(trials, len(rows))
        figures = figures_of(trials, rows["source"].to_numpy(str))
        table = rows[["uri", "label", "source"]].assign(psnr=scores)
        least = table.sort_values("psnr", kind="stable").head(50)
        return Report(figures, scores, mistakes=least, on_card=_ON_CARD)


def figures_of(trials: list[Trial], sources: NDArray[np.str_]) -> dict[str, float]:
    """Return what all trials together say, each fault, and each source."""
    spoilt = [trial for trial in trials if trial.fault != _UNTOUCHED]
    gains = np.array([trial.gain for trial in spoilt])
    after = np.array([trial.after for trial in spoilt])
    figures = flatten(
        {
            "test/psnr": bootstrap(lambda some: float(after[some].mean()), len(after)),
            "test/gain": bootstrap(lambda some: float(gains[some].mean()), len(gains)),
        }
    )
    still = [trial.after for trial in trials if trial.fault == _UNTOUCHED]
    figures["test/untouched_psnr"] = float(np.mean(still))
    figures["test/worse_share"] = float((gains < 0).mean())
    for fault in FAULTS:
        figures[f"slice/fault/{fault}/gain"] = float(
            np.mean([trial.gain for trial in spoilt if trial.fault == fault])
        )
    for source in sorted(set(sources)):
        some = [trial.gain for trial in spoilt if sources[trial.place] == source]
        figures[f"slice/source/{source}/gain"] = float(np.mean(some))
    return figures


def try_rows(candidate: Candidate, rows: pd.DataFrame) -> Iterator[Trial]:
    """Spoil each row's photo in each way, and have it finished as serving does."""
    session = OnnxSession(candidate.model)
    for place, uri in enumerate(tqdm(rows["uri"], "finish", leave=False, unit="photo")):
        photo = read_image(uri, _DECODED_SIDE)
        for number, fault in enumerate((*FAULTS, _UNTOUCHED)):
            shown = photo
            if fault != _UNTOUCHED:
                shown = spoil(photo, fault, np.random.default_rng((place, number)))
            before = psnr(shown, photo) if fault != _UNTOUCHED else float("inf")
            made = finish(shown, propose(session, candidate.card, shown))
            yield Trial(place, fault, before, psnr(made, photo))


def propose(session: OnnxSession, card: ModelCard, photo: Image) -> NDArray[np.float32]:
    """Return the curves for a photo's pixels, asked for as serving asks."""
    _, file = cv2.imencode(".bmp", np.ascontiguousarray(photo[..., ::-1]))
    source = PhotoFile(file.tobytes(), MAX_PIXELS)
    inputs = FINISHER.prepare(source, card)
    outputs = session({name: array[None] for name, array in inputs.items()})
    answer = FINISHER.read({n: a[0] for n, a in outputs.items()}, card, source.size)
    return np.asarray(answer.curves.array(), np.float32)


def _scores(trials: list[Trial], count: int) -> NDArray[np.float64]:
    """Return each photo's mean, of what was spoilt."""
    of_row: dict[int, list[float]] = {}
    for trial in trials:
        if trial.fault != _UNTOUCHED:
            of_row.setdefault(trial.place, []).append(trial.after)
    return np.array([np.mean(of_row[place]) for place in range(count)])
