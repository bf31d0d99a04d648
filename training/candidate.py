"""What passes from the training of a model to its registration."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.card import Input, ModelCard, Numbers, Output
from training.config import TrainingConfig

Precision = Literal["fp32", "int8"]


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from, for its card."""

    data_version: str
    sources: tuple[str, ...]
    licence: str
    git_commit: str
    demo: bool = False


@dataclass(frozen=True)
class Uncalibrated:
    """A model as it will be served, before its outputs have been given their meaning.

    Attributes
    ----------
    model : ONNX
    spec : the contract of its input
    architecture : the network's name
    config : of the training; None for weights from outside
    embedding : length of the rows of the output `embedding`; 0: there is none
    """

    model: bytes
    precision: Precision
    spec: Input
    architecture: str
    provenance: Provenance
    config: TrainingConfig | None = None
    embedding: int = 0

    def card(
        self, task: str, output: Output, parameters: Mapping[str, Numbers] | None = None
    ) -> ModelCard:
        """Return the model's card; `output` and `parameters` are what the calibration found."""
        provenance = self.provenance
        return ModelCard(
            task=task,
            input=self.spec,
            licence=provenance.licence,
            backbone=self.architecture,
            precision=self.precision,
            demo=provenance.demo,
            data_version=provenance.data_version,
            trained_on=provenance.sources,
            git_commit=provenance.git_commit,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            output=output,
            parameters=dict(parameters or {}),
            embedding=self.embedding,
        )


@dataclass(frozen=True)
class Candidate:
    """A model that could be registered.

    Attributes
    ----------
    model : ONNX, the bytes that are measured, registered and served
    validation : the headline figure on the validation data, on which `card` was calibrated
    """

    model: bytes
    card: ModelCard
    validation: float

    @property
    def sha256(self) -> str:
        """The digest of the model's bytes, in hex."""
        return sha256(self.model).hexdigest()

    def with_metrics(self, metrics: Mapping[str, float]) -> "Candidate":
        """Return the same model with these figures on its card."""
        return replace(self, card=self.card.model_copy(update={"metrics": dict(metrics)}))


@dataclass(frozen=True)
class Report:
    """What an evaluation on the frozen test set found.

    Attributes
    ----------
    figures : by name, with `.low` and `.high` ends of 95 % intervals; gates read them
    scores : of each row, float (n,), higher is better, NaN where the model cannot be asked; what
        versions are compared by
    pictures : PNG by name
    mistakes : the rows that were answered wrong, the surest first
    on_card : names of the figures that the card carries
    """

    figures: dict[str, float]
    scores: NDArray[np.float64]
    pictures: dict[str, bytes] = field(default_factory=dict)
    mistakes: pd.DataFrame = field(default_factory=pd.DataFrame)
    on_card: tuple[str, ...] = ()

    def short(self) -> dict[str, float]:
        """Return the figures that a card carries."""
        return {name: self.figures[name] for name in self.on_card if name in self.figures}
