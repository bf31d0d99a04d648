"""Sends the callbacks of the outbox, signed as Standard Webhooks (standardwebhooks.com) has it."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

import httpx
from sqlalchemy import Engine, exists, func, select, update
from sqlalchemy.orm import Session as Database
from sqlalchemy.orm import aliased
from standardwebhooks import Webhook

from serving.db.tables import Job, WebhookDelivery
from serving.jobs.queue import wake_for_delivery
from serving.settings import Settings

_ENDED = ("completed", "failed", "cancelled")
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

        `retry_after_s`, as the receiver asked, is the least; a tenth either way is random.
        """
        if attempt >= self.attempts:
            return None
        wait_s = min(self.longest_s, self.first_s * 4.0 ** (attempt - 1))
        wait_s *= random.uniform(0.9, 1.1)
        return min(self.longest_s, max(wait_s, retry_after_s or 0.0))


@dataclass(frozen=True)
class Answer:
    """What became of one try."""

    status: int | None
    error: str | None
    retry_after_s: float | None = None

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
    """

    def __init__(self, url: str, secrets: Sequence[str], timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._signers = [Webhook(secret) for secret in secrets]
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, trust_env=False)

    def send(self, delivery: WebhookDelivery) -> Answer:
        """Try once; any answer but 2xx, and any trouble on the way, is in the answer."""
        body = json.dumps(delivery.payload, separators=(",", ":"))
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(
                signer.sign(delivery.id, now, body) for signer in self._signers
            ),
            "user-agent": "listing-studio",
        }
        if delivery.traceparent:
            headers["traceparent"] = delivery.traceparent
        url = f"{self._url}/webhooks/{delivery.event}"
        try:
            with self._client.stream("POST", url, content=body, headers=headers) as answer:
                text = next(answer.iter_bytes(_LONGEST_ANSWER_BYTES), b"")
                if answer.is_success:
                    return Answer(answer.status_code, None)
                said = text[:_LONGEST_ANSWER_BYTES].decode(errors="replace").replace("\0", "")
                return Answer(
                    answer.status_code,
                    f"{answer.status_code} {answer.reason_phrase}: {said}".strip(": "),
                    _retry_after_s(answer.headers.get("retry-after"), now),
                )
        except httpx.HTTPError as error:
            return Answer(None, f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def open_sender(settings: Settings) -> Sender | None:
    """Return who sends callbacks; None while no `BACKEND_URL` says where to."""
    if settings.backend_url is None:
        return None
    secrets = [secret.get_secret_value() for secret in settings.webhook_secrets]
    return Sender(settings.backend_url, secrets, settings.webhook_timeout_s)


def claim(engine: Engine, delivery_id: str, worker_id: UUID) -> WebhookDelivery | None:
    """Begin a try; None if the delivery is not waiting, or not due yet."""
    with Database(engine, expire_on_commit=False) as database, database.begin():
        return database.scalar(
            update(WebhookDelivery)
            .where(
                WebhookDelivery.id == delivery_id,
                WebhookDelivery.status == "pending",
                WebhookDelivery.run_at <= func.now(),
            )
            .values(
                status="sending",
                attempt=WebhookDelivery.attempt + 1,
                worker_id=worker_id,
                updated_at=func.now(),
            )
            .returning(WebhookDelivery)
        )


def settle(
    engine: Engine, delivery: WebhookDelivery, answer: Answer, schedule: Schedule
) -> str | None:
    """Write down what became of a try, and when the next is due.

    Returns
    -------
    The delivery's new status; None if another try has begun meanwhile.
    """
    status, delay_s = _verdict(delivery, answer, schedule)
    run_at = datetime.now(UTC) + timedelta(seconds=delay_s or 0)
    with engine.begin() as connection:
        # progress is not worth a second try once something newer is owed
        droppable = status == "pending" and not delivery.terminal
        if droppable and connection.scalar(select(_is_outdated(delivery))):
            status = "superseded"
        entry = delivery.queue_job_id
        if status == "pending":
            entry = wake_for_delivery(connection, delivery.id, delivery.terminal, run_at)
        changed = connection.execute(
            update(WebhookDelivery)
            .where(
                WebhookDelivery.id == delivery.id,
                WebhookDelivery.attempt == delivery.attempt,
                WebhookDelivery.status == "sending",
            )
            .values(
                status=status,
                last_status=answer.status,
                last_error=answer.error,
                run_at=run_at,
                queue_job_id=entry,
                worker_id=None,
                delivered_at=func.now() if status == "delivered" else None,
                updated_at=func.now(),
            )
        )
        return status if changed.rowcount else None


def _verdict(
    delivery: WebhookDelivery, answer: Answer, schedule: Schedule
) -> tuple[str, float | None]:
    if answer.delivered:
        return "delivered", None
    if answer.status == _GONE:
        return "refused", None
    delay_s = schedule.delay_s(delivery.attempt, answer.retry_after_s)
    return ("dead", None) if delay_s is None else ("pending", delay_s)


def _is_outdated(delivery: WebhookDelivery):  # type: ignore[no-untyped-def]
    newer = aliased(WebhookDelivery)
    return exists().where(
        newer.job_id == delivery.job_id, newer.created_at > delivery.created_at
    ) | exists().where(Job.id == delivery.job_id, Job.status.in_(_ENDED))


def _retry_after_s(header: str | None, now: datetime) -> float | None:
    """Read `Retry-After`, seconds or a date (RFC 9110, 10.2.3); None if it is neither."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - now).total_seconds())
    except (TypeError, ValueError):
        return None
