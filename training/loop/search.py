"""Which settings train best? Optuna's TPE tries some, each judged by the validation photos.

The frozen test set is never looked at: what the search has chosen is trained, evaluated and judged
as any other recipe. A search that was ended goes on from the trials it has finished.

Source: Bergstra et al., "Algorithms for hyper-parameter optimization", NeurIPS 2011.
"""

import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import optuna
from lightning.pytorch.loggers import Logger
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from pydantic import ValidationError

from serving.errors import BadInput
from serving.models.session import OnnxSession
from training.loop.export import export_onnx
from training.loop.fit import fit
from training.loop.loaders import LabelledPhotos
from training.loop.predict import predict
from training.room_classifier.config import TrainingConfig

Value = str | int | float | bool


@dataclass(frozen=True)
class Dimension:
    """One setting that is searched: between two bounds, or among some values.

    Attributes
    ----------
    name : of a setting of `TrainingConfig`
    log : whether its magnitude is what matters, as for a learning rate
    """

    name: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()

    def suggest(self, trial: optuna.Trial) -> Value:
        """Return what the trial is to use."""
        if self.choices:
            return cast("Value", trial.suggest_categorical(self.name, self.choices))
        low, high = self.low or 0.0, self.high or 0.0  # the plan was checked: both are given
        if TrainingConfig.model_fields[self.name].annotation is int:
            return trial.suggest_int(self.name, int(low), int(high), log=self.log)
        return trial.suggest_float(self.name, low, high, log=self.log)


@dataclass(frozen=True)
class Tried:
    """One trial: what was tried, and the share of validation photos that it named right."""

    number: int
    config: TrainingConfig
    top1: float


@dataclass(frozen=True)
class Plan:
    """What is searched, how long, and where it is kept.

    Attributes
    ----------
    base : the settings that are not searched
    trials : how many in all, those of an earlier start among them
    folder : keeps the search's journal and the running trial's checkpoints
    """

    base: TrainingConfig
    space: Sequence[Dimension]
    trials: int
    folder: Path


# gives the logger of a trial's curves, if there is one; told at its end what came out
Observed = tuple[Logger | None, Callable[[float], None]]
Observe = Callable[[int, TrainingConfig], AbstractContextManager[Observed]]


def search(
    train: LabelledPhotos,
    validation: LabelledPhotos,
    labels: int,
    plan: Plan,
    observe: Observe,
) -> list[Tried]:
    """Try settings until there are `plan.trials`; return all trials, the best first.

    Parameters
    ----------
    labels : how many there are
    observe : a context around each trial: gives its logger, and what its result is told to

    Raises
    ------
    BadInput
        If a setting of the space does not exist, or its bounds are not ones.
    """
    _check(plan)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _open(plan)

    def objective(trial: optuna.Trial) -> float:
        config = _config(plan, trial)
        folder = plan.folder / f"trial-{trial.number}"
        with observe(trial.number, config) as (logger, tell):
            trained = fit(train, validation, labels, config, folder, logger)
            session = OnnxSession(export_onnx(trained.net, trained.spec))
            logits = predict(session, validation, trained.spec, title=f"trial {trial.number}")
            top1 = float((logits.argmax(axis=1) == validation.labels).mean())
            tell(top1)
        shutil.rmtree(folder, ignore_errors=True)
        trial.set_user_attr("config", config.model_dump_json())
        return top1

    study.optimize(objective, n_trials=max(0, plan.trials - len(_done(study))))
    return sorted(_done(study), key=lambda tried: -tried.top1)


def _open(plan: Plan) -> optuna.Study:
    plan.folder.mkdir(parents=True, exist_ok=True)
    storage = JournalStorage(JournalFileBackend(str(plan.folder / "journal.log")))
    sampler = optuna.samplers.TPESampler(seed=plan.base.seed)
    return optuna.create_study(
        storage=storage,
        sampler=sampler,
        study_name="search",
        direction="maximize",
        load_if_exists=True,
    )


def _done(study: optuna.Study) -> list[Tried]:
    ended = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    return [
        Tried(
            trial.number,
            TrainingConfig.model_validate_json(trial.user_attrs["config"]),
            float(trial.values[0]),
        )
        for trial in ended
    ]


def _config(plan: Plan, trial: optuna.Trial) -> TrainingConfig:
    chosen = {dimension.name: dimension.suggest(trial) for dimension in plan.space}
    return TrainingConfig.model_validate(plan.base.model_dump() | chosen)


def _check(plan: Plan) -> None:
    """Say before the first training what cannot be tried."""
    for dimension in plan.space:
        if dimension.name not in TrainingConfig.model_fields:
            known = ", ".join(TrainingConfig.model_fields)
            raise BadInput(f"'{dimension.name}' is no setting of the training; there are {known}")
        if not dimension.choices and None in (dimension.low, dimension.high):
            raise BadInput(f"'{dimension.name}' needs low and high, or choices")
        bounds = tuple(bound for bound in (dimension.low, dimension.high) if bound is not None)
        for value in dimension.choices or bounds:
            try:
                given = plan.base.model_dump() | {dimension.name: value}
                TrainingConfig.model_validate(given)
            except ValidationError as error:
                reason = error.errors()[0]["msg"]
                raise BadInput(f"'{dimension.name}' cannot be {value}: {reason}") from error
