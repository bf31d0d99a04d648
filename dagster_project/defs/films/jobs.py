"""When batches of films and clips are run: by hand, or as soon as their file is there."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.batches.run import DAYS
from dagster_project.defs.films.assets import listing_films, warm_clips
from dagster_project.defs.films.manifest import CLIPS, FILMS
from dagster_project.studio import Studio
from serving.storage.interface import Storage

# The step only waits: a process of its own would cost seconds. A little longer than the batch may.
_TAGS = {"dagster/max_runtime": "28800"}
_NEWEST = 7

render_films = dg.define_asset_job(
    "render_films",
    selection=dg.AssetSelection.assets(listing_films),
    description="The films of a day's batch, made by the workers behind what people wait for.",
    executor_def=dg.in_process_executor,
    tags=_TAGS,
)
warm_up_clips = dg.define_asset_job(
    "warm_up_clips",
    selection=dg.AssetSelection.assets(warm_clips),
    description="Clips of a day's batch, so that who asks for one later gets it at once.",
    executor_def=dg.in_process_executor,
    tags=_TAGS,
)


@dg.sensor(
    jobs=[render_films, warm_up_clips],
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Runs a batch when its file appears or changes; looks at the newest seven.",
)
def new_batches(studio: Studio) -> Iterator[dg.RunRequest]:
    """Ask for a run of every file that no run was asked for yet."""
    storage = studio.storage()
    for folder, job in ((FILMS, "render_films"), (CLIPS, "warm_up_clips")):
        for key in newest(storage, folder):
            stat = storage.stat(key)
            version = stat.sha256 or stat.modified.isoformat()
            yield dg.RunRequest(f"{key}@{version}", job_name=job, partition_key=day_of(key))


def newest(storage: Storage, folder: str) -> list[str]:
    """Return the keys of the newest batches of a folder that are named after a day."""
    keys = [key for key in storage.keys(f"{folder}/") if DAYS.has_partition_key(day_of(key))]
    return [key for key in keys if key == f"{folder}/{day_of(key)}.json"][-_NEWEST:]


def day_of(key: str) -> str:
    """Return the day that a batch's key names."""
    return key.rpartition("/")[2].removesuffix(".json")
