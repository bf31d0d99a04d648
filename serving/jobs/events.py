"""The events of a job, in order; whoever follows it is notified at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine, func, insert, select

from serving.db.tables import Job, JobEvent, Json

CHANNEL = "jobs"


@dataclass(frozen=True)
class Event:
    """One line of a job's history."""

    id: int
    attempt: int
    kind: str
    data: Json
    at: datetime


@dataclass(frozen=True)
class JobSnapshot:
    """Where a job stands, and its events after a given one."""

    status: str
    progress: Json | None
    events: tuple[Event, ...]


def record(
    connection: Connection, job_id: UUID, attempt: int, kind: str, data: Json | None = None
) -> None:
    """Add an event to the job's history and notify its followers, once this is committed."""
    connection.execute(
        insert(JobEvent).values(job_id=job_id, attempt=attempt, kind=kind, data=data or {})
    )
    notify_watchers(connection, job_id)


def notify_watchers(connection: Connection, job_id: UUID) -> None:
    """Notify those who follow the job, once this is committed."""
    connection.execute(select(func.pg_notify(CHANNEL, str(job_id))))


def read_events(connection: Connection, job_id: UUID, after: int = 0) -> Sequence[Event]:
    """Return the job's events whose id is above `after`, oldest first."""
    rows = connection.execute(
        select(JobEvent.id, JobEvent.attempt, JobEvent.kind, JobEvent.data, JobEvent.at)
        .where(JobEvent.job_id == job_id, JobEvent.id > after)
        .order_by(JobEvent.id)
    )
    return [Event(*row) for row in rows]


def read_snapshot(engine: Engine, job_id: UUID, after: int = 0) -> JobSnapshot:
    """Return where the job stands, and its events whose id is above `after`."""
    with engine.connect() as connection:
        # the status first: a job seen as ended shows all its events
        status, progress = connection.execute(
            select(Job.status, Job.progress).where(Job.id == job_id)
        ).one()
        events = tuple(read_events(connection, job_id, after))
        return JobSnapshot(status, progress, events)
