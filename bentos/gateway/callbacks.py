"""The callbacks that a backend gets, as the OpenAPI document has them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import FastAPI, Response
from pydantic import BaseModel, Field

from serving.jobs.kinds import JOB_FAILED, KINDS, MODEL_ALERT, TEST, Kind


class CalledBackJob(BaseModel):
    """What a callback says of a job."""

    job_id: UUID
    type: str = Field(examples=["classify_photos"])
    status: Literal["processing", "completed", "failed", "cancelled"]
    listing_id: str | None = Field(examples=["42"])
    attempt: int
    progress: dict[str, Any] | None = Field(None, description="how far it is")
    result: dict[str, Any] | None = Field(None, description="left out of a thin callback")
    error: dict[str, Any] | None = None
    thin: bool | None = Field(None, description="the whole is too large; `url` has it")
    url: str | None = None


class Callback(BaseModel):
    """The body of a callback, signed as Standard Webhooks has it."""

    type: str = Field(examples=["classification-complete"])
    timestamp: datetime
    data: CalledBackJob


class AlertData(BaseModel):
    """What people should hear of a version of a model."""

    task: str = Field(examples=["room-classifier"])
    version: str = Field(examples=["8"])
    slot: str = Field(examples=["challenger"])
    decision: str = Field(examples=["roll_back"])
    severity: Literal["info", "warning", "error"]
    by: str = Field(description="who decided it", examples=["guard"])
    why: str = Field(description="one sentence")
    step: int | None = Field(None, description="of the version's ramp; of a refusal there is none")


class ModelAlert(BaseModel):
    """The body of an alert of a model, signed as a callback is."""

    type: str = Field(examples=[MODEL_ALERT])
    timestamp: datetime
    data: AlertData


class ReceiverTest(BaseModel):
    """The body of the event that was asked for, signed as a callback is."""

    type: str = Field(examples=[TEST])
    timestamp: datetime
    data: dict[str, Any]


def add_callbacks(app: FastAPI) -> None:
    """Describe all that a backend is sent among the document's webhooks."""
    for kind in KINDS.values():
        for event, about in _events_of(kind):
            _add(app, event, about)
    _add(app, JOB_FAILED, "A job failed or was cancelled.")
    _add(app, MODEL_ALERT, "People should look at a version of a model.", ModelAlert)
    _add(app, TEST, "Nothing: it was asked for at `/internal/webhooks/test`.", ReceiverTest)


def _events_of(kind: Kind) -> list[tuple[str, str]]:
    found = []
    if kind.completed is not None:
        only = f", and `{kind.told_if}` is above 0" if kind.told_if else ""
        found.append((kind.completed, f"A job `{kind.type}` is completed{only}."))
    if kind.progress is not None:
        found.append((kind.progress, f"How far a job `{kind.type}` is."))
    return found


def _add(app: FastAPI, event: str, about: str, shape: type[BaseModel] = Callback) -> None:
    def receive(body: BaseModel) -> Response:
        """Answer with any 2xx."""
        raise NotImplementedError(body)

    receive.__annotations__["body"] = shape
    receive.__name__ = event.replace("-", "_")
    app.webhooks.post(event, description=about, status_code=204, response_class=Response)(receive)
