"""The history of one job, as it stood at one moment: its events and its callbacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session as Database

from serving.db.tables import Job, WebhookDelivery
from serving.errors import NotAllowed, UnknownJob
from serving.jobs.events import Event, read_events


@dataclass(frozen=True)
class Delivery:
    """What became of a callback so far."""

    id: str
    event: str
    status: str
    attempt: int
    last_status: int | None
    last_error: str | None
    run_at: datetime
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True)
class JobHistory:
    """A job with its events and its callbacks, oldest first."""

    job: Job
    events: Sequence[Event]
    deliveries: Sequence[Delivery]


def read_history(engine: Engine, job_id: UUID, client: str | None = None) -> JobHistory:
    """Return the job's history; UnknownJob if there is none, or it is another client's."""
    columns = [getattr(WebhookDelivery, name) for name in Delivery.__dataclass_fields__]
    # one snapshot: a job that is shown as ended is shown with its end
    connecting = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with connecting as connection, Database(connection) as database:
        job = database.get(Job, job_id)
        if job is None or (client is not None and job.client != client):
            raise UnknownJob(job_id)
        database.expunge(job)
        rows = connection.execute(
            select(*columns)
            .where(WebhookDelivery.job_id == job_id)
            .order_by(WebhookDelivery.created_at, WebhookDelivery.id)
        )
        deliveries = [Delivery(*row) for row in rows]
        return JobHistory(job, read_events(connection, job_id), deliveries)


def read_photo_reference(
    engine: Engine, job_id: UUID, number: int, client: str | None = None
) -> str | None:
    """Return the key or URL of the job's photo of that number, from 0; None if it has no such.

    Parameters
    ----------
    client : whose job it has to be; None for who holds a link, which may be handed on: faces that
        the job hides are not shown to them by the photo as it came

    Raises
    ------
    UnknownJob
        There is no such job, or it is another client's.
    NotAllowed
        A link does not open what the job hides.
    """
    asked = Job.input["photos"][number]  # a name, or more about it
    photo = func.coalesce(asked["photo"].astext, asked.astext)
    with engine.connect() as connection:
        private = Job.input["privacy"].astext.is_not(None)
        row = connection.execute(select(Job.client, photo, private).where(Job.id == job_id)).first()
    if row is None or (client is not None and row.client != client):
        raise UnknownJob(job_id)
    if client is None and row[2]:
        raise NotAllowed("a link does not show photos whose faces are to be hidden as they came")
    return None if row[1] is None else str(row[1])
