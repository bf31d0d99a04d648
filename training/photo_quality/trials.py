"""Photos made worse at known steps, and how well scores follow: what the model is judged by."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from serving.image import Image
from serving.models.session import OnnxSession
from serving.photos.quality.features import measure
from serving.photos.quality.parts import PARTS, Part
from serving.photos.quality.task import to_known
from serving.task import Inputs
from training.photo_quality.degrade import turn
from training.photo_quality.samples import Sample

Floats = NDArray[np.float64]
ORIGINAL = "original"
# Severities at which a trial is made, from just noticed to strong.
STEPS = (0.25, 0.4, 0.55, 0.7, 0.85)
PART_OF: Mapping[str, Part] = {
    "blur": "sharpness", "motion": "sharpness", "upscale": "sharpness", "noise": "noise",
    "jpeg": "compression", "webp": "compression", "under": "exposure", "over": "exposure",
    "contrast": "contrast", "cast": "white_balance",
}  # fmt: skip
TURNS_DEG = (-6.0, -3.0, -1.5, 1.5, 3.0, 6.0)


@dataclass(frozen=True)
class Trial:
    """One photo after one thing at one step.

    Attributes
    ----------
    photo : its number
    kind : of degradation, or ORIGINAL
    severity : 0 for the original
    score, parts : what the model says
    """

    photo: int
    kind: str
    severity: float
    score: float
    parts: dict[Part, float]


class Scorer:
    """Scores pixels with a model, as serving does but for what only a file's header says."""

    def __init__(self, model: bytes) -> None:
        self._model = OnnxSession(model)

    def score(self, photo: Image) -> tuple[float, dict[Part, float]]:
        """Return the score of the whole and of the parts."""
        found = measure(photo)
        inputs: Inputs = {
            "features": found.row()[None],
            "known": to_known(found, max(photo.shape[:2]), 0.0)[None],
            "fingerprint": np.frombuffer(found.fingerprint.to_bytes(), np.uint8)[None],
        }
        outputs = self._model(inputs)
        parts = dict(zip(PARTS, outputs["parts"][0].tolist(), strict=True))
        return float(outputs["score"][0, 0]), parts

    def try_photo(self, photo: Image, number: int) -> Iterator[Trial]:
        """Give the original's trial and one for each kind and step."""
        yield Trial(number, ORIGINAL, 0.0, *self.score(photo))
        for place, kind in enumerate(PART_OF):
            for step, severity in enumerate(STEPS):
                rng = np.random.default_rng((number, place, step))
                sample = Sample(photo)
                sample.apply(kind, severity, rng)
                yield Trial(number, kind, severity, *self.score(sample.photo))


def rank_figures(
    trials: Sequence[Trial], part_of: Mapping[str, Part] = PART_OF
) -> dict[str, float]:
    """Return Spearman's rho of severity and score, and the share of pairs in the right order.

    Returns
    -------
    dict
        `spearman` the mean over kinds of that of the part that should fall, `spearman_whole` of
        the score of the whole; `pairs` of (original, degraded) whose original scores higher;
        for each kind `KIND/spearman`, `KIND/spearman_whole`, `KIND/pairs`. Photos are pooled:
        a score must mean the same on each.
    """
    original = {trial.photo: trial for trial in trials if trial.kind == ORIGINAL}
    figures: dict[str, float] = {}
    for kind, part in part_of.items():
        worse = [trial for trial in trials if trial.kind == kind]
        both = [*original.values(), *worse]
        severity = [trial.severity for trial in both]
        figures[f"{kind}/spearman"] = _rho([trial.parts[part] for trial in both], severity)
        figures[f"{kind}/spearman_whole"] = _rho([trial.score for trial in both], severity)
        figures[f"{kind}/pairs"] = float(
            np.mean([trial.score < original[trial.photo].score for trial in worse])
        )
    for name in ("spearman", "spearman_whole", "pairs"):
        figures[name] = float(np.mean([figures[f"{kind}/{name}"] for kind in part_of]))
    return figures


def rank_one(trials: Sequence[Trial]) -> float:
    """Return the mean over kinds of Spearman's rho of severity and part within one photo."""
    return rank_figures(trials)["spearman"]


def tilt_errors(photos: Sequence[Image]) -> Floats:
    """Turn photos by known angles and return by how far the change of tilt is misread, in degrees.

    Photos in which no verticals are found, before or after, are left out.
    """
    errors = []
    for photo in photos:
        before = measure(photo).tilt
        for degrees in TURNS_DEG if before else ():
            after = measure(turn(photo, degrees)).tilt
            if before and after:
                errors.append(abs(after.degrees - before.degrees - degrees))
    return np.array(errors)


def _rho(scores: Sequence[float], severity: Sequence[float]) -> float:
    return float(-spearmanr(scores, severity).statistic)
