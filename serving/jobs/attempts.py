"""A worker's attempt at a job: started, reported on, ended. Every write names its attempt.

The attempt is the fence. A worker that was thought dead and comes back finds that its attempt is
over: nothing it writes has any effect. Each function is one transaction, and repeating it after
its answer was lost changes nothing.
"""

import random
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session as Database

from serving.db.engine import database_time
from serving.db.status import LIVE_JOB, JobStatus
from serving.db.tables import Job, Json
from serving.errors import Cancelled, Overtaken
from serving.jobs.events import notify_watchers, record
from serving.jobs.outbox import Ended, enqueue_progress_event, enqueue_terminal_event
from serving.jobs.queue import wake_again, wake_for_job


@dataclass(frozen=True)
class Retries:
    """How often, and how soon, a transient error is tried again."""

    failures: int
    first_s: float
    longest_s: float

    def delay_s(self, failures: int) -> float:
        """Return how long to wait after so many failures: doubled each time, half of it random.

        The random half keeps jobs that failed together from coming back together ("equal jitter",
        M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog 2015).
        """
        whole = min(self.longest_s, self.first_s * 2.0 ** (failures - 1))
        return whole / 2 + random.uniform(0, whole / 2)


def take(engine: Engine, job_id: UUID, worker_id: UUID) -> Job | None:
    """Start a new attempt; None if the job is not waiting, or not due yet."""
    with Database(engine, expire_on_commit=False) as database, database.begin():
        job = database.scalar(
            update(Job)
            .where(Job.id == job_id, Job.status == JobStatus.PENDING, Job.run_at <= func.now())
            .values(
                status=JobStatus.PROCESSING,
                attempt=Job.attempt + 1,
                worker_id=worker_id,
                started_at=func.coalesce(Job.started_at, func.now()),
                updated_at=func.now(),
            )
            .returning(Job)
        )
        if job is not None:
            connection = database.connection()
            record(connection, job_id, job.attempt, "started", {"worker": str(worker_id)})
        return job


def pin(engine: Engine, job: Job, versions: Json, anew: bool = False) -> Json:
    """Keep the model versions that the first attempt found; return those that hold.

    Parameters
    ----------
    anew : what is pinned already was taken back, and is replaced
    """
    held, found = func.coalesce(Job.versions, text("'{}'")), literal(versions, JSONB)
    with engine.begin() as connection:
        pinned = connection.scalar(
            update(Job)
            .where(*_fence(job))
            # the right side wins: what is pinned already stays
            .values(versions=held + found if anew else found + held)
            .returning(Job.versions)
        )
    if pinned is None:
        raise Overtaken(f"another attempt has job {job.id}")
    return dict(pinned)


def report_progress(engine: Engine, job: Job, progress: Json) -> None:
    """Store the attempt's progress and enqueue its callback.

    Raises
    ------
    Cancelled, Overtaken
        The attempt is to end.
    """
    with engine.begin() as connection:
        row = connection.execute(
            update(Job)
            .where(*_fence(job))
            .values(progress=progress, updated_at=func.now())
            .returning(Job.cancel_requested)
        ).first()
        if row is None:
            raise Overtaken(f"another attempt has job {job.id}")
        if row.cancel_requested:
            raise Cancelled(f"job {job.id} was cancelled")
        notify_watchers(connection, job.id)
        enqueue_progress_event(connection, job, progress)


def tell(engine: Engine, job: Job, kind: str, data: Json) -> None:
    """Add an event to the job's history, for whoever follows it; Overtaken if it is another's."""
    with engine.begin() as connection:
        mine = connection.execute(select(Job.id).where(*_fence(job)).with_for_update()).first()
        if mine is None:
            raise Overtaken(f"another attempt has job {job.id}")
        record(connection, job.id, job.attempt, kind, data)


def complete(engine: Engine, job: Job, result: Json) -> None:
    """End the job as completed; Overtaken if it is no longer this attempt's."""
    _end(engine, job, JobStatus.COMPLETED, result=result, error=None)


def fail(engine: Engine, job: Job, error: Json) -> None:
    """End the job as failed; Overtaken if it is no longer this attempt's."""
    _end(engine, job, JobStatus.FAILED, result=None, error=error)


def end_cancelled(engine: Engine, job: Job) -> None:
    """End the job as cancelled; Overtaken if it is no longer this attempt's."""
    _end(engine, job, JobStatus.CANCELLED, result=None, error=CANCELLED)


CANCELLED: Json = {"title": "Cancelled", "detail": "the job was cancelled", "reason": "cancelled"}


def retry(engine: Engine, job: Job, error: Json, retries: Retries) -> float | None:
    """Let the job wait for another attempt after a transient error; None if it was the last.

    Returns
    -------
    Seconds until the next attempt.
    """
    failures = job.failures + 1
    if failures >= retries.failures:
        fail(engine, job, error | {"failures": failures})
        return None
    delay_s = retries.delay_s(failures)
    with engine.begin() as connection:
        _wait_again(connection, job, delay_s, failures=failures)
        data = {"error": error, "again_in_s": round(delay_s, 1)}
        record(connection, job.id, job.attempt, "will_retry", data)
    return delay_s


def hand_back(engine: Engine, job: Job) -> None:
    """Give up the attempt because this worker is shutting down; another may begin at once."""
    with engine.begin() as connection:
        _wait_again(connection, job, 0.0, failures=job.failures)
        record(connection, job.id, job.attempt, "handed_back")


def _wait_again(connection: Connection, job: Job, delay_s: float, failures: int) -> None:
    place = connection, job.id, job.queue, job.priority
    run_at = database_time(connection, delay_s) if delay_s else None
    entry = wake_for_job(*place, run_at) if run_at else wake_again(*place)
    changed = connection.execute(
        update(Job)
        .where(*_fence(job))
        .values(
            status=JobStatus.PENDING,
            failures=failures,
            run_at=run_at or func.now(),
            queue_job_id=entry,
            worker_id=None,
            updated_at=func.now(),
        )
    )
    if not changed.rowcount:
        raise Overtaken(f"another attempt has job {job.id}")


def _end(engine: Engine, job: Job, status: str, *, result: Json | None, error: Json | None) -> None:
    with engine.begin() as connection:
        ended = close(connection, job.id, job.attempt, status, result=result, error=error)
        if not ended and not _was_ended(connection, job, status):
            raise Overtaken(f"another attempt has job {job.id}")


def close(
    connection: Connection,
    job_id: UUID,
    attempt: int,
    status: str,
    *,
    result: Json | None,
    error: Json | None,
) -> bool:
    """Write a job's only outcome, its event and its callback; False if that attempt has ended."""
    row = connection.execute(
        update(Job)
        .where(Job.id == job_id, Job.attempt == attempt, Job.status.in_(LIVE_JOB))
        .values(
            status=status,
            result=result,
            error=error,
            worker_id=None,
            completed_at=func.now(),
            updated_at=func.now(),
        )
        .returning(Job.type, Job.listing_id, Job.traceparent)
    ).first()
    if row is None:
        return False
    record(connection, job_id, attempt, status, {"error": error} if error else {})
    ended = Ended(job_id, row.type, status, attempt, row.listing_id, result, error, row.traceparent)
    enqueue_terminal_event(connection, ended)
    return True


def _was_ended(connection: Connection, job: Job, status: str) -> bool:
    """Return whether this attempt ended the job so already and the answer was lost."""
    found = connection.scalar(
        select(Job.id).where(Job.id == job.id, Job.attempt == job.attempt, Job.status == status)
    )
    return found is not None


def _fence(job: Job) -> tuple[ColumnElement[bool], ...]:
    return Job.id == job.id, Job.attempt == job.attempt, Job.status == JobStatus.PROCESSING
