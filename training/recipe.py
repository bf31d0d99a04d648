"""A recipe: all that a model has of its own on the way from data to a served version.

What is the same for every model is written once: `training.loop` fits, exports, quantises and
compares, `registry` versions, judges and publishes, `dagster_project.defs.models` makes the assets,
checks, jobs and schedule. They ask the recipe, and `training.recipes` lists all of them.

This module and the `recipe.py` of each model are loaded by every process of Dagster and by the
registry: torch, Lightning and the like are imported by `steps` and `evaluation`, when they are
called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.card import Input, Label
from serving.task import Inputs, Source, Task
from training.config import Dimension, TrainingConfig
from training.data.dataset import open_dataset

if TYPE_CHECKING:
    from lightning import LightningDataModule

    from training.candidate import Candidate, Report, Uncalibrated
    from training.module import TaskModule, Trained

Answer = TypeVar("Answer")
Config = TypeVar("Config", bound=TrainingConfig)
Config_contra = TypeVar("Config_contra", bound=TrainingConfig, contravariant=True)


class Verdict(Protocol):
    """What the validation of data found."""

    @property
    def success(self) -> bool:
        """Whether training may go on."""
        ...

    @property
    def failures(self) -> tuple[str, ...]:
        """What is wrong; a sentence each."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is worth knowing and stops nothing; a sentence each."""
        ...

    @property
    def docs(self) -> Path:
        """The first page of what people look at."""
        ...


class Dataset(Protocol):
    """What a model is trained and judged on: `training.data.dataset.Dataset`, or another kind.

    A table has one row per example and at least the columns `uri`, `sha256`, `source`, `label`,
    `listing` and `split` (`train`, `validation`, `test`, …).
    """

    @property
    def name(self) -> str:
        """The name of its folder below `datasets/`."""
        ...

    @property
    def labels(self) -> tuple[Label, ...]:
        """The classes of its rows, in the order of a model's outputs; none: it has no classes."""
        ...

    @property
    def licence(self) -> str:
        """The strictest licence of its sources, for the card of what is trained on them."""
        ...

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of its sources."""
        ...

    @property
    def test_set(self) -> str:
        """The digest of its frozen test set."""
        ...

    @property
    def rules(self) -> str:
        """What is expected of its rows, as text: other rules need another validation."""
        ...

    def count(self, data: str | None) -> pd.DataFrame:
        """Return what its sources hold now, by source and label; `data` is STUDIO_DATA."""
        ...

    def build(self, data: str | None, cache: Path) -> pd.DataFrame:
        """Return the table of all examples, split; `cache` keeps what is slow to find out."""
        ...

    def validate(self, table: pd.DataFrame, docs: Path) -> Verdict:
        """Judge a table by what is expected of it, and write the pages that show how."""
        ...

    def training_rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of `train` and `validation`; refuse any tied to the frozen test set."""
        ...

    def frozen_share(self, rows: pd.DataFrame) -> float:
        """Return which share of the frozen test set the rows hold, 0..1."""
        ...


@dataclass(frozen=True)
class Rows:
    """What a training may see.

    Attributes
    ----------
    train, validation : rows of the dataset's table
    """

    train: pd.DataFrame
    validation: pd.DataFrame
    dataset: Dataset


class Training(Protocol[Config_contra]):
    """What a model that is trained here has of its own."""

    def make_module(self, rows: Rows, config: Config_contra, fresh: bool) -> TaskModule:
        """Return the network, ready for fine-tuning.

        `fresh` says that no checkpoint will be loaded over it: a warm-up is worth its time.
        """
        ...

    def make_data(self, rows: Rows, config: Config_contra) -> LightningDataModule:
        """Return the loaders of training and validation."""
        ...

    def sample_inputs(self, trained: Trained, rows: Rows, config: Config_contra) -> Inputs:
        """Return a batch of real inputs: int8 takes its ranges from them, parity is checked."""
        ...


class Evaluation(Protocol):
    """What a model that is judged here has of its own; the loop adds costs and comparisons."""

    def calibrate(self, exported: Uncalibrated, rows: Rows) -> Candidate:
        """Give the outputs their meaning by the validation rows: a card, and the headline there."""
        ...

    def score(
        self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset
    ) -> NDArray[np.float64]:
        """Return what each row's answer is worth, float (n,): higher is better, NaN: cannot say."""
        ...

    def source(self, row: Mapping[str, Any]) -> Source:
        """Return what serving would be asked about: one row of the table."""
        ...

    def evaluate(self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset) -> Report:
        """Measure on the frozen test set: figures `test/…` and `slice/…`, scores, pictures."""
        ...


@dataclass(frozen=True)
class Headline:
    """The figure by which versions and trials are compared.

    Attributes
    ----------
    name : such as `top1`, for `test/top1`, `validation/top1`, `champion/top1_difference` and
        `onnx/quantised_top1_loss`
    most_lost : on validation, by int8; where it costs more, fp32 is taken
    """

    name: str
    higher_is_better: bool = True
    most_lost: float = 0.005

    def loss(self, before: float, after: float) -> float:
        """Return by how much `after` is worse than `before`."""
        return before - after if self.higher_is_better else after - before


@dataclass(frozen=True)
class TrainingPlan(Generic[Config]):
    """How a model is trained here.

    Attributes
    ----------
    config : what the launchpad begins with
    smoke : the same for a run that shows in minutes that everything works
    space : what a search for better settings begins with
    steps : imports and returns what the training has of its own
    quantised : whether int8 is made beside fp32
    embeds : the output whose last linear layers' input becomes the output `embedding`; empty: the
        model gets none
    """

    config: Config
    smoke: Config
    space: tuple[Dimension, ...]
    steps: Callable[[], Training[Config]]
    quantised: bool = True
    embeds: str = ""


@dataclass(frozen=True)
class OutsideWeights:
    """A model that was trained elsewhere; the same gates judge it.

    Attributes
    ----------
    location : `https://…`, or a path: of the repository or, if nothing is there, of STUDIO_DATA
    sha256 : of the ONNX file, in hex; another file is refused
    licence : of the weights
    architecture : the network's name, for the card
    input : the contract of its input
    smoke_per_label : rows of each label that a run looks at which shows in minutes that all works
    adapt : brings the file to the arrays of the task; None: it has them
    """

    location: str
    sha256: str
    licence: str
    architecture: str
    input: Input
    smoke_per_label: int = 1
    adapt: Callable[[bytes], bytes] | None = None


@dataclass(frozen=True)
class Recipe(Generic[Answer]):
    """All that a model has of its own.

    Attributes
    ----------
    task : what serving asks of the model; its name is that of the registered model, of the gates
        and of the starter
    dataset : the name of the folder below `datasets/`
    headline : what is compared with the champion, and which way is better
    evaluation : imports and returns what calibrates and judges the model
    made_by : how it is trained here, or where its weights come from
    open : reads the dataset's folder
    """

    task: Task[Any, Answer]
    dataset: str
    headline: Headline
    evaluation: Callable[[], Evaluation]
    made_by: TrainingPlan[Any] | OutsideWeights
    open: Callable[[Path], Dataset] = open_dataset

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task.name

    @property
    def key(self) -> str:
        """The task's name as Dagster takes one: prefix of its assets, and their group."""
        return self.name.replace("-", "_")
