"""When batches are run: by hand, or as soon as their file is there."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.batches.run import DAYS
from dagster_project.defs.enhancement.assets import enhance_listings
from dagster_project.defs.enhancement.manifest import ENHANCEMENT
from dagster_project.defs.films.jobs import render_films, warm_up_clips
from dagster_project.defs.films.manifest import CLIPS, FILMS
from dagster_project.defs.listings.assets import analyze_listings, classify_listings
from dagster_project.defs.listings.manifest import ANALYSES, LISTINGS
from dagster_project.defs.staging.assets import stage_listings
from dagster_project.defs.staging.manifest import STAGING
from dagster_project.studio import Studio
from serving.storage.interface import Storage

_NEWEST = 7
_JOBS = {
    FILMS: render_films,
    CLIPS: warm_up_clips,
    LISTINGS: classify_listings,
    ANALYSES: analyze_listings,
    ENHANCEMENT.folder: enhance_listings,
    STAGING.folder: stage_listings,
}


@dg.sensor(
    jobs=list(_JOBS.values()),
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Runs a batch when its file appears or changes; looks at the newest seven.",
)
def new_batches(studio: Studio) -> Iterator[dg.RunRequest]:
    """Ask for a run of every file that no run was asked for yet."""
    storage = studio.storage()
    for folder, job in _JOBS.items():
        for key in newest(storage, folder):
            stat = storage.stat(key)
            version = stat.sha256 or stat.modified.isoformat()
            yield dg.RunRequest(f"{key}@{version}", job_name=job.name, partition_key=day_of(key))


def newest(storage: Storage, folder: str) -> list[str]:
    """Return the keys of the newest batches of a folder that are named after a day."""
    keys = [key for key in storage.keys(f"{folder}/") if DAYS.has_partition_key(day_of(key))]
    return [key for key in keys if key == f"{folder}/{day_of(key)}.json"][-_NEWEST:]


def day_of(key: str) -> str:
    """Return the day that a batch's key names."""
    return key.rpartition("/")[2].removesuffix(".json")
