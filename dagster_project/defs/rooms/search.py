"""A search for better training settings: Optuna's trials, each a child run in MLflow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg
import pandas as pd
from pydantic import Field

from dagster_project.defs.resources import Studio
from dagster_project.defs.rooms import show
from dagster_project.defs.rooms.model import Recipe
from registry.client import Client, open_experiment, tracking_uri
from registry.runs import end_run, log_metric, start_run
from training.data.dataset import open_dataset
from training.room_classifier.config import TrainingConfig

if TYPE_CHECKING:
    from training.loop.search import Dimension as Searched
    from training.loop.search import Observe, Observed

EXPERIMENT = "room-classifier-search"


class Dimension(dg.Config):
    """One setting that is searched."""

    name: str = Field(description="of a setting of the recipe, such as learning_rate")
    low: float | None = Field(default=None, description="the least it may be")
    high: float | None = Field(default=None, description="the most it may be")
    log: bool = Field(default=False, description="its magnitude is what matters")
    choices: list[str] = Field(default=[], description="instead of bounds, for words")


class Search(dg.Config):
    """What is searched, and how long."""

    name: str = Field(default="search", description="the same name goes on with what is tried")
    trials: int = Field(default=20, gt=0, description="in all; each trains once")
    space: list[Dimension] = Field(description="the settings that are searched")
    base: Recipe = Field(description="all other settings")

    def dimensions(self) -> list["Searched"]:
        """Return the space as the search takes it."""
        from training.loop.search import Dimension as Searched

        return [
            Searched(one.name, one.low, one.high, one.log, tuple(one.choices)) for one in self.space
        ]


@dg.asset(group_name="search", kinds={"optuna", "pytorch", "mlflow"}, pool="training")
def searched_recipe(
    context: dg.AssetExecutionContext,
    studio: Studio,
    config: Search,
    photo_table: pd.DataFrame,
    photo_splits: str,
) -> dg.MaterializeResult[TrainingConfig]:
    """The settings that named most validation photos right; put them into `retrain`."""
    from dagster_project.models.photos import learning_photos
    from training.loop.search import Plan, search

    dataset = open_dataset(studio.data().dataset_folder())
    base = TrainingConfig(**config.base.model_dump())
    photos = learning_photos(photo_table, dataset, base.photos_per_label)
    folder = studio.folder("search", f"{config.name}-{photo_splits}-{base.digest()}")
    client, settings = studio.registry(), studio.settings()
    experiment = open_experiment(client, settings, EXPERIMENT)
    tags = {"data.version": photo_splits, "dagster.run_id": context.run.run_id}
    parent = start_run(client, experiment, config.name, {"trials": config.trials}, tags)
    observe = _observer(client, experiment, parent, tracking_uri(settings))
    plan = Plan(base, config.dimensions(), config.trials, folder)
    tried = search(*photos, len(dataset.taxonomy.labels), plan, observe)
    log_metric(client, parent, "validation/top1", tried[0].top1)
    end_run(client, parent)
    names = [one.name for one in config.space]
    rows = [[one.number, one.top1, *(getattr(one.config, name) for name in names)] for one in tried]
    table = pd.DataFrame(rows, columns=["trial", "top-1", *names])
    return dg.MaterializeResult(
        value=tried[0].config,
        metadata={
            "validation top-1": tried[0].top1,
            "recipe": dg.MetadataValue.json(tried[0].config.model_dump(mode="json")),
            "trials": show.table(table, index=False),
            "MLflow run": show.link(studio.page_of_run(parent)),
        },
    )


def _observer(client: Client, experiment: str, parent: str, uri: str) -> "Observe":
    """Return what gives each trial a child run, with its settings, curves and result."""
    from training.loop.tracking import curves_logger

    @contextmanager
    def observe(number: int, config: TrainingConfig) -> Iterator["Observed"]:
        tags = {"mlflow.parentRunId": parent}
        run_id = start_run(client, experiment, f"trial {number}", config.model_dump(), tags)
        try:
            yield (
                curves_logger(uri, run_id),
                lambda top1: log_metric(client, run_id, "validation/top1", top1),
            )
        except BaseException:
            end_run(client, run_id, failed=True)
            raise
        end_run(client, run_id)

    return observe


# what the launchpad begins with
_SPACE = [
    Dimension(name="learning_rate", low=1e-4, high=1e-3, log=True),
    Dimension(name="weight_decay", low=5e-3, high=0.1, log=True),
    Dimension(name="dropout", low=0.0, high=0.5),
    Dimension(name="label_smoothing", low=0.0, high=0.2),
]
_PRESET = Search(space=_SPACE, base=Recipe(**TrainingConfig().model_dump()))

search_hyperparameters = dg.define_asset_job(
    "search_hyperparameters",
    selection=dg.AssetSelection.assets(searched_recipe),
    config=dg.RunConfig(ops={"searched_recipe": _PRESET}),
    description="Tries training settings on the photos that were listed and split last.",
    executor_def=dg.in_process_executor,
    tags={"dagster/max_runtime": "86400"},
)
