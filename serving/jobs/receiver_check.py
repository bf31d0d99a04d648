"""Sends one test event to the backend, the way that every callback goes, and reports the answer."""

import time
from dataclasses import dataclass

from sqlalchemy import Engine, func, select, update

from serving.db.status import DeliveryStatus
from serving.db.tables import WebhookDelivery
from serving.jobs.outbox import enqueue_test_event

_LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class ReceiverCheck:
    """The outcome of the test event.

    Attributes
    ----------
    delivery_id : the `webhook-id` that the backend saw
    delivered : whether it answered 2xx
    status : what it answered; None: nothing, and `error` says why
    """

    delivery_id: str
    delivered: bool
    status: int | None
    error: str | None
    took_s: float | None


def check_receiver(engine: Engine, client: str, wait_s: float) -> ReceiverCheck:
    """Send a test event through the outbox and return what came back, after one try.

    Parameters
    ----------
    wait_s : for a worker to take it and for the backend to answer
    """
    with engine.begin() as connection:
        delivery_id = enqueue_test_event(connection, client)
    until = time.monotonic() + wait_s
    trial = None
    while trial is None and time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)
        trial = _look(engine, delivery_id)
    _give_up(engine, delivery_id)
    trial = trial or _look(engine, delivery_id)
    nobody = f"no worker sent it within {wait_s:g} s; is one running, with the queue 'webhook'?"
    return trial or ReceiverCheck(delivery_id, False, None, nobody, None)


def _look(engine: Engine, delivery_id: str) -> ReceiverCheck | None:
    """Return the outcome of the first attempt; None while there was none."""
    columns = (
        WebhookDelivery.status == DeliveryStatus.DELIVERED,
        WebhookDelivery.last_status,
        WebhookDelivery.last_error,
        WebhookDelivery.took_s,
    )
    tried = (
        WebhookDelivery.id == delivery_id,
        WebhookDelivery.attempt > 0,
        WebhookDelivery.status != DeliveryStatus.SENDING,
    )
    with engine.connect() as connection:
        row = connection.execute(select(*columns).where(*tried)).first()
    return ReceiverCheck(delivery_id, *row) if row is not None else None


def _give_up(engine: Engine, delivery_id: str) -> None:
    """Stop further attempts: an answer that comes hours later is of no use."""
    waiting = WebhookDelivery.id == delivery_id, WebhookDelivery.status == DeliveryStatus.PENDING
    with engine.begin() as connection:
        connection.execute(
            update(WebhookDelivery)
            .where(*waiting)
            .values(status=DeliveryStatus.SUPERSEDED, updated_at=func.now())
        )
