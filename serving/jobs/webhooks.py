"""Sends the callbacks of the outbox, signed as Standard Webhooks (standardwebhooks.com) has it."""

import asyncio
import logging
import random
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from uuid import UUID

import httpx
from sqlalchemy import (
    ColumnElement,
    Engine,
    SQLColumnExpression,
    Uuid,
    and_,
    case,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session as Database
from sqlalchemy.orm import aliased
from standardwebhooks import Webhook

from serving import traces
from serving.db.engine import database_time
from serving.db.status import ENDED_JOB, DeliveryStatus
from serving.db.tables import Job, WebhookDelivery
from serving.jobs.payloads import write_body
from serving.jobs.queue import wake_for_delivery
from serving.settings import Settings

log = logging.getLogger(__name__)

_GONE = 410
_LONGEST_ANSWER_BYTES = 300


@dataclass(frozen=True)
class Schedule:
    """When a delivery that failed is tried again: 5 s, 20 s, 80 s … a day, each with jitter."""

    first_s: float
    longest_s: float
    attempts: int

    def delay_s(self, attempt: int, retry_after_s: float | None = None) -> float | None:
        """Return how long to wait after that many attempts; None: it is given up.

        A tenth either way is random. `retry_after_s`, as the receiver asked, is the least, and
        what asked for the same is spread over a tenth more.
        """
        if attempt >= self.attempts:
            return None
        # past 4^30 any first wait has long met the longest
        wait_s = min(self.longest_s, self.first_s * 4.0 ** min(attempt - 1, 30))
        asked_s = (retry_after_s or 0.0) * random.uniform(1.0, 1.1)
        return min(self.longest_s, max(wait_s * random.uniform(0.9, 1.1), asked_s))


@dataclass(frozen=True)
class Answer:
    """The outcome of one attempt to deliver."""

    status: int | None
    error: str | None
    retry_after_s: float | None = None
    took_s: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """Posts signed events to the backend; one per process, used from several threads.

    Parameters
    ----------
    url : the backend; events go to `{url}/webhooks/{event}`
    secrets : each signs, so that a receiver knows the old and the new while one is replaced
    max_bytes : of a body; a larger one is sent thin
    """

    def __init__(
        self, url: str, secrets: Sequence[str], timeout_s: float, max_bytes: int = 64 * 2**10
    ) -> None:
        self._url, self._timeout_s, self._max_bytes = url.rstrip("/"), timeout_s, max_bytes
        self._signers = [Webhook(secret) for secret in secrets]
        self._client = httpx.AsyncClient(timeout=None, follow_redirects=False, trust_env=False)
        # A loop of its own: there a whole exchange is given so long and no longer. httpx times each
        # read, so a receiver that sends a byte now and then would never end.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sender", daemon=True)
        self._thread.start()

    def send(self, delivery: WebhookDelivery) -> Answer:
        """Post the event once; an error of the network is described in the answer."""
        # when it was claimed, by the database: receivers refuse what is signed at another time than
        # theirs, and a worker's own clock may be wrong
        exchange = self._exchange(delivery, delivery.updated_at)
        return asyncio.run_coroutine_threadsafe(exchange, self._loop).result()

    async def _exchange(self, delivery: WebhookDelivery, now: datetime) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(delivery, now)
        except TimeoutError:
            return Answer(None, f"no answer within {self._timeout_s:g} s")
        except httpx.HTTPError as error:
            return Answer(None, f"{type(error).__name__}: {error}")
        except Exception as error:
            # whatever it was, it was a try: the delivery must not be left as being sent
            log.exception("the try of %s broke", delivery.id)
            return Answer(None, f"{type(error).__name__}, an internal error")

    async def _post(self, delivery: WebhookDelivery, now: datetime) -> Answer:
        body = write_body(delivery.payload, self._max_bytes)
        url = f"{self._url}/webhooks/{delivery.event}"
        headers = self._headers(delivery, body, now)
        async with self._client.stream("POST", url, content=body, headers=headers) as answer:
            if answer.is_success:
                await anext(answer.aiter_bytes(_LONGEST_ANSWER_BYTES), b"")
                return Answer(answer.status_code, None)
            text = await _read_start(answer)
            said = text[:_LONGEST_ANSWER_BYTES].decode(errors="replace").replace("\0", "")
            return Answer(
                answer.status_code,
                f"{answer.status_code} {answer.reason_phrase}: {said}".strip(": "),
                _retry_after_s(answer.headers, now),
            )

    def _headers(self, delivery: WebhookDelivery, body: str, now: datetime) -> dict[str, str]:
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(
                signer.sign(delivery.id, now, body) for signer in self._signers
            ),
            "user-agent": "listing-studio",
        }
        # the span of this try, within the trace that the job was asked for in
        traceparent = traces.traceparent() or delivery.traceparent
        return headers | ({"traceparent": traceparent} if traceparent else {})

    def close(self) -> None:
        """Close the connections and end the loop; nothing may be on its way."""
        asyncio.run_coroutine_threadsafe(self._client.aclose(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _read_start(answer: httpx.Response) -> bytes:
    """Return the start of a refusal's body; its status counts even if nothing more arrives."""
    try:
        return await anext(answer.aiter_bytes(_LONGEST_ANSWER_BYTES), b"")
    except httpx.HTTPError:
        return b""


def open_sender(settings: Settings) -> Sender | None:
    """Return the sender of callbacks; None while `BACKEND_URL` is not set."""
    if settings.backend_url is None:
        return None
    secrets = [secret.get_secret_value() for secret in settings.webhook_secrets]
    if not secrets:
        log.warning(
            "WEBHOOK_SECRETS is empty: callbacks are not signed, no backend should take them"
        )
    return Sender(
        settings.backend_url, secrets, settings.webhook_timeout_s, settings.webhook_max_bytes
    )


def claim(engine: Engine, delivery_id: str, worker_id: UUID) -> WebhookDelivery | None:
    """Start an attempt; None if the delivery is not waiting, not due yet, or outdated progress."""
    outdated = and_(
        WebhookDelivery.terminal.is_(False),
        _is_outdated(WebhookDelivery.job_id, WebhookDelivery.created_at),
    )
    with Database(engine, expire_on_commit=False) as database, database.begin():
        delivery = database.scalar(
            update(WebhookDelivery)
            .where(
                WebhookDelivery.id == delivery_id,
                WebhookDelivery.status == DeliveryStatus.PENDING,
                WebhookDelivery.run_at <= func.now(),
            )
            .values(
                # a try that died with its worker may come back after the job's end was told
                status=case((outdated, DeliveryStatus.SUPERSEDED), else_=DeliveryStatus.SENDING),
                attempt=WebhookDelivery.attempt + 1,
                worker_id=worker_id,
                updated_at=func.now(),
            )
            .returning(WebhookDelivery)
        )
        sending = delivery is not None and delivery.status == DeliveryStatus.SENDING
        return delivery if sending else None


def settle(
    engine: Engine, delivery: WebhookDelivery, answer: Answer, schedule: Schedule
) -> str | None:
    """Store the outcome of an attempt, and when the next one is due.

    Returns
    -------
    The delivery's new status; None if another try has begun meanwhile.
    """
    status, delay_s = _verdict(delivery, answer, schedule)
    with engine.begin() as connection:
        run_at = database_time(connection, delay_s or 0.0)
        # progress is not worth a second try once something newer is owed
        droppable = status == DeliveryStatus.PENDING and not delivery.terminal
        outdated = _is_outdated(literal(delivery.job_id, Uuid()), literal(delivery.created_at))
        if droppable and connection.scalar(select(outdated)):
            status = DeliveryStatus.SUPERSEDED
        entry = delivery.queue_job_id
        if status == DeliveryStatus.PENDING:
            entry = wake_for_delivery(connection, delivery.id, delivery.terminal, run_at)
        changed = connection.execute(
            update(WebhookDelivery)
            .where(
                WebhookDelivery.id == delivery.id,
                WebhookDelivery.attempt == delivery.attempt,
                WebhookDelivery.status == DeliveryStatus.SENDING,
            )
            .values(
                status=status,
                last_status=answer.status,
                last_error=answer.error,
                took_s=answer.took_s,
                run_at=run_at,
                queue_job_id=entry,
                worker_id=None,
                delivered_at=func.now() if status == DeliveryStatus.DELIVERED else None,
                updated_at=func.now(),
            )
        )
        return status if changed.rowcount else None


def _verdict(
    delivery: WebhookDelivery, answer: Answer, schedule: Schedule
) -> tuple[DeliveryStatus, float | None]:
    if answer.delivered:
        return DeliveryStatus.DELIVERED, None
    if answer.status == _GONE:
        return DeliveryStatus.REFUSED, None
    delay_s = schedule.delay_s(delivery.attempt, answer.retry_after_s)
    return (DeliveryStatus.DEAD, None) if delay_s is None else (DeliveryStatus.PENDING, delay_s)


def _is_outdated(
    job_id: SQLColumnExpression[UUID | None], created_at: SQLColumnExpression[datetime]
) -> ColumnElement[bool]:
    newer = aliased(WebhookDelivery)
    superseded = exists().where(newer.job_id == job_id, newer.created_at > created_at)
    return superseded | exists().where(Job.id == job_id, Job.status.in_(ENDED_JOB))


def _retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read `Retry-After`, seconds or a date (RFC 9110, 10.2.3); None if it is neither.

    A date is by the receiver's clock, and so is its `Date`.
    """
    header = headers.get("retry-after")
    if header is None:
        return None
    if re.fullmatch(r"\d{1,9}", header.strip(), re.ASCII):
        return float(header)
    sent_at = _read_date(headers.get("date")) or now
    later = _read_date(header)
    return None if later is None else max(0.0, (later - sent_at).total_seconds())


def _read_date(header: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(header or "")
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
