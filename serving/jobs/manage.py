"""What clients and operators do with jobs: read, list, cancel, run a failed one again."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine, func, select, tuple_, update
from sqlalchemy.orm import Session as Database

from serving.db.status import JobStatus
from serving.db.tables import Job
from serving.errors import BadInput, UnknownJob
from serving.jobs.attempts import CANCELLED, close
from serving.jobs.events import record
from serving.jobs.queue import abort, wake_for_job


@dataclass(frozen=True)
class Filter:
    """Which jobs to list; a field that is None does not restrict them."""

    client: str | None = None
    status: str | None = None
    type: str | None = None
    listing_id: str | None = None


@dataclass(frozen=True)
class Page:
    """Some jobs, newest first, and where the next ones begin; None: there are no more."""

    jobs: Sequence[Job]
    next_cursor: str | None


def read_job(engine: Engine, job_id: UUID, client: str | None = None) -> Job:
    """Return the job; UnknownJob if there is none, or it is another client's."""
    with Database(engine) as database:
        job = database.get(Job, job_id)
        if job is None or (client is not None and job.client != client):
            raise UnknownJob(job_id)
        database.expunge(job)
        return job


def list_jobs(engine: Engine, wanted: Filter, limit: int, cursor: str | None = None) -> Page:
    """Return up to `limit` jobs, newest first, from `cursor` on; BadInput if it is not one."""
    statement = select(Job).order_by(Job.created_at.desc(), Job.id.desc()).limit(limit + 1)
    for column in ("client", "status", "type", "listing_id"):
        value = getattr(wanted, column)
        if value is not None:
            statement = statement.where(getattr(Job, column) == value)
    if cursor is not None:
        statement = statement.where(tuple_(Job.created_at, Job.id) < read_cursor(cursor))
    with Database(engine) as database:
        jobs = database.scalars(statement).all()
        database.expunge_all()
    more = len(jobs) > limit
    jobs = jobs[:limit]
    return Page(jobs, write_cursor(jobs[-1].created_at, jobs[-1].id) if more else None)


def cancel(engine: Engine, job_id: UUID, client: str | None = None) -> Job:
    """Cancel the job: at once while it waits, soon while it runs, not at all once it has ended.

    Returns
    -------
    The job as it then stands; `cancel_requested` while a worker still has to notice.
    """
    with engine.begin() as connection:
        row = _lock(connection, job_id, client)
        if row.status == JobStatus.PENDING:
            close(
                connection, job_id, row.attempt, JobStatus.CANCELLED, result=None, error=CANCELLED
            )
        elif row.status == JobStatus.PROCESSING and not row.cancel_requested:
            connection.execute(
                update(Job)
                .where(Job.id == job_id)
                .values(cancel_requested=True, updated_at=func.now())
            )
            record(connection, job_id, row.attempt, "cancel_requested")
            if row.queue_job_id is not None:
                abort(connection, row.queue_job_id)
    return read_job(engine, job_id)


def redrive(engine: Engine, job_id: UUID) -> Job:
    """Run a failed job again, from what it has made so far; BadInput if it has not failed."""
    with engine.begin() as connection:
        row = _lock(connection, job_id, None)
        if row.status != JobStatus.FAILED:
            raise BadInput(f"job {job_id} is {row.status}; only a failed one can be run again")
        entry = wake_for_job(connection, job_id, row.queue, row.priority)
        connection.execute(
            update(Job)
            .where(Job.id == job_id)
            .values(
                status=JobStatus.PENDING,
                # also the fence of what it ends with: another end, another event
                attempt=Job.attempt + 1,
                failures=0,
                losses=0,
                reached=None,
                error=None,
                cancel_requested=False,
                completed_at=None,
                run_at=func.now(),
                queue_job_id=entry,
                updated_at=func.now(),
            )
        )
        record(connection, job_id, row.attempt + 1, "redriven")
    return read_job(engine, job_id)


def _lock(connection: Connection, job_id: UUID, client: str | None):  # type: ignore[no-untyped-def]
    columns = (
        Job.client,
        Job.status,
        Job.attempt,
        Job.queue,
        Job.priority,
        Job.cancel_requested,
        Job.queue_job_id,
    )
    row = connection.execute(select(*columns).where(Job.id == job_id).with_for_update()).first()
    if row is None or (client is not None and row.client != client):
        raise UnknownJob(job_id)
    return row


def write_cursor(at: datetime, row_id: UUID) -> str:
    """Return the cursor of the page that begins after a row of that time and id."""
    text = json.dumps([at.isoformat(), str(row_id)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Return the time and id in a cursor of `write_cursor`; BadInput if it is not one."""
    try:
        at, job_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return datetime.fromisoformat(at), UUID(job_id)
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise BadInput("the cursor is not one that a list returned") from error
