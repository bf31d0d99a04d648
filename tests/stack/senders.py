"""Who sends webhooks to the reference backend, signed as the studio does it."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
from standardwebhooks import Webhook

from stack.backend.events import Event
from stack.backend.inbox import Inbox

OLD, NEW = (
    "whsec_YW4gb2xkIHNlY3JldCBvZiB0aGUgdGVzdHM=",
    "whsec_dGhlIG5ldyBzZWNyZXQgb2YgdGhlIHRlc3Rz",
)

JOB = "0b51bd4e-6c8c-4f2e-a3ff-2f7d2f2a9c11"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def payload(
    event: str = "video-complete",
    status: str = "completed",
    job: str = JOB,
    attempt: int = 1,
    at: datetime = NOON,
    **more: object,
) -> bytes:
    data = {"job_id": job, "type": "render_video", "status": status, "attempt": attempt}
    said = {"type": event, "timestamp": at.isoformat(), "data": data | {"listing_id": None} | more}
    return json.dumps(said).encode()


def signed(
    body: bytes, webhook_id: str, secret: str = OLD, at: datetime | None = None
) -> dict[str, str]:
    at = at or datetime.now(UTC)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body.decode()),
    }


def take_in(inbox: Inbox, webhook_id: str, body: bytes) -> str:
    return inbox.record(webhook_id, body, Event.model_validate_json(body))


class Client:
    """Posts as the studio does, and looks as people do."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=5, trust_env=False)

    def post(
        self, webhook_id: str = "msg_1", event: str = "video-complete", **said: object
    ) -> httpx.Response:
        body = payload(event, **said)  # type: ignore[arg-type]
        return self.http.post(f"/webhooks/{event}", content=body, headers=signed(body, webhook_id))

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.http.get("/deliveries").json()["counts"]
        return counts

    def job(self, job_id: str = JOB) -> dict[str, Any]:
        job: dict[str, Any] = self.http.get(f"/jobs/{job_id}").json()
        return job

    def trouble(self, **switches: object) -> None:
        self.http.put("/sandbox", json=switches).raise_for_status()
