"""One attempt to deliver a callback: claimed, sent, settled, logged, traced and counted."""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Engine

from serving import logs, metrics, traces
from serving.db.engine import retry_while_unavailable
from serving.db.status import DeliveryStatus
from serving.db.tables import WebhookDelivery
from serving.jobs import webhooks
from serving.jobs.webhooks import Answer, Schedule, open_sender
from serving.settings import Settings

log = logging.getLogger(__name__)

# A try's outcome is worth waiting for: were it given up, the callback would go out again.
_DATABASE_WAIT_S = 3600.0
# what a delivery's status says of the try before it; None: another try has begun meanwhile
_OUTCOMES: Mapping[str | None, str] = {DeliveryStatus.PENDING: "will_retry", None: "overtaken"}


class DeliveryRunner:
    """Delivers callbacks with what a worker's process holds; used from several threads."""

    def __init__(self, settings: Settings, engine: Engine, worker_id: UUID) -> None:
        self._engine, self._worker_id = engine, worker_id
        self._sender = open_sender(settings)
        self._schedule = Schedule(
            settings.webhook_first_retry_s,
            settings.webhook_longest_retry_s,
            settings.webhook_attempts,
        )
        if self._sender is None:  # nobody to tell, however often it were tried
            self._schedule = Schedule(0, 0, attempts=1)

    def deliver(self, delivery_id: str) -> None:
        """Try once, unless the delivery is not due or outdated."""
        delivery = webhooks.claim(self._engine, delivery_id, self._worker_id)
        if delivery is None:
            return
        ids = {"delivery_id": delivery.id}
        if delivery.job_id is not None:
            ids["job_id"] = str(delivery.job_id)
        name, kind = f"webhook {delivery.event}", traces.SpanKind.PRODUCER
        with logs.bound(**ids), traces.span(name, delivery.traceparent, kind, **ids) as span:
            started = time.perf_counter()
            answer = self._send(delivery)
            took_s = time.perf_counter() - started
            answer = replace(answer, took_s=round(took_s, 4))
            if not answer.delivered:
                traces.mark_failed(span, answer.error or "")
            status = retry_while_unavailable(
                lambda: webhooks.settle(self._engine, delivery, answer, self._schedule),
                _DATABASE_WAIT_S,
            )
            _report(delivery, answer, _OUTCOMES.get(status) or str(status), took_s)

    def _send(self, delivery: WebhookDelivery) -> Answer:
        if self._sender is None:
            return Answer(None, "BACKEND_URL is not set; set it and replay")
        return self._sender.send(delivery)


def _report(delivery: WebhookDelivery, answer: Answer, outcome: str, took_s: float) -> None:
    metrics.CALLBACKS.labels(delivery.event, outcome).observe(took_s)
    fields = {
        "type": delivery.event,
        "try": delivery.attempt,
        "outcome": outcome,
        "status": answer.status,
        "took_s": round(took_s, 3),
    }
    if answer.delivered:
        log.info("webhook sent", extra=fields)
    else:
        log.warning("webhook not delivered", extra=fields | {"error": answer.error})
