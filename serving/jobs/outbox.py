"""The outbox: callbacks to the backend, written in the transaction of the change they report.

A terminal event is owed until it was delivered. It supersedes the job's progress that was not:
nobody hears of half a job after its end, and no progress that cannot be delivered stands before
it.
"""

from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import Connection, func, update
from sqlalchemy.dialects.postgresql import insert

from serving.db.engine import database_time
from serving.db.status import DeliveryStatus, JobStatus
from serving.db.tables import Job, Json, WebhookDelivery
from serving.jobs.kinds import JOB_FAILED, MODEL_ALERT, TEST, Kind, kind_of
from serving.jobs.queue import wake_for_delivery

_REPLAYABLE = (DeliveryStatus.DEAD, DeliveryStatus.REFUSED, DeliveryStatus.DELIVERED)


@dataclass(frozen=True)
class Ended:
    """How a job came to its end, as its row says."""

    job_id: UUID
    type: str
    status: str
    attempt: int
    listing_id: str | None
    result: Json | None
    error: Json | None
    traceparent: str | None


def enqueue_terminal_event(connection: Connection, ended: Ended) -> None:
    """Enqueue the callback of the job's end; its undelivered progress is superseded.

    Nothing is enqueued where the job's kind says so: it is ours alone, or nothing came of it.
    """
    _supersede_progress(connection, ended.job_id)
    done = ended.status == JobStatus.COMPLETED
    event = _terminal_event(kind_of(ended.type), done, ended.result or {})
    if event is None:
        return
    data: Json = {
        "job_id": str(ended.job_id),
        "type": ended.type,
        "status": ended.status,
        "listing_id": ended.listing_id,
        "attempt": ended.attempt,
    }
    data |= {"result": ended.result} if done else {"error": ended.error}
    _enqueue(
        connection,
        ended.job_id,
        # one per end: a second try of the same write is no second event
        f"msg_{ended.job_id.hex}_{ended.attempt}",
        event,
        data,
        terminal=True,
        traceparent=ended.traceparent,
    )


def _terminal_event(kind: Kind, done: bool, result: Json) -> str | None:
    if kind.completed is None or (done and kind.told_if and not result.get(kind.told_if)):
        return None
    return kind.completed if done else JOB_FAILED


def enqueue_progress_event(connection: Connection, job: Job, progress: Json) -> None:
    """Enqueue a callback with the job's progress; earlier undelivered progress is superseded."""
    event = kind_of(job.type).progress
    if event is None:
        return
    _supersede_progress(connection, job.id)
    data: Json = {
        "job_id": str(job.id),
        "type": job.type,
        "status": JobStatus.PROCESSING,
        "listing_id": job.listing_id,
        "attempt": job.attempt,
        "progress": progress,
    }
    _enqueue(
        connection,
        job.id,
        f"msg_{uuid4().hex}",
        event,
        data,
        terminal=False,
        traceparent=job.traceparent,
    )


def enqueue_test_event(connection: Connection, client: str) -> str:
    """Enqueue an event without meaning, to test the backend's receiver; return its id."""
    delivery_id = f"msg_{uuid4().hex}"
    data: Json = {"client": client, "message": "a test of your webhook receiver: nothing happened"}
    _enqueue(connection, None, delivery_id, TEST, data, terminal=True, traceparent=None)
    return delivery_id


def enqueue_model_alert(connection: Connection, about: str, data: Json) -> None:
    """Enqueue what people should hear of a model; once for whatever `about` names."""
    delivery_id = f"msg_model_{about}"
    _enqueue(connection, None, delivery_id, MODEL_ALERT, data, terminal=True, traceparent=None)


def replay(connection: Connection, delivery_id: str) -> bool:
    """Enqueue an ended delivery again under its old id; return whether there was one."""
    row = connection.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.id == delivery_id,
            WebhookDelivery.status.in_(_REPLAYABLE),
        )
        .values(status=DeliveryStatus.PENDING, attempt=0, run_at=func.now(), updated_at=func.now())
        .returning(WebhookDelivery.terminal)
    ).first()
    if row is None:
        return False
    _queue(connection, delivery_id, row.terminal)
    return True


def _supersede_progress(connection: Connection, job_id: UUID) -> None:
    connection.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.job_id == job_id,
            WebhookDelivery.terminal.is_(False),
            WebhookDelivery.status == DeliveryStatus.PENDING,
        )
        .values(status=DeliveryStatus.SUPERSEDED, updated_at=func.now())
    )


def _enqueue(  # noqa: PLR0913 - what a delivery consists of
    connection: Connection,
    job_id: UUID | None,
    delivery_id: str,
    event: str,
    data: Json,
    *,
    terminal: bool,
    traceparent: str | None,
) -> None:
    payload = {"type": event, "timestamp": database_time(connection).isoformat(), "data": data}
    made = connection.scalar(
        insert(WebhookDelivery)
        .values(
            id=delivery_id,
            job_id=job_id,
            event=event,
            payload=payload,
            terminal=terminal,
            traceparent=traceparent,
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(WebhookDelivery.id)
    )
    if made is not None:
        _queue(connection, delivery_id, terminal)


def _queue(connection: Connection, delivery_id: str, terminal: bool) -> None:
    entry = wake_for_delivery(connection, delivery_id, terminal)
    connection.execute(
        update(WebhookDelivery).where(WebhookDelivery.id == delivery_id).values(queue_job_id=entry)
    )
