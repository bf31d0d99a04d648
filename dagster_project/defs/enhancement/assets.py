"""Better photos of many listings at once, by the usual workers.

One job for each listing goes into the workers' queue behind what people wait for, and the backend
is called back as for any other.
"""

from dagster_project.batches.asset import BatchKind, batch_asset, batch_job
from dagster_project.batches.bulk import BulkJob
from dagster_project.batches.run import Batch
from dagster_project.defs.enhancement import show
from dagster_project.defs.enhancement.manifest import ASKED, ENHANCEMENT
from dagster_project.defs.listings.manifest import champions
from dagster_project.defs.listings.show import no_photo_failed
from dagster_project.studio import Studio
from serving.models.slots import read_slots


def _read(studio: Studio, day: str, config: Batch) -> list[BulkJob]:
    judges = champions(read_slots(studio.engine()), ASKED)
    return ENHANCEMENT.read(studio.storage(), day, judges, config.retake)


enhanced_listings = batch_asset(
    BatchKind(
        name="enhanced_listings",
        description="Better files of the photos of `batches/enhancement/{day}.json`; workers make "
        "them as bulk.",
        group="listings",
        kinds=frozenset({"postgres", "opencv"}),
        read=_read,
        metadata=show.enhancement_metadata,
        checks={
            no_photo_failed: "Every photo could be worked on.",
            show.none_worse: "No photo is held for worse than it came, by the model that judges.",
        },
        config=Batch,
    )
)
enhance_listings = batch_job(
    "enhance_listings",
    enhanced_listings,
    "The photos of a day's listings made better, behind what people wait for.",
)
