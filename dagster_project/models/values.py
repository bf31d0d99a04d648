"""What a model's assets hand to each other.

Each carries what the later ones need to know of it, so that nothing is said twice: a card names the
network that was trained, whatever the launchpad says by then.

Types of `training` that need torch are named and not imported: it is a gigabyte in every process of
Dagster that only has to know what there is to run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.candidate import Candidate, Precision, Provenance
    from training.config import TrainingConfig
    from training.module import Trained


@dataclass(frozen=True)
class TrainingRun:
    """A trained network, and what it was trained with.

    Attributes
    ----------
    run_id : of the MLflow run that the later steps go on with
    """

    run_id: str
    trained: Trained
    config: TrainingConfig
    provenance: Provenance


@dataclass(frozen=True)
class Exported:
    """What could be registered, and which of it should be.

    Attributes
    ----------
    candidates : by precision
    parity : largest difference of outputs between torch and ONNX; None: there is no torch network
    per_label : how many rows of each label are looked at; None: all
    """

    run_id: str
    candidates: Mapping[Precision, Candidate]
    chosen: Precision
    parity: float | None = None
    per_label: int | None = None


@dataclass(frozen=True)
class Evaluated:
    """A candidate with its figures on the frozen test set; its card carries the chief ones.

    Attributes
    ----------
    test_set : digest of that test set
    forecast : digest of `forecast.json`, see `registry.forecast`; empty: nothing was served
    """

    run_id: str
    candidate: Candidate
    figures: Mapping[str, float]
    test_set: str
    forecast: str = ""


@dataclass(frozen=True)
class Registered:
    """A version in the registry, and what its gates decide by."""

    task: str
    version: str
    licence: str
    figures: Mapping[str, float]
