"""Films of many listings at once, and clips made ahead, by the usual workers."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.batches.metadata import all_completed
from dagster_project.batches.run import (
    COMPLETED,
    DAYS,
    RETRIES,
    Batch,
    fail_if_short,
    final_errors,
    run_batch,
)
from dagster_project.defs.films import show
from dagster_project.defs.films.manifest import read_clips, read_films
from dagster_project.studio import Studio

GROUP = "films"


@dg.asset(
    group_name=GROUP,
    kinds={"postgres", "ffmpeg"},
    partitions_def=DAYS,
    retry_policy=RETRIES,
    check_specs=[
        dg.AssetCheckSpec("all_completed", asset="listing_films", description=COMPLETED),
        dg.AssetCheckSpec(
            "no_photo_skipped",
            asset="listing_films",
            description="Every photo that was sent could be read.",
        ),
    ],
)
def listing_films(
    context: dg.AssetExecutionContext, config: Batch, studio: Studio
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg] # no [None] beside checks
    """The films that `batches/films/{day}.json` asks for; the workers render them as bulk."""
    settings, storage = studio.settings(), studio.storage()
    with final_errors():
        jobs = read_films(storage, context.partition_key, config.retake)
        made = run_batch(context, studio, config.rules(settings), jobs)
    yield dg.MaterializeResult(
        metadata=show.film_metadata(made, storage, config.pages(settings)),
        check_results=[all_completed(made), show.no_photo_skipped(made)],
    )
    fail_if_short(made)


@dg.asset(
    group_name=GROUP,
    kinds={"postgres", "ffmpeg"},
    partitions_def=DAYS,
    retry_policy=RETRIES,
    check_specs=[dg.AssetCheckSpec("all_completed", asset="warm_clips", description=COMPLETED)],
)
def warm_clips(
    context: dg.AssetExecutionContext, config: Batch, studio: Studio
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg] # no [None] beside checks
    """The clips that `batches/clips/{day}.json` asks for, made before somebody asks for one."""
    settings = studio.settings()
    with final_errors():
        jobs = read_clips(studio.storage(), context.partition_key, config.retake)
        made = run_batch(context, studio, config.rules(settings), jobs)
    yield dg.MaterializeResult(
        metadata=show.clip_metadata(made, config.pages(settings)),
        check_results=[all_completed(made)],
    )
    fail_if_short(made)
