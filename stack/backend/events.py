"""What arrives: its signature checked on the raw bytes, then its fields."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

_NEEDED = ("webhook-id", "webhook-timestamp", "webhook-signature")
_ENDED = ("completed", "failed", "cancelled")


class NotSigned(Exception):
    """No secret of ours made this signature, or it is more than five minutes old or ahead."""


class NotUnderstood(Exception):
    """Signed, but not an event as documented."""


class JobState(BaseModel):
    """What an event says of its job; what is new in it one day does no harm."""

    job_id: UUID
    type: str
    status: Literal["processing", "completed", "failed", "cancelled"]
    attempt: int = Field(ge=0)
    listing_id: str | None = None
    progress: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class Event(BaseModel):
    """The body of a webhook."""

    type: str
    timestamp: datetime
    data: JobState

    @property
    def terminal(self) -> bool:
        """Whether it tells of the job's end."""
        return self.data.status in _ENDED


class Verifier:
    """Knows the secrets: more than one while an old one is being replaced."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._webhooks = [Webhook(secret) for secret in secrets]

    def verify(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Return the `webhook-id` of a delivery that is genuine; NotSigned otherwise.

        The bytes have to be those that came: JSON that was parsed and written again differs.
        """
        given = {name: headers.get(name, "") for name in _NEEDED}
        for webhook in self._webhooks:
            try:
                webhook.verify(body, given, json_parse=False)
            # ValueError: what is not even the form of a signature, or no text
            except (WebhookVerificationError, ValueError):
                continue
            return given["webhook-id"]
        raise NotSigned("no known secret made this signature, or its time is off by minutes")


def read_event(body: bytes, name: str) -> Event:
    """Return what a verified body says; NotUnderstood if it is not the event of that name."""
    try:
        event = Event.model_validate_json(body)
    except ValidationError as error:
        raise NotUnderstood(f"{error.error_count()} fields are not as documented") from error
    if event.type != name:
        raise NotUnderstood(f"this is '{event.type}', it was posted as '{name}'")
    return event
