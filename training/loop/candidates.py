"""From a trained network to what could be served: fp32 and int8, each with its own card."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from serving.card import Classes, Label, ModelCard
from serving.image import Image
from serving.models.rooms import TASK
from serving.models.session import OnnxSession
from serving.photos.classify import to_probabilities
from training.loop.calibrate import fit_temperature, fit_threshold
from training.loop.export import export_onnx, measure_parity
from training.loop.fit import Trained
from training.loop.loaders import LabelledPhotos
from training.loop.predict import predict, read_pixels
from training.loop.quantise import quantise
from training.room_classifier.config import TrainingConfig

Precision = Literal["fp32", "int8"]


@dataclass(frozen=True)
class Candidate:
    """A model that could be registered.

    Attributes
    ----------
    model : ONNX
    validation_top1 : share right on validation, on which `card` was calibrated
    """

    model: bytes
    card: ModelCard
    validation_top1: float

    def with_metrics(self, metrics: Mapping[str, float]) -> "Candidate":
        """Return the same model with these figures on its card."""
        return replace(self, card=self.card.model_copy(update={"metrics": dict(metrics)}))


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from, for its card."""

    labels: tuple[Label, ...]
    data_version: str
    sources: tuple[str, ...]
    licence: str
    git_commit: str
    demo: bool = False


def make_candidates(
    trained: Trained,
    train: LabelledPhotos,
    validation: LabelledPhotos,
    config: TrainingConfig,
    provenance: Provenance,
) -> tuple[dict[Precision, Candidate], float]:
    """Export in fp32, quantise to int8, calibrate both; return them and the parity with torch.

    Parity is the largest difference of logits between torch and ONNX in fp32.
    """
    fp32 = export_onnx(trained.net, trained.spec)
    pixels = _calibration_pixels(train, config, trained)
    parity = measure_parity(trained.net, trained.spec, fp32, pixels[:16])
    models: dict[Precision, bytes] = {"fp32": fp32, "int8": quantise(fp32, pixels)}
    candidates = {
        precision: _calibrate(model, precision, trained, validation, config, provenance)
        for precision, model in models.items()
    }
    return candidates, parity


def choose(candidates: Mapping[Precision, Candidate], max_loss: float = 0.005) -> Precision:
    """Return int8 unless it costs more than `max_loss` of the top-1 on validation."""
    loss = candidates["fp32"].validation_top1 - candidates["int8"].validation_top1
    return "int8" if loss <= max_loss else "fp32"


def _calibration_pixels(train: LabelledPhotos, config: TrainingConfig, trained: Trained) -> Image:
    random = np.random.default_rng(config.seed)
    count = min(config.calibration_photos, len(train))
    rows = random.choice(len(train), count, replace=False)
    return np.stack([read_pixels(train.uris[row], trained.spec) for row in rows])


def _calibrate(
    model: bytes,
    precision: Precision,
    trained: Trained,
    validation: LabelledPhotos,
    config: TrainingConfig,
    provenance: Provenance,
) -> Candidate:
    logits = predict(OnnxSession(model), validation, trained.spec, title=f"calibrate {precision}")
    temperature = fit_temperature(logits, validation.labels)
    probabilities = to_probabilities(logits, temperature).astype(np.float64)
    right = probabilities.argmax(axis=1) == validation.labels
    threshold = fit_threshold(probabilities.max(axis=1), right, config.confident_precision)
    card = ModelCard(
        task=TASK,
        input=trained.spec,
        output=Classes(
            labels=provenance.labels, temperature=temperature, confident_above=threshold
        ),
        licence=provenance.licence,
        backbone=config.backbone,
        precision=precision,
        demo=provenance.demo,
        data_version=provenance.data_version,
        trained_on=provenance.sources,
        git_commit=provenance.git_commit,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return Candidate(model, card, float(right.mean()))
