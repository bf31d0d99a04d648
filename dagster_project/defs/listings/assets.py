"""Photos of many listings classified or analysed at once, by the usual workers.

One job for each listing goes into the workers' queue behind what people wait for, and the backend
is called back as for any other. What a photo was answered by this version before costs nothing.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from dagster_project.batches.metadata import all_completed
from dagster_project.batches.run import (
    COMPLETED,
    DAYS,
    JOB_TAGS,
    RETRIES,
    Batch,
    fail_if_short,
    final_errors,
    run_batch,
)
from dagster_project.defs.listings import show, show_analysis
from dagster_project.defs.listings.manifest import ANALYSES, champions, read_listings
from dagster_project.studio import Studio
from serving.errors import BadInput
from serving.models.analysis import TASKS
from serving.models.routing import CHAMPION
from serving.models.slots import Slots, read_slots
from serving.photos.classify import ROOM_CLASSIFIER

GROUP = "listings"
_NAME, _ANALYSED = "classified_listings", "analyzed_listings"


class Classification(Batch):
    """How a batch of listings is classified."""

    version: str = Field(
        default="",
        description=f"of {ROOM_CLASSIFIER.name}: the run fails before it starts unless this is the "
        "champion; empty: whichever is",
    )


@dg.asset(
    group_name=GROUP,
    kinds={"postgres", "onnx"},
    partitions_def=DAYS,
    retry_policy=RETRIES,
    check_specs=[
        dg.AssetCheckSpec("all_completed", asset=_NAME, description=COMPLETED),
        dg.AssetCheckSpec(
            "no_photo_failed", asset=_NAME, description="Every photo could be classified."
        ),
        dg.AssetCheckSpec(
            "one_version", asset=_NAME, description="One version answered for all photos."
        ),
    ],
)
def classified_listings(
    context: dg.AssetExecutionContext, config: Classification, studio: Studio
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg] # no [None] beside checks
    """What the photos of `batches/listings/{day}.json` show, by the version that answers."""
    settings, storage = studio.settings(), studio.storage()
    with final_errors():
        slots = read_slots(studio.engine())
        check_version(slots, config.version)
        jobs = read_listings(storage, context.partition_key, champions(slots), config.retake)
        made = run_batch(context, studio, config.rules(settings), jobs)
    yield dg.MaterializeResult(
        metadata=show.listing_metadata(made, storage, config.pages(settings)),
        check_results=[all_completed(made), show.no_photo_failed(made), show.one_version(made)],
    )
    fail_if_short(made)


@dg.asset(
    group_name=GROUP,
    kinds={"postgres", "onnx"},
    partitions_def=DAYS,
    retry_policy=RETRIES,
    check_specs=[
        dg.AssetCheckSpec("all_completed", asset=_ANALYSED, description=COMPLETED),
        dg.AssetCheckSpec(
            "no_photo_failed", asset=_ANALYSED, description="Every photo could be analysed."
        ),
        dg.AssetCheckSpec(
            "all_models_answered",
            asset=_ANALYSED,
            description="Of no photo anything is missing that a model would have told.",
        ),
    ],
)
def analyzed_listings(
    context: dg.AssetExecutionContext, config: Batch, studio: Studio
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg] # no [None] beside checks
    """Rooms, quality, tags and surfaces of the photos of `batches/analyses/{day}.json`."""
    settings, storage = studio.settings(), studio.storage()
    with final_errors():
        versions = champions(read_slots(studio.engine()), [task.name for task in TASKS])
        partition, retake = context.partition_key, config.retake
        jobs = read_listings(storage, partition, versions, retake, ANALYSES)
        made = run_batch(context, studio, config.rules(settings), jobs)
    yield dg.MaterializeResult(
        metadata=show_analysis.analysis_metadata(made, storage, config.pages(settings)),
        check_results=[
            all_completed(made),
            show.no_photo_failed(made),
            show_analysis.all_models_answered(made),
        ],
    )
    fail_if_short(made)


analyze_listings = dg.define_asset_job(
    "analyze_listings",
    selection=dg.AssetSelection.assets(analyzed_listings),
    description="The photos of a day's listings, analysed behind what people wait for.",
    executor_def=dg.in_process_executor,
    tags=JOB_TAGS,
)

classify_listings = dg.define_asset_job(
    "classify_listings",
    selection=dg.AssetSelection.assets(classified_listings),
    description="The photos of a day's listings, classified behind what people wait for.",
    executor_def=dg.in_process_executor,
    tags=JOB_TAGS,
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
