"""The shapes of requests and answers, as the OpenAPI document shows them."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from serving.db.status import JobStatus
from serving.db.tables import Job
from serving.jobs.events import Event
from serving.jobs.liveness import SilenceLimits
from serving.jobs.payloads import shorten_event
from serving.jobs.queue_stats import QueueState, WorkerState
from serving.models.results import FailedResult, RoomResult
from serving.requests.base import NO_NUL
from serving.requests.options import JobOptions
from serving.requests.photos import ClassifyInput

EVENT_BYTES = 16 * 2**10  # of an event's data in a stream; the job itself has all of it


class ClassifyRequest(ClassifyInput, JobOptions):
    """Photos to classify: keys or URLs of objects in the configured storage, or allowed URLs."""


class ClassifyAnswer(BaseModel):
    """One result per photo, in the order sent."""

    results: list[RoomResult | FailedResult]


class ModelStatus(BaseModel):
    """A model that answers now."""

    task: str
    version: str
    slot: str
    demo: bool


class QueueStatus(BaseModel):
    """A queue: of jobs, or (`webhook`) of callbacks."""

    name: str = Field(examples=["classify"])
    waiting: int = Field(description="could run now")
    scheduled: int = Field(description="runs later, as asked or after an error")
    running: int
    oldest_s: float = Field(description="how long the one that waits longest could have run")

    @classmethod
    def of(cls, queue: QueueState) -> Self:
        """Put a queue into the wire's shape."""
        return cls.model_validate(vars(queue))


class WorkerStatus(BaseModel):
    """A worker's process, as its heartbeat tells."""

    worker_id: UUID
    host: str
    pid: int
    started_at: datetime
    heartbeat_age_s: float
    alive: bool

    @classmethod
    def of(cls, worker: WorkerState, silence_limits: SilenceLimits) -> Self:
        """Put a worker into the wire's shape."""
        known = {"worker_id": worker.id, "alive": worker.alive(silence_limits)}
        return cls.model_validate(vars(worker) | known)


class Status(BaseModel):
    """What this gateway serves with, and what happens behind it."""

    release: str
    serving: str = Field(description="inline, or service where models run on their own")
    models: list[ModelStatus]
    database: bool = Field(description="whether it answers; if not, no queue or worker is shown")
    queues: list[QueueStatus]
    workers: list[WorkerStatus]


class Health(BaseModel):
    """That the gateway answers at all."""

    status: str = "ok"


class JobAccepted(BaseModel):
    """A job that was accepted; the same answer again for the same `Idempotency-Key`."""

    job_id: UUID
    type: str = Field(examples=["classify_photos"])
    url: str = Field(description="`GET` it for the job's state", examples=["/internal/jobs/…"])
    events: str = Field(description="server-sent events while it runs")
    page: str = Field(description="a page for people")

    @classmethod
    def of(cls, job_id: UUID, type_: str) -> Self:
        """Name the places where a job is found."""
        url = f"/internal/jobs/{job_id}"
        return cls(job_id=job_id, type=type_, url=url, events=f"{url}/events", page=f"{url}/page")


class Progress(BaseModel):
    """How far a job is."""

    done: int
    total: int
    unit: str = Field(examples=["photos"])
    share: float = Field(ge=0, le=1)
    remaining_s: float | None = Field(None, description="at the pace so far")


class JobView(BaseModel):
    """A job as it stands."""

    job_id: UUID
    type: str
    status: JobStatus
    listing_id: str | None
    priority: int
    attempt: int = Field(description="how often a worker began it")
    cancel_requested: bool
    progress: Progress | None
    result: dict[str, Any] | None = Field(description="once completed; left out of lists")
    error: dict[str, Any] | None = Field(description="once failed or cancelled")
    versions: dict[str, Any] | None = Field(description="the model versions it works with")
    page_link: str | None = Field(
        None, description="opens the job's page without a key for some days; left out of lists"
    )
    run_at: datetime
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None

    @classmethod
    def of(cls, job: Job, with_result: bool = True, page_link: str | None = None) -> Self:
        """Put a job into the wire's shape."""
        return cls.model_validate(
            {name: getattr(job, name) for name in cls.model_fields if name not in _OTHERWISE}
            | {
                "job_id": job.id,
                "result": job.result if with_result else None,
                "page_link": page_link,
            }
        )


_OTHERWISE = ("job_id", "result", "page_link")


class JobQuery(BaseModel):
    """Which jobs to list; what is left out does not matter."""

    model_config = ConfigDict(extra="forbid")

    status: JobStatus | None = None
    type: str | None = Field(None, max_length=100, pattern=NO_NUL, examples=["classify_photos"])
    listing_id: str | None = Field(None, max_length=200, pattern=NO_NUL)
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=400)


class JobList(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobView]
    next_cursor: str | None = Field(description="send it as `cursor` for the next ones")


class JobChange(BaseModel):
    """One line of a job's history, as server-sent events bring it."""

    kind: str = Field(examples=["started"])
    attempt: int
    at: datetime
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> Self:
        """Put an event into the wire's shape."""
        data = shorten_event(event.data, EVENT_BYTES)
        return cls(kind=event.kind, attempt=event.attempt, at=event.at, data=data)
