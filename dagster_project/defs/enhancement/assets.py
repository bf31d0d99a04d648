"""Better photos of many listings at once, by the usual workers.

One job for each listing goes into the workers' queue behind what people wait for, and the backend
is called back as for any other.
"""

from collections.abc import Iterator

import dagster as dg

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
from dagster_project.defs.enhancement import show
from dagster_project.defs.enhancement.manifest import ASKED, read_enhancement
from dagster_project.defs.listings.manifest import champions
from dagster_project.studio import Studio
from serving.models.slots import read_slots

_NAME = "enhanced_listings"


@dg.asset(
    group_name="listings",
    kinds={"postgres", "opencv"},
    partitions_def=DAYS,
    retry_policy=RETRIES,
    check_specs=[
        dg.AssetCheckSpec("all_completed", asset=_NAME, description=COMPLETED),
        dg.AssetCheckSpec(
            "no_photo_failed", asset=_NAME, description="Every photo could be worked on."
        ),
        dg.AssetCheckSpec(
            "none_worse",
            asset=_NAME,
            description="No photo is held for worse than it came, by the model that judges.",
        ),
    ],
)
def enhanced_listings(
    context: dg.AssetExecutionContext, config: Batch, studio: Studio
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg] # no [None] beside checks
    """Better files of the photos of `batches/enhancement/{day}.json`; workers make them as bulk."""
    settings, storage = studio.settings(), studio.storage()
    with final_errors():
        judges = champions(read_slots(studio.engine()), ASKED)
        jobs = read_enhancement(storage, context.partition_key, judges, config.retake)
        made = run_batch(context, studio, config.rules(settings), jobs)
    yield dg.MaterializeResult(
        metadata=show.enhancement_metadata(made, storage, config.pages(settings)),
        check_results=[all_completed(made), show.no_photo_failed(made), show.none_worse(made)],
    )
    fail_if_short(made)


enhance_listings = dg.define_asset_job(
    "enhance_listings",
    selection=dg.AssetSelection.assets(enhanced_listings),
    description="The photos of a day's listings made better, behind what people wait for.",
    executor_def=dg.in_process_executor,
    tags=JOB_TAGS,
)
