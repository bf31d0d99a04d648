"""When models are made anew, and how their aliases reach serving."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from dagster_project.defs.models.judging import Gates
from dagster_project.defs.models.release import RELEASE, publisher
from dagster_project.defs.models.search import search_preset
from dagster_project.defs.models.training import Adoption, launchpad
from dagster_project.studio import Studio
from registry.judge import smoke
from training.recipe import Recipe, TrainingPlan
from training.recipes import RECIPES

Job = dg.JobDefinition | Any  # what `define_asset_job` returns has no name of its own in Dagster


def retrain_job(name: str, recipes: Sequence[Recipe[Any]]) -> Job:
    """Return the job that takes recipes from raw data to versions that begin their ramp."""
    presets: dict[str, dg.Config] = {}
    for recipe in recipes:
        presets |= _preset(recipe, full=True)
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.groups(*(recipe.key for recipe in recipes), RELEASE),
        description="Raw data, through every check and gate, to versions that begin their ramp "
        "beside the champion: " + ", ".join(recipe.name for recipe in recipes),
        config=dg.RunConfig(ops=presets),
        # one process for all steps: each would spend seconds on importing torch and MLflow again
        executor_def=dg.in_process_executor,
        tags={"dagster/max_runtime": "10800"},
    )


def smoke_job(name: str, recipes: Sequence[Recipe[Any]]) -> Job:
    """Return the job that shows in minutes that all of `retrain_job` works; it releases nothing."""
    presets: dict[str, dg.Config] = {}
    for recipe in recipes:
        presets |= _preset(recipe, full=False)
    released = [dg.AssetKey([recipe.key, "released"]) for recipe in recipes]
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.groups(*(recipe.key for recipe in recipes))
        - dg.AssetSelection.assets(*released),
        description="The same in minutes on little data, to see that all runs: versions are "
        "registered and judged by gates of their own, which let nothing answer.",
        config=dg.RunConfig(ops=presets),
        executor_def=dg.in_process_executor,
        tags={"dagster/max_runtime": "3600"},
    )


def search_job(recipe: Recipe[Any], plan: TrainingPlan[Any]) -> Job:
    """Return the job that searches better training settings."""
    return dg.define_asset_job(
        f"search_{recipe.key}",
        selection=dg.AssetSelection.assets(dg.AssetKey([recipe.key, "searched_settings"])),
        config=dg.RunConfig(ops={f"{recipe.key}__searched_settings": search_preset(plan)}),
        description="Tries training settings on the data that was listed and split last.",
        executor_def=dg.in_process_executor,
        tags={"dagster/max_runtime": "86400"},
    )


def weekly(recipe: Recipe[Any], job: Job) -> dg.ScheduleDefinition:
    """Return the schedule of a recipe's retraining."""
    return dg.ScheduleDefinition(
        name=f"weekly_{job.name}",
        job=job,
        cron_schedule="0 3 * * 0",
        description=f"{recipe.name} on Sunday nights; off until somebody turns it on.",
    )


def _preset(recipe: Recipe[Any], full: bool) -> dict[str, dg.Config]:
    """Return what the launchpad begins with: every setting, to be read and changed."""
    files = [] if full else [str(file) for file in smoke(recipe.name)]
    preset: dict[str, dg.Config] = {f"{recipe.key}__registered_version_gates": Gates(files=files)}
    if isinstance(recipe.made_by, TrainingPlan):
        config = recipe.made_by.config if full else recipe.made_by.smoke
        preset[f"{recipe.key}__trained_model"] = launchpad(config)
    else:
        per_label = None if full else recipe.made_by.smoke_per_label
        preset[f"{recipe.key}__exported_models"] = Adoption(photos_per_label=per_label)
    return preset


retrain = retrain_job("retrain", RECIPES)
retrain_smoke = smoke_job("retrain_smoke", RECIPES)


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Carries aliases into serving where no publisher runs.",
)
def publish_aliases(studio: Studio) -> dg.SkipReason:
    """Do one publisher's round."""
    changes = publisher(studio).publish()
    if not changes:
        return dg.SkipReason("nothing changed")
    told = ", ".join(
        f"{change.task} {change.version} {'refused' if change.refused else 'published'}"
        for change in changes
    )
    return dg.SkipReason(told)
