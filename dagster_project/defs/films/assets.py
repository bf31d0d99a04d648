"""Films of many listings at once, and clips made ahead, by the usual workers."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import dagster as dg
from pydantic import Field

from dagster_project.defs.films import show
from dagster_project.defs.films.bulk import (
    BulkJob,
    Interrupted,
    Outcome,
    Rules,
    Unfinished,
    run_bulk,
)
from dagster_project.defs.films.manifest import read_clips, read_films
from dagster_project.defs.resources import Studio
from serving.access.links import LinkSigner, path_of
from serving.db.status import JobStatus
from serving.errors import BadInput
from serving.settings import Settings

GROUP = "films"
# one file a day: 100,000 partitions, Dagster's limit, would be 273 years
DAYS = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_offset=1)
# the database or the storage was away; what is done stays done, and is awaited, not repeated
_AGAIN = dg.RetryPolicy(max_retries=4, delay=15, backoff=dg.Backoff.EXPONENTIAL)
_NAMED = 10  # listings, in a sentence
_COMPLETED = "Every job of the batch was completed."


class Batch(dg.Config):
    """How a batch is run."""

    time_limit_s: float = Field(6 * 3600.0, gt=0, description="then the run fails; jobs go on")
    poll_s: float = Field(5.0, gt=0, description="between two looks at the jobs")
    retake: int = Field(0, ge=0, description="raise it to make everything anew, cancelled jobs too")
    gateway_url: str = Field("http://127.0.0.1:3000", description="where jobs' pages are opened")

    def rules(self, settings: Settings) -> Rules:
        """Leave half of the queue to those who are not a batch."""
        return Rules(max(1, settings.max_queued // 2), self.time_limit_s, self.poll_s)

    def pages(self, settings: Settings) -> show.PageOf:
        """Return what makes links to jobs' pages, signed where the settings have a secret."""
        signer, base = LinkSigner.of(settings), self.gateway_url.rstrip("/")

        def page_of(job_id: UUID) -> str:
            return base + (signer.page(job_id, time.time()) or f"{path_of(job_id)}/page")

        return page_of


@contextmanager
def _final_errors() -> Iterator[None]:
    """Let what no retry mends fail at once, in its own words."""
    try:
        yield
    except (BadInput, Unfinished, Interrupted) as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def _run(
    context: dg.AssetExecutionContext, studio: Studio, rules: Rules, jobs: Sequence[BulkJob]
) -> list[Outcome]:
    def is_terminated() -> bool:
        run = context.instance.get_run_by_id(context.run.run_id)
        return run is not None and run.status is dg.DagsterRunStatus.CANCELING

    return run_bulk(studio.engine(), jobs, rules, context.log.info, is_terminated)


def _fail_if_short(made: Sequence[Outcome]) -> None:
    """Show a batch in which something is missing as failed, once all that could be made is there.

    Not tried again: a job that failed has had its own tries. The same day run again makes those
    that failed, and nothing else.
    """
    short = [outcome for outcome in made if outcome.status != JobStatus.COMPLETED]
    if short:
        names = ", ".join(sorted({outcome.listing_id for outcome in short})[:_NAMED])
        more = ", …" if len({outcome.listing_id for outcome in short}) > _NAMED else ""
        raise dg.Failure(
            f"{len(short):,} of {len(made):,} jobs were not completed, of the listings {names}"
            f"{more}; the others are made. The table «not completed» says why",
            allow_retries=False,
        )


@dg.asset(
    group_name=GROUP,
    kinds={"postgres", "ffmpeg"},
    partitions_def=DAYS,
    retry_policy=_AGAIN,
    check_specs=[
        dg.AssetCheckSpec("all_completed", asset="listing_films", description=_COMPLETED),
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
    with _final_errors():
        jobs = read_films(storage, context.partition_key, config.retake)
        made = _run(context, studio, config.rules(settings), jobs)
    yield dg.MaterializeResult(
        metadata=show.film_metadata(made, storage, config.pages(settings)),
        check_results=[show.all_completed(made), show.no_photo_skipped(made)],
    )
    _fail_if_short(made)


@dg.asset(
    group_name=GROUP,
    kinds={"postgres", "ffmpeg"},
    partitions_def=DAYS,
    retry_policy=_AGAIN,
    check_specs=[dg.AssetCheckSpec("all_completed", asset="warm_clips", description=_COMPLETED)],
)
def warm_clips(
    context: dg.AssetExecutionContext, config: Batch, studio: Studio
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg] # no [None] beside checks
    """The clips that `batches/clips/{day}.json` asks for, made before somebody asks for one."""
    settings = studio.settings()
    with _final_errors():
        jobs = read_clips(studio.storage(), context.partition_key, config.retake)
        made = _run(context, studio, config.rules(settings), jobs)
    yield dg.MaterializeResult(
        metadata=show.clip_metadata(made, config.pages(settings)),
        check_results=[show.all_completed(made)],
    )
    _fail_if_short(made)
