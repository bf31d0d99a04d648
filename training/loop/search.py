"""Which settings train best? Optuna's TPE tries some, each judged by the validation rows.

The frozen test set is never looked at: what the search has chosen is trained, evaluated and judged
as any other recipe. A search that was ended goes on from the trials it has finished.

Source: Bergstra et al., "Algorithms for hyper-parameter optimization", NeurIPS 2011.
"""

import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import optuna
from lightning.pytorch.loggers import Logger
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from pydantic import ValidationError

from serving.errors import BadInput
from training.candidate import Provenance, Uncalibrated
from training.config import Dimension, TrainingConfig, Value
from training.loop.export import export_onnx
from training.loop.fit import fit
from training.module import Trained
from training.recipe import Headline, Recipe, Rows, TrainingPlan


def suggest(dimension: Dimension, trial: optuna.Trial, config: type[TrainingConfig]) -> Value:
    """Return what a trial is to use."""
    if dimension.choices:
        return cast("Value", trial.suggest_categorical(dimension.name, dimension.choices))
    low, high = dimension.low or 0.0, dimension.high or 0.0  # the plan was checked: both are given
    if config.model_fields[dimension.name].annotation is int:
        return trial.suggest_int(dimension.name, int(low), int(high), log=dimension.log)
    return trial.suggest_float(dimension.name, low, high, log=dimension.log)


@dataclass(frozen=True)
class Tried:
    """One trial: what was tried, and the headline figure on the validation rows."""

    number: int
    config: TrainingConfig
    value: float


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


def search(recipe: Recipe[Any], rows: Rows, plan: Plan, observe: Observe) -> list[Tried]:
    """Try settings until there are `plan.trials`; return all trials, the best first.

    Parameters
    ----------
    observe : a context around each trial: gives its logger, and what its result is told to

    Raises
    ------
    BadInput
        If a setting of the space does not exist, or its bounds are not ones.
    """
    if not isinstance(recipe.made_by, TrainingPlan):
        raise BadInput(f"'{recipe.name}' is not trained here; there is nothing to search")
    training = recipe.made_by.steps()
    _check(plan)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _open(plan, recipe.headline)

    def objective(trial: optuna.Trial) -> float:
        config = _config(plan, trial)
        folder = plan.folder / f"trial-{trial.number}"
        with observe(trial.number, config) as (logger, tell):
            value = _validate(recipe, rows, config, fit(training, rows, config, folder, logger))
            tell(value)
        shutil.rmtree(folder, ignore_errors=True)
        trial.set_user_attr("config", config.model_dump_json())
        return value

    study.optimize(objective, n_trials=max(0, plan.trials - len(_done(study, plan))))
    sign = -1 if recipe.headline.higher_is_better else 1
    return sorted(_done(study, plan), key=lambda tried: sign * tried.value)


def _validate(recipe: Recipe[Any], rows: Rows, config: TrainingConfig, trained: Trained) -> float:
    """Return the headline figure of a network on the validation rows."""
    model = export_onnx(trained.served, trained.spec, trained.outputs)
    provenance = Provenance("search", rows.dataset.sources, rows.dataset.licence, "search")
    exported = Uncalibrated(model, "fp32", trained.spec, config.architecture, provenance, config)
    return recipe.evaluation().calibrate(exported, rows).validation


def _open(plan: Plan, headline: Headline) -> optuna.Study:
    plan.folder.mkdir(parents=True, exist_ok=True)
    storage = JournalStorage(JournalFileBackend(str(plan.folder / "journal.log")))
    sampler = optuna.samplers.TPESampler(seed=plan.base.seed)
    return optuna.create_study(
        storage=storage,
        sampler=sampler,
        study_name="search",
        direction="maximize" if headline.higher_is_better else "minimize",
        load_if_exists=True,
    )


def _done(study: optuna.Study, plan: Plan) -> list[Tried]:
    ended = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    return [
        Tried(
            trial.number,
            type(plan.base).model_validate_json(trial.user_attrs["config"]),
            float(trial.values[0]),
        )
        for trial in ended
    ]


def _config(plan: Plan, trial: optuna.Trial) -> TrainingConfig:
    kind = type(plan.base)
    chosen = {dimension.name: suggest(dimension, trial, kind) for dimension in plan.space}
    return kind.model_validate(plan.base.model_dump() | chosen)


def _check(plan: Plan) -> None:
    """Say before the first training what cannot be tried."""
    kind = type(plan.base)
    for dimension in plan.space:
        if dimension.name not in kind.model_fields:
            known = ", ".join(kind.model_fields)
            raise BadInput(f"'{dimension.name}' is no setting of the training; there are {known}")
        if not dimension.choices and None in (dimension.low, dimension.high):
            raise BadInput(f"'{dimension.name}' needs low and high, or choices")
        bounds = tuple(bound for bound in (dimension.low, dimension.high) if bound is not None)
        for value in dimension.choices or bounds:
            try:
                given = plan.base.model_dump() | {dimension.name: value}
                kind.model_validate(given)
            except ValidationError as error:
                reason = error.errors()[0]["msg"]
                raise BadInput(f"'{dimension.name}' cannot be {value}: {reason}") from error
