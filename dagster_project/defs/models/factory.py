"""Every recipe as Dagster has it: assets, checks, jobs and a schedule under its own prefix."""

from typing import Any

import dagster as dg

from dagster_project.defs.models.data import data_assets
from dagster_project.defs.models.jobs import retrain_job, search_job, smoke_job, weekly
from dagster_project.defs.models.judging import judging_assets
from dagster_project.defs.models.release import release_asset
from dagster_project.defs.models.search import search_asset
from dagster_project.defs.models.training import training_assets
from training.recipe import Recipe, TrainingPlan
from training.recipes import RECIPES


def model_definitions(recipe: Recipe[Any]) -> dg.Definitions:
    """Return all that Dagster knows of one recipe."""
    made = [
        *data_assets(recipe),
        *training_assets(recipe),
        *judging_assets(recipe),
        release_asset(recipe),
    ]
    retrain = retrain_job(f"retrain_{recipe.key}", [recipe])
    jobs = [retrain, smoke_job(f"retrain_smoke_{recipe.key}", [recipe])]
    if isinstance(recipe.made_by, TrainingPlan):
        made.append(search_asset(recipe, recipe.made_by))
        jobs.append(search_job(recipe, recipe.made_by))
    return dg.Definitions(
        assets=[one for one in made if not isinstance(one, dg.AssetChecksDefinition)],
        asset_checks=[one for one in made if isinstance(one, dg.AssetChecksDefinition)],
        jobs=jobs,
        schedules=[weekly(recipe, retrain)],
    )


@dg.definitions
def models() -> dg.Definitions:
    """Return all recipes."""
    return dg.Definitions.merge(*map(model_definitions, RECIPES))
