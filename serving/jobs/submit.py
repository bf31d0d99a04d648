"""How work is accepted: the row, its event and its place in the queue in one transaction."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, DateTime, Engine, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from serving.db.status import JobStatus
from serving.db.tables import Job, Json
from serving.errors import KeyReused, QueueFull
from serving.jobs.events import record
from serving.jobs.kinds import Kind
from serving.jobs.queue import wake_for_job
from serving.jobs.uploads import claim_uploads

_RETRY_WHEN_FULL_S = 10.0


@dataclass(frozen=True)
class NewJob:
    """Work that a client asks for.

    Attributes
    ----------
    priority : more is sooner; 0 is usual, above it what somebody waits for, below it bulk
    run_at : not before; None, or a time that is over: at once
    request_id : of the request that asks, for the job's history
    resolved : what the input names without saying which, as it is now; a request that is repeated
        later is the same one all the same
    """

    kind: Kind
    input: Json
    client: str
    listing_id: str | None = None
    priority: int = 0
    idempotency_key: str | None = None
    run_at: datetime | None = None
    traceparent: str | None = None
    request_id: str | None = None
    resolved: Json | None = None


@dataclass(frozen=True)
class Accepted:
    """The job that was made, or that this key made before."""

    job_id: UUID
    created: bool


def submit(engine: Engine, new: NewJob, max_queued: int | None) -> Accepted:
    """Accept the job; after this returns it is never lost.

    Parameters
    ----------
    max_queued : None: it is accepted however many wait

    Raises
    ------
    KeyReused
        The client used this idempotency key for another request.
    QueueFull
        `max_queued` jobs are waiting in that queue.
    ObjectNotFound
        It names an upload of another client.
    """
    with engine.begin() as connection:
        return submit_within(connection, new, max_queued)


def submit_within(connection: Connection, new: NewJob, max_queued: int | None) -> Accepted:
    """Accept the job with the transaction that it belongs to; as `submit`."""
    body_sha256 = hash_request(new)
    if new.idempotency_key is not None:
        known = _find(connection, new, body_sha256)
        if known is not None:
            return Accepted(known, created=False)
    if max_queued is not None:
        _check_room(connection, new.kind.queue, max_queued)
    job_id = _insert(connection, new, body_sha256)
    if job_id is None:  # the same key came twice at the same time, and the other was first
        known = _find(connection, new, body_sha256)
        assert known is not None
        return Accepted(known, created=False)
    claim_uploads(connection, new.client, new.input, job_id)
    record(connection, job_id, 0, "accepted", _accepted(new))
    entry = wake_for_job(connection, job_id, new.kind.queue, new.priority, new.run_at)
    connection.execute(update(Job).where(Job.id == job_id).values(queue_job_id=entry))
    return Accepted(job_id, created=True)


def _accepted(new: NewJob) -> Json:
    asked_by = {"request_id": new.request_id} if new.request_id else {}
    return {"priority": new.priority} | asked_by


def hash_request(new: NewJob) -> str:
    """Return the SHA-256 of a request, by which a repeated one is recognised.

    Priority and time count where they are not the usual ones, so that a request without them is
    known by the same hash as ever.
    """
    asked: list[object] = [new.kind.type, new.input, new.listing_id]
    if new.priority or new.run_at:
        asked.append([new.priority, new.run_at and new.run_at.astimezone(UTC).isoformat()])
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _insert(connection: Connection, new: NewJob, body_sha256: str) -> UUID | None:
    return connection.scalar(
        insert(Job)
        .values(
            id=uuid4(),
            type=new.kind.type,
            queue=new.kind.queue,
            input=new.input | (new.resolved or {}),
            priority=new.priority,
            client=new.client,
            listing_id=new.listing_id,
            idempotency_key=new.idempotency_key,
            body_sha256=body_sha256,
            traceparent=new.traceparent,
            run_at=_not_over(new.run_at),
        )
        .on_conflict_do_nothing(index_elements=["client", "idempotency_key"])
        .returning(Job.id)
    )


def _not_over(run_at: datetime | None) -> ColumnElement[datetime]:
    """Return when the job may run: from before it was asked for, nobody has waited for it."""
    return func.greatest(func.now(), literal(run_at, DateTime(timezone=True)))


def _find(connection: Connection, new: NewJob, body_sha256: str) -> UUID | None:
    row = connection.execute(
        select(Job.id, Job.body_sha256).where(
            Job.client == new.client, Job.idempotency_key == new.idempotency_key
        )
    ).first()
    if row is None:
        return None
    if row.body_sha256 != body_sha256:
        raise KeyReused(new.idempotency_key or "")
    return row.id  # type: ignore[no-any-return]


def _check_room(connection: Connection, queue: str, max_queued: int) -> None:
    waiting = (
        select(Job.id).where(Job.queue == queue, Job.status == JobStatus.PENDING).limit(max_queued)
    ).subquery()
    count = connection.scalar(select(func.count()).select_from(waiting)) or 0
    if count >= max_queued:
        raise QueueFull(f"{count:,} jobs are waiting in the queue '{queue}'", _RETRY_WHEN_FULL_S)
