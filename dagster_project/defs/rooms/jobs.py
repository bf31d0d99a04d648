"""When the room classifier is made anew, and how its aliases reach serving."""

import dagster as dg

from dagster_project.defs.resources import Studio
from dagster_project.defs.rooms.data import GROUP
from dagster_project.defs.rooms.model import Gates, Recipe
from dagster_project.defs.rooms.release import champion, gateway_bento, publisher
from registry.gates import SMOKE as SMOKE_GATES
from training.room_classifier.config import SMOKE, TrainingConfig


def _preset(recipe: TrainingConfig, gates: Gates) -> dg.RunConfig:
    """Return what the launchpad begins with: every setting, to be read and changed."""
    config = Recipe(**recipe.model_dump())
    return dg.RunConfig(ops={"trained_classifier": config, "registered_version_gates": gates})


# One process for all steps: each would spend seconds on importing torch and MLflow again.
retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.groups(GROUP),
    description="Raw photos to a promoted, served version, through every check and gate.",
    config=_preset(TrainingConfig(), Gates()),
    executor_def=dg.in_process_executor,
    tags={"dagster/max_runtime": "10800"},
)

retrain_smoke = dg.define_asset_job(
    "retrain_smoke",
    selection=dg.AssetSelection.groups(GROUP) - dg.AssetSelection.assets(champion, gateway_bento),
    description="The same in minutes on a few photos, to see that all runs: a version is "
    "registered and judged by gates of its own, which let nothing be promoted.",
    config=_preset(SMOKE, Gates(file=str(SMOKE_GATES))),
    executor_def=dg.in_process_executor,
    tags={"dagster/max_runtime": "3600"},
)

weekly_retrain = dg.ScheduleDefinition(
    name="weekly_retrain",
    job=retrain,
    cron_schedule="0 3 * * 0",
    description="Sunday nights; off until somebody turns it on.",
)


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
