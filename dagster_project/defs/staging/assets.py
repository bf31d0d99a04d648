"""Rooms of many listings staged at once, by the usual workers.

One job for each listing goes into the workers' queue behind what people wait for, and the backend
is called back as for any other.
"""

from dagster_project.batches.asset import BatchKind, batch_asset, batch_job
from dagster_project.batches.bulk import BulkJob
from dagster_project.batches.run import Batch
from dagster_project.defs.listings.manifest import champions
from dagster_project.defs.listings.show import no_photo_failed
from dagster_project.defs.staging import show
from dagster_project.defs.staging.manifest import ASKED, STAGING
from dagster_project.studio import Studio
from serving.models.slots import read_slots


def _read(studio: Studio, day: str, config: Batch) -> list[BulkJob]:
    models = champions(read_slots(studio.engine()), ASKED)
    return STAGING.read(studio.storage(), day, models, config.retake)


staged_listings = batch_asset(
    BatchKind(
        name="staged_listings",
        description="Staged photos of the rooms of `batches/staging/{day}.json`; workers make them "
        "as bulk.",
        group="listings",
        kinds=frozenset({"postgres", "opencv"}),
        read=_read,
        metadata=show.staging_metadata,
        checks={
            no_photo_failed: "Every photo could be worked on.",
            show.no_review_needed: "No staged photo asks that somebody looks at it.",
            show.same_furniture_in_a_room: "Photos of one room show the same furniture.",
        },
        config=Batch,
    )
)
stage_listings = batch_job(
    "stage_listings",
    staged_listings,
    "The rooms of a day's listings staged, behind what people wait for.",
)
