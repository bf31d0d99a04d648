"""How an asset runs a batch of jobs by the usual workers, whatever they make."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import dagster as dg
from pydantic import Field

from dagster_project.batches.bulk import BulkJob, Interrupted, Outcome, Rules, Unfinished, run_bulk
from dagster_project.batches.interrupts import INTERRUPTS
from dagster_project.batches.metadata import PageOf
from dagster_project.studio import Studio
from serving.access.links import LinkSigner, path_of
from serving.db.status import JobStatus
from serving.errors import BadInput
from serving.settings import Settings

# one file a day: 100,000 partitions, Dagster's limit, would be 273 years
DAYS = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_offset=1)
# the database or the storage was away; what is done stays done, and is awaited, not repeated
RETRIES = dg.RetryPolicy(max_retries=4, delay=15, backoff=dg.Backoff.EXPONENTIAL)
# The step only waits: a process of its own would cost seconds. A little longer than the batch may.
JOB_TAGS = {"dagster/max_runtime": "28800"}
COMPLETED = "Every job of the batch was completed."
_NAMED = 10  # listings, in a sentence


class Batch(dg.Config):
    """How a batch is run."""

    time_limit_s: float = Field(6 * 3600.0, gt=0, description="then the run fails; jobs go on")
    poll_s: float = Field(5.0, gt=0, description="between two looks at the jobs")
    retake: int = Field(0, ge=0, description="raise it to make everything anew, cancelled jobs too")
    gateway_url: str = Field("http://127.0.0.1:3000", description="where jobs' pages are opened")

    def rules(self, settings: Settings) -> Rules:
        """Leave half of the queue to those who are not a batch."""
        return Rules(max(1, settings.max_queued // 2), self.time_limit_s, self.poll_s)

    def pages(self, settings: Settings) -> PageOf:
        """Return what makes links to jobs' pages, signed where the settings have a secret."""
        signer, base = LinkSigner.of(settings), self.gateway_url.rstrip("/")

        def page_of(job_id: UUID) -> str:
            return base + (signer.page(job_id, time.time()) or f"{path_of(job_id)}/page")

        return page_of


@contextmanager
def final_errors() -> Iterator[None]:
    """Let what no retry mends fail at once, in its own words.

    Dagster tries a step again that was interrupted, also where somebody terminated its run.
    """
    try:
        yield
    except INTERRUPTS as error:
        raise dg.Failure("the run was interrupted", allow_retries=False) from error
    except (BadInput, Unfinished, Interrupted) as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def run_batch(
    context: dg.AssetExecutionContext, studio: Studio, rules: Rules, jobs: Sequence[BulkJob]
) -> list[Outcome]:
    """Submit the jobs and await them; those of a run that somebody terminates are cancelled."""

    def is_terminated() -> bool:
        run = context.instance.get_run_by_id(context.run.run_id)
        return run is not None and run.status is dg.DagsterRunStatus.CANCELING

    return run_bulk(studio.engine(), jobs, rules, context.log.info, is_terminated)


def fail_if_short(made: Sequence[Outcome]) -> None:
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
