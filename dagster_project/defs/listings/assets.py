"""Photos of many listings classified or analysed at once, by the usual workers.

One job for each listing goes into the workers' queue behind what people wait for, and the backend
is called back as for any other. What a photo was answered by this version before costs nothing.
"""

from pydantic import Field

from dagster_project.batches.asset import BatchKind, batch_asset, batch_job
from dagster_project.batches.bulk import BulkJob
from dagster_project.batches.run import Batch
from dagster_project.defs.listings import show, show_analysis
from dagster_project.defs.listings.manifest import ANALYSES, champions, read_listings
from dagster_project.studio import Studio
from serving.errors import BadInput
from serving.models.analysis import TASKS
from serving.models.routing import CHAMPION
from serving.models.slots import Slots, read_slots
from serving.photos.classify import ROOM_CLASSIFIER

_GROUP, _MADE_WITH = "listings", frozenset({"postgres", "onnx"})


class Classification(Batch):
    """How a batch of listings is classified."""

    version: str = Field(
        default="",
        description=f"of {ROOM_CLASSIFIER.name}: the run fails before it starts unless this is the "
        "champion; empty: whichever is",
    )


def check_version(slots: Slots, wanted: str) -> None:
    """Refuse to classify thousands of photos with another version than was meant."""
    row = slots.get((ROOM_CLASSIFIER.name, CHAMPION))
    answers = row.version if row else "none"
    if wanted not in ("", answers):
        raise BadInput(
            f"the champion of {ROOM_CLASSIFIER.name} is version {answers}, not {wanted}; promote "
            "that one first, or leave `version` empty"
        )


def _read_to_classify(studio: Studio, day: str, config: Classification) -> list[BulkJob]:
    slots = read_slots(studio.engine())
    check_version(slots, config.version)
    return read_listings(studio.storage(), day, champions(slots), config.retake)


def _read_to_analyse(studio: Studio, day: str, config: Batch) -> list[BulkJob]:
    versions = champions(read_slots(studio.engine()), [task.name for task in TASKS])
    return read_listings(studio.storage(), day, versions, config.retake, ANALYSES)


classified_listings = batch_asset(
    BatchKind(
        name="classified_listings",
        description="What the photos of `batches/listings/{day}.json` show, by the version that "
        "answers.",
        group=_GROUP,
        kinds=_MADE_WITH,
        read=_read_to_classify,
        metadata=show.listing_metadata,
        checks={
            show.no_photo_failed: "Every photo could be classified.",
            show.one_version: "One version answered for all photos.",
        },
        config=Classification,
    )
)
analyzed_listings = batch_asset(
    BatchKind(
        name="analyzed_listings",
        description="Rooms, quality, tags and surfaces of the photos of "
        "`batches/analyses/{day}.json`.",
        group=_GROUP,
        kinds=_MADE_WITH,
        read=_read_to_analyse,
        metadata=show_analysis.analysis_metadata,
        checks={
            show.no_photo_failed: "Every photo could be analysed.",
            show_analysis.all_models_answered: "Of no photo anything is missing that a model would "
            "have told.",
        },
        config=Batch,
    )
)
classify_listings = batch_job(
    "classify_listings",
    classified_listings,
    "The photos of a day's listings, classified behind what people wait for.",
)
analyze_listings = batch_job(
    "analyze_listings",
    analyzed_listings,
    "The photos of a day's listings, analysed behind what people wait for.",
)
