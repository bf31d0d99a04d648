"""A search for better training settings: Optuna's trials, each a child run in MLflow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd
from pydantic import Field, create_model

from dagster_project.defs.models.data import open_recipe_dataset, table_of
from dagster_project.defs.models.training import launchpad
from dagster_project.models import show
from dagster_project.studio import Studio
from registry.client import Client, open_experiment, tracking_uri
from registry.runs import end_run, log_metric, start_run
from training.config import Dimension as Searched
from training.config import TrainingConfig
from training.recipe import Recipe, TrainingPlan

if TYPE_CHECKING:
    from training.loop.search import Observe, Observed, Tried

GROUP = "search"


class Dimension(dg.Config):
    """One setting that is searched."""

    name: str = Field(description="of a setting of the training, such as learning_rate")
    low: float | None = Field(default=None, description="the least it may be")
    high: float | None = Field(default=None, description="the most it may be")
    log: bool = Field(default=False, description="its magnitude is what matters")
    choices: list[str] = Field(default=[], description="instead of bounds, for words")

    def searched(self) -> Searched:
        """Return it as the search takes it."""
        return Searched(self.name, self.low, self.high, self.log, tuple(self.choices))


class Search(dg.Config):
    """What is searched, and how long; each recipe adds `base`, all other settings."""

    name: str = Field(default="search", description="the same name goes on with what is tried")
    trials: int = Field(default=20, gt=0, description="in all; each trains once")
    space: list[Dimension] = Field(description="the settings that are searched")


def search_preset(plan: TrainingPlan[Any]) -> Search:
    """Return what the launchpad of a recipe's search begins with."""
    base = launchpad(plan.config)
    described = Field(description="all other settings")
    kind: Any = create_model(
        f"Search{type(base).__name__}", __base__=Search, base=(type(base), described)
    )
    space = [
        Dimension(
            name=one.name,
            low=one.low,
            high=one.high,
            log=one.log,
            choices=list(map(str, one.choices)),
        )
        for one in plan.space
    ]
    preset: Search = kind.model_validate({"space": space, "base": base})
    return preset


def search_asset(recipe: Recipe[Any], plan: TrainingPlan[Any]) -> dg.AssetsDefinition:
    """Return the asset that searches better settings for a recipe's training."""

    def searched_settings(
        context: dg.AssetExecutionContext,
        studio: Studio,
        config: Any,  # noqa: ANN401 - the recipe's own settings, see below
        data_table: pd.DataFrame,
        data_splits: str,
    ) -> dg.MaterializeResult[TrainingConfig]:
        """The settings that came out best on the validation rows; put them into `retrain`."""
        from dagster_project.models.rows import learning_rows
        from training.loop.search import Plan, search

        base = type(plan.config)(**config.base.model_dump())
        dataset = open_recipe_dataset(recipe, studio)
        rows = learning_rows(data_table, dataset, base.photos_per_label)
        place = f"{recipe.key}-{config.name}-{data_splits}-{base.digest()}"
        client, settings = studio.registry(), studio.settings()
        experiment = open_experiment(client, settings, f"{recipe.name}-search")
        tags = {"data.version": data_splits, "dagster.run_id": context.run.run_id}
        parent = start_run(client, experiment, config.name, {"trials": config.trials}, tags)
        figure = f"validation/{recipe.headline.name}"
        observe = _observer(client, (experiment, parent, tracking_uri(settings)), figure)
        space = [dimension.searched() for dimension in config.space]
        wanted = Plan(base, space, config.trials, studio.folder("search", place))
        tried = search(recipe, rows, wanted, observe)
        log_metric(client, parent, figure, tried[0].value)
        end_run(client, parent)
        return _as_result(recipe, tried, space, studio.page_of_run(parent))

    searched_settings.__annotations__["config"] = type(search_preset(plan))
    made: dg.AssetsDefinition = dg.asset(
        key_prefix=recipe.key,
        group_name=GROUP,
        kinds={"optuna", "pytorch", "mlflow"},
        pool="training",
        ins=table_of(recipe) | {"data_splits": dg.AssetIn(key_prefix=recipe.key)},
    )(searched_settings)
    return made


def _as_result(
    recipe: Recipe[Any], tried: "list[Tried]", space: list[Searched], page: str
) -> dg.MaterializeResult[TrainingConfig]:
    names = [dimension.name for dimension in space]
    rows = [
        [one.number, one.value, *(getattr(one.config, name) for name in names)] for one in tried
    ]
    table = pd.DataFrame(rows, columns=["trial", recipe.headline.name, *names])
    return dg.MaterializeResult(
        value=tried[0].config,
        metadata={
            f"validation {recipe.headline.name}": tried[0].value,
            "settings": dg.MetadataValue.json(tried[0].config.model_dump(mode="json")),
            "trials": show.table(table, index=False),
            "MLflow run": show.link(page),
        },
    )


def _observer(client: Client, places: tuple[str, str, str], figure: str) -> "Observe":
    """Return what gives each trial a child run, with its settings, curves and result.

    `places` are the experiment, the parent run and the address of MLflow.
    """
    from training.loop.tracking import curves_logger

    experiment, parent, uri = places

    @contextmanager
    def observe(number: int, config: TrainingConfig) -> Iterator["Observed"]:
        tags = {"mlflow.parentRunId": parent}
        run_id = start_run(client, experiment, f"trial {number}", config.model_dump(), tags)
        try:
            yield (
                curves_logger(uri, run_id),
                lambda value: log_metric(client, run_id, figure, value),
            )
        except BaseException:
            end_run(client, run_id, failed=True)
            raise
        end_run(client, run_id)

    return observe
