"""How photo quality is trained: what the loop asks of it."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from serving.photos.fingerprint import FINGERPRINT_BYTES
from serving.photos.quality.features import measure
from serving.photos.quality.parts import CAUSES
from serving.photos.quality.task import to_known
from serving.task import Inputs
from training.loop.loaders import Loaders, read_image
from training.module import Trained
from training.photo_quality.config import QualityConfig
from training.photo_quality.head import QualityHead
from training.photo_quality.human import human_scores
from training.photo_quality.measured import (
    LIGHT_FROM,
    Measurements,
    join,
    measure_light_samples,
    measure_samples,
)
from training.photo_quality.module import QualityModule
from training.recipe import Rows

_APART = 10_000_000  # between the seeds of the kinds of samples
_VALIDATION_SHARE = 0.1
_LEAST_DEVIATION = 1e-3
_CHECKED = 16


class QualityTraining:
    """The steps of `training.recipe.Training`; photos are measured once for all of them."""

    def __init__(self) -> None:
        self._measured: Measurements | None = None

    def make_module(self, rows: Rows, config: QualityConfig, fresh: bool) -> QualityModule:
        """Return the head, its features standardised by the samples."""
        del fresh
        samples = self._measure(rows, config)
        return QualityModule(make_head(samples, config), config)

    def make_data(self, rows: Rows, config: QualityConfig) -> Loaders:
        """Return the samples to learn from, and fewer of validation photos."""
        count = max(1, int(config.samples * _VALIDATION_SHARE))
        seed = config.seed + 2 * _APART
        validation = measure_samples(list(rows.validation["uri"]), count, seed, config.workers)
        scored = _score_rows(rows.train)
        train = _dataset(self._measure(rows, config), scored)
        in_memory = config.model_copy(update={"workers": 0})  # nothing is left to read
        return Loaders(train, _dataset(validation, None), in_memory)

    def sample_inputs(self, trained: Trained, rows: Rows, config: QualityConfig) -> Inputs:
        """Return some photos to learn from, as the model's input."""
        del trained
        chosen = rows.train["uri"].sample(_CHECKED, random_state=config.seed, replace=True)
        return measure_inputs(list(chosen))

    def _measure(self, rows: Rows, config: QualityConfig) -> Measurements:
        if self._measured is None:
            uris, seed = list(rows.train["uri"]), config.seed
            self._measured = join(
                measure_samples(uris, config.samples, seed, config.workers),
                measure_light_samples(uris, config.light_per_photo, seed + _APART, config.workers),
            )
        return self._measured


def make_head(samples: Measurements, config: QualityConfig) -> QualityHead:
    """Return an untrained head for features spread as those of the samples."""
    whole = samples.features[samples.whole]
    mean, deviation = whole.mean(axis=0), whole.std(axis=0)
    light = samples.features[:, LIGHT_FROM:]
    mean[LIGHT_FROM:], deviation[LIGHT_FROM:] = light.mean(axis=0), light.std(axis=0)
    return QualityHead(
        torch.from_numpy(mean),
        torch.from_numpy(deviation + np.float32(_LEAST_DEVIATION)),
        LIGHT_FROM,
        config.hidden,
        config.dropout,
    )


def measure_inputs(uris: list[str]) -> Inputs:
    """Return photos as the model's input, as serving makes it of their pixels."""
    measured = [(measure(image), image) for image in map(read_image, uris)]
    known = [to_known(found, max(image.shape[:2]), 0.0) for found, image in measured]
    seen = [np.frombuffer(found.fingerprint.to_bytes(), np.uint8) for found, _ in measured]
    return {
        "features": np.stack([found.row() for found, _ in measured]),
        "known": np.stack(known),
        "fingerprint": np.stack(seen).reshape(-1, FINGERPRINT_BYTES),
    }


def _score_rows(rows: pd.DataFrame) -> tuple[Inputs, NDArray[np.float32]] | None:
    """Return the inputs of photos that people scored, and their scores."""
    scores = human_scores(rows["sha256"])
    scored = np.isfinite(scores)
    if not scored.any():
        return None
    return measure_inputs(list(rows["uri"][scored])), scores[scored]


def _dataset(
    samples: Measurements, scored: tuple[Inputs, NDArray[np.float32]] | None
) -> Dataset[Any]:
    count = len(samples.features)
    tensors: list[Tensor] = [
        torch.from_numpy(samples.features),
        torch.from_numpy(samples.targets),
        torch.from_numpy(samples.whole).float(),
        torch.full((count,), torch.nan),
        torch.zeros(count, 3),
    ]
    if scored is not None:
        inputs, scores = scored
        more = [
            torch.from_numpy(inputs["features"]),
            torch.full((len(scores), len(CAUSES)), torch.nan),
            torch.zeros(len(scores)),
            torch.from_numpy(scores),
            torch.from_numpy(inputs["known"]),
        ]
        tensors = [torch.cat(pair) for pair in zip(tensors, more, strict=True)]
    return TensorDataset(*tensors)
