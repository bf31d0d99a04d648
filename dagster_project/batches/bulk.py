"""Many jobs put into the workers' queue at once, behind what people wait for, and awaited."""

import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Engine, Uuid, any_, literal, select

from dagster_project.batches.interrupts import noted_interrupts
from serving.db.status import LIVE_JOB, JobStatus
from serving.db.tables import Job, Json
from serving.errors import BadInput, QueueFull, StudioError
from serving.jobs import manage
from serving.jobs.kinds import Kind
from serving.jobs.submit import NewJob, submit

log = logging.getLogger(__name__)

CLIENT, PRIORITY = "batch", -50
_AT_ONCE = 200  # jobs submitted before the batch is looked at again


@dataclass(frozen=True)
class BulkJob:
    """One job of a batch.

    Attributes
    ----------
    idempotency_key : of all that shapes its result: asked for again, it is the same job
    """

    kind: Kind
    input: Json
    listing_id: str
    idempotency_key: str


@dataclass(frozen=True)
class Rules:
    """How a batch behaves beside everything else.

    Attributes
    ----------
    max_queued : the batch adds nothing while so many jobs wait in the queue
    time_limit_s : from the first job submitted to the last one's end
    """

    max_queued: int
    time_limit_s: float
    poll_s: float = 5.0


@dataclass(frozen=True)
class Outcome:
    """How one job ended: completed, failed or cancelled.

    Attributes
    ----------
    known : it had been asked for before, with the same key
    """

    job_id: UUID
    listing_id: str
    status: str
    result: Json = field(default_factory=dict)
    error: Json = field(default_factory=dict)
    known: bool = False


class Interrupted(StudioError):
    """The run is to end before its batch has."""

    def __init__(self, why: str, open_: int, cancelled: int | None = None) -> None:
        jobs = (
            f"its {open_:,} open jobs go on: run this partition again to await them"
            if cancelled is None
            else f"its {cancelled:,} open jobs are cancelled; raise `retake` to make them after all"
        )
        super().__init__(f"{why}; {jobs}")


class Unfinished(StudioError):
    """The time limit passed; the jobs go on, and the batch can be awaited again."""

    def __init__(self, open_: int, total: int, time_limit_s: float) -> None:
        super().__init__(
            f"{open_:,} of {total:,} jobs have not ended after {time_limit_s:,.0f} s; they go on: "
            "run this partition again to await them"
        )


def run_bulk(
    engine: Engine,
    jobs: Sequence[BulkJob],
    rules: Rules,
    report: Callable[[str], object],
    is_terminated: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Submit the jobs and wait until each has ended; return their outcomes in the order given.

    A job that was submitted before is not submitted again; one that failed then is run again.

    Parameters
    ----------
    report : is given a line of text whenever the batch has got further
    is_terminated : says, when this is interrupted, whether somebody terminated the run; otherwise
        this host goes down, and the jobs go on

    Raises
    ------
    Unfinished
        If the time limit passes first.
    Interrupted
        If the run is to end meanwhile; where somebody terminated it, so are the jobs.
    """
    batch = _Batch(engine, jobs)
    until, reported = time.monotonic() + rules.time_limit_s, ""
    with noted_interrupts() as interrupted:
        while not interrupted.is_set():
            stuck = batch.submit_more(rules.max_queued)
            batch.look()
            if (line := batch.line()) != reported:
                report(reported := line)
            if not batch.open:
                return batch.outcomes()
            if time.monotonic() >= until:
                raise Unfinished(batch.open, batch.total, rules.time_limit_s)
            interrupted.wait(rules.poll_s if stuck else 0)
    raise _interrupted(batch, is_terminated)


def _interrupted(batch: "_Batch", is_terminated: Callable[[], bool]) -> Interrupted:
    """Cancel the jobs of a run that somebody terminated; return what to say of it."""
    try:
        cancelled = batch.cancel() if is_terminated() else None
    except Exception as error:  # anything else that is raised now would be another try
        log.exception("an interrupted batch")
        return Interrupted(f"the run was interrupted, and then: {error}", batch.open)
    why = "the run was interrupted" if cancelled is None else "the run was terminated"
    return Interrupted(why, batch.open, cancelled)


class _Batch:
    def __init__(self, engine: Engine, jobs: Sequence[BulkJob]) -> None:
        self._engine = engine
        self._waiting = deque(jobs)
        self._listings: dict[UUID, str] = {}
        self._known: set[UUID] = set()
        self._status: dict[UUID, str] = {}

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self._waiting) + len(self._status)

    @property
    def open(self) -> int:
        """How many have not ended."""
        return len(self._waiting) + sum(status in LIVE_JOB for status in self._status.values())

    def submit_more(self, max_queued: int) -> bool:
        """Submit some jobs; say whether there are no more, or the queue holds enough."""
        for _ in range(min(_AT_ONCE, len(self._waiting))):
            try:
                self._submit(self._waiting[0], max_queued)
            except QueueFull:
                return True
            self._waiting.popleft()
        return not self._waiting

    def _submit(self, job: BulkJob, max_queued: int) -> None:
        new = NewJob(
            kind=job.kind,
            input=job.input,
            client=CLIENT,
            listing_id=job.listing_id,
            priority=PRIORITY,
            idempotency_key=job.idempotency_key,
        )
        accepted = submit(self._engine, new, max_queued)
        if not accepted.created:
            self._known.add(accepted.job_id)
            # what else it may be is none of ours: somebody was faster, or it has not failed
            with contextlib.suppress(BadInput):
                manage.redrive(self._engine, accepted.job_id)
        self._listings[accepted.job_id] = job.listing_id
        self._status[accepted.job_id] = JobStatus.PENDING

    def cancel(self) -> int:
        """Cancel what has not ended, and submit no more; return how many that were."""
        self.look()
        live = [job_id for job_id, status in self._status.items() if status in LIVE_JOB]
        cancelled = len(live) + len(self._waiting)
        self._waiting.clear()
        for job_id in live:
            manage.cancel(self._engine, job_id)
        return cancelled

    def look(self) -> None:
        """Read where the jobs that have not ended stand."""
        live = [job_id for job_id, status in self._status.items() if status in LIVE_JOB]
        found = select(Job.id, Job.status).where(_among(live))
        with self._engine.connect() as connection:
            self._status.update(row._tuple() for row in connection.execute(found))

    def line(self) -> str:
        """Say how far the batch is."""
        counts = Counter(self._status.values())
        total = self.total
        ended = total - self.open
        parts = [
            f"{counts[name]:,} {word}"
            for name, word in (
                (JobStatus.FAILED, JobStatus.FAILED),
                (JobStatus.CANCELLED, JobStatus.CANCELLED),
                (JobStatus.PROCESSING, "being made"),
                (JobStatus.PENDING, "in the queue"),
            )
            if counts[name]
        ]
        parts += [f"{len(self._waiting):,} held back"] if self._waiting else []
        details = f": {', '.join(parts)}" if parts else ""
        return f"{ended:,} of {total:,} jobs have ended{details}"

    def outcomes(self) -> list[Outcome]:
        """Return how each ended, in the order submitted."""
        rows = select(Job.id, Job.status, Job.result, Job.error).where(_among(list(self._listings)))
        with self._engine.connect() as connection:
            found = {row.id: row for row in connection.execute(rows)}
        return [
            Outcome(
                job_id, listing, found[job_id].status, found[job_id].result or {},
                found[job_id].error or {}, job_id in self._known,
            )
            for job_id, listing in self._listings.items()
        ]  # fmt: skip


def _among(ids: list[UUID]) -> ColumnElement[bool]:
    """One parameter, however many ids there are: PostgreSQL takes no more than 65,535."""
    return Job.id == any_(literal(ids, ARRAY(Uuid)))
