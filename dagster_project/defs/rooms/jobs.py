"""When the room classifier is made anew, and how its aliases reach serving."""

import dagster as dg

from dagster_project.defs.resources import Studio
from dagster_project.defs.rooms.data import GROUP
from registry.publish import Publisher

# One process for all steps: each would spend seconds on importing torch and MLflow again.
retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.groups(GROUP),
    description="Raw photos to a promoted, served version, through every check and gate.",
    executor_def=dg.in_process_executor,
    tags={"dagster/max_runtime": "10800"},
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
    changes = Publisher(studio.registry(), studio.engine(), studio.storage()).publish()
    if not changes:
        return dg.SkipReason("nothing changed")
    told = ", ".join(
        f"{change.task} {change.version} {'refused' if change.refused else 'published'}"
        for change in changes
    )
    return dg.SkipReason(told)
