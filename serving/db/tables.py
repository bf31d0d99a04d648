"""The tables, as SQLAlchemy knows them; `migrations/` makes them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    String,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from serving.db.status import DeliveryStatus, JobStatus

Json = dict[str, Any]


def _sql_list(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


class Base(DeclarativeBase):
    """Every table of the `studio` database but the queue's own, which lie in the schema `queue`."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        Json: JSONB(none_as_null=True),
    }


class Slot(Base):
    """What serving answers with: one published model version per task and slot.

    Written by `registry.publish` alone, read by `serving.models.slots`. The files lie in the
    object storage under the SHA-256 of their bytes. `mode`, `weight` (percent of listings), `salt`
    and `shadow` (percent of listings that it is asked about besides) are of versions beside the
    champion; `stopped` says why a guard took a version's traffic away. `earlier` are the weights
    that the version had a moment ago, each with when that ended, in seconds since 1970: a higher
    weight holds only after a while.
    """

    __tablename__ = "slots"
    __table_args__ = (
        CheckConstraint(
            "slot IN ('champion', 'challenger') OR slot LIKE 'arm-%'", name="slots_slot"
        ),
        CheckConstraint("mode IN ('canary', 'shadow', 'off')", name="slots_mode"),
        CheckConstraint("weight BETWEEN 0 AND 100", name="slots_weight"),
        CheckConstraint("shadow BETWEEN 0 AND 100", name="slots_shadow"),
    )

    task: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str]
    model_sha256: Mapped[str] = mapped_column(String(64))
    card_sha256: Mapped[str] = mapped_column(String(64))
    weight: Mapped[float] = mapped_column(server_default="100")
    mode: Mapped[str] = mapped_column(server_default="canary")
    salt: Mapped[str] = mapped_column(server_default="")
    shadow: Mapped[float] = mapped_column(server_default="100")
    stopped: Mapped[str | None]
    earlier: Mapped[list[list[float]]] = mapped_column(JSONB, server_default="[]")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKey(Base):
    """A client's key, known only by its SHA-256; a client has at most two live ones."""

    __tablename__ = "api_keys"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    client: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]


class Job(Base):
    """Work that was accepted. This row is the truth; the queue only wakes workers.

    `attempt` counts how often a worker took it and is the fence: a write names its attempt and
    does nothing once another has begun. `failures` counts attempts that ended in a transient
    error, `losses` those whose worker died without getting further than one before it: `reached`
    is how far they came, by the unit of the progress. `queue_job_id` is the one entry of the queue
    that may wake a worker for it. `versions` are the model versions that its first attempt found.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(
            f"status IN ({_sql_list(JobStatus)})",
            name="jobs_status",
        ),
        Index("jobs_idempotency", "client", "idempotency_key", unique=True),
        Index("jobs_newest", text("created_at DESC"), text("id DESC")),
        Index("jobs_client_newest", "client", text("created_at DESC"), text("id DESC")),
        Index("jobs_listing_newest", "listing_id", text("created_at DESC"), text("id DESC")),
        # few rows are ever live, so what looks for them costs the same beside a million old ones
        Index(
            "jobs_live", "queue", "status", postgresql_where="status IN ('pending', 'processing')"
        ),
        Index("jobs_failed", text("completed_at DESC"), postgresql_where="status = 'failed'"),
        Index(
            "jobs_with_files",
            "type",
            "completed_at",
            postgresql_where="completed_at IS NOT NULL AND files_removed_at IS NULL",
        ),
        Index("jobs_ended", "completed_at", postgresql_where="completed_at IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str]
    queue: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=JobStatus.PENDING)
    input: Mapped[Json]
    result: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))  # in the order written
    error: Mapped[Json | None]
    priority: Mapped[int] = mapped_column(server_default="0")
    attempt: Mapped[int] = mapped_column(server_default="0")
    failures: Mapped[int] = mapped_column(server_default="0")
    losses: Mapped[int] = mapped_column(server_default="0")
    reached: Mapped[Json | None]
    progress: Mapped[Json | None]
    client: Mapped[str]
    listing_id: Mapped[str | None]
    idempotency_key: Mapped[str | None]
    body_sha256: Mapped[str] = mapped_column(String(64))
    versions: Mapped[Json | None]
    worker_id: Mapped[UUID | None]
    queue_job_id: Mapped[int | None] = mapped_column(BigInteger)
    cancel_requested: Mapped[bool] = mapped_column(server_default=text("false"))
    traceparent: Mapped[str | None]
    run_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    files_removed_at: Mapped[datetime | None]


class JobEvent(Base):
    """Something that happened to a job, for its history and for those who watch it."""

    __tablename__ = "job_events"
    __table_args__ = (Index("job_events_job", "job_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    kind: Mapped[str]
    data: Mapped[Json]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class WebhookDelivery(Base):
    """The outbox: a callback owed to the backend, written with the change that it tells of.

    `id` is the `webhook-id`, the same on every try. `attempt` fences as in `jobs`. A progress
    event is `superseded` by a later one or by the job's end before it was delivered. A test of the
    receiver belongs to no job. `took_s` is how long the last try took.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint(
            f"status IN ({_sql_list(DeliveryStatus)})",
            name="webhook_deliveries_status",
        ),
        Index("webhook_deliveries_job", "job_id"),
        Index(
            "webhook_deliveries_live", "status", postgresql_where="status IN ('pending', 'sending')"
        ),
        Index(
            "webhook_deliveries_dead", text("created_at DESC"), postgresql_where="status = 'dead'"
        ),
        Index(
            "webhook_deliveries_settled",
            "updated_at",
            postgresql_where="status NOT IN ('pending', 'sending')",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    event: Mapped[str]
    payload: Mapped[Json] = mapped_column(JSON)
    terminal: Mapped[bool]
    status: Mapped[str] = mapped_column(server_default=DeliveryStatus.PENDING)
    attempt: Mapped[int] = mapped_column(server_default="0")
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    took_s: Mapped[float | None]
    worker_id: Mapped[UUID | None]
    queue_job_id: Mapped[int | None] = mapped_column(BigInteger)
    traceparent: Mapped[str | None]
    run_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    delivered_at: Mapped[datetime | None]


class Upload(Base):
    """A file that a client sent, under the key `uploads/{id}`; its bytes are in the storage.

    While it is not `ready`, `received` of its `size` bytes lie under the keys `parts`, in order.
    `received` fences: who adds a part names what was there before.
    """

    __tablename__ = "uploads"
    __table_args__ = (
        Index("uploads_idempotency", "client", "idempotency_key", unique=True),
        Index("uploads_client_newest", "client", text("created_at DESC"), text("id DESC")),
        Index("uploads_used", "ready", "used_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client: Mapped[str]
    listing_id: Mapped[str | None]
    name: Mapped[str | None]
    content_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger)
    parts: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    sha256: Mapped[str | None] = mapped_column(String(64))
    idempotency_key: Mapped[str | None]
    ready: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    used_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UploadUse(Base):
    """That a job names an upload, which stays while the job lives."""

    __tablename__ = "upload_uses"
    __table_args__ = (Index("upload_uses_job", "job_id"),)

    upload_id: Mapped[UUID] = mapped_column(
        ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True
    )
    job_id: Mapped[UUID] = mapped_column(
        ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    )


class Erasure(Base):
    """A client's request to erase a listing or a job; `erased` counts what went."""

    __tablename__ = "erasures"
    __table_args__ = (
        Index("erasures_unfinished", "requested_at", postgresql_where="finished_at IS NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client: Mapped[str]
    listing_id: Mapped[str | None]
    job_id: Mapped[UUID | None]
    erased: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]


class Worker(Base):
    """A worker's process; `serving.jobs.liveness` says whether it lives.

    `session_lock` names the advisory lock that its connection holds; None: it holds none. `late_s`
    is how late its heartbeats have come of late, and `taken_jobs` are those that it lost when it
    was held for dead; they are not counted against them once it writes again.
    """

    __tablename__ = "workers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    heartbeat_at: Mapped[datetime] = mapped_column(server_default=func.now())
    session_lock: Mapped[int | None]
    late_s: Mapped[float] = mapped_column(server_default="0")
    taken_jobs: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")


class CachedAnswer(Base):
    """What a model version said of a photo's bytes."""

    __tablename__ = "cached_answers"
    __table_args__ = (Index("cached_answers_accessed", "accessed_at"),)

    content_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    task: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    answer: Mapped[Json]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    accessed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CachedClip(Base):
    """A clip that was rendered, to be used again; its bytes are in the object storage.

    `config_sha256` hashes all that shapes it: the photo's content, the film around it, the code.
    """

    __tablename__ = "cached_clips"
    __table_args__ = (
        Index("cached_clips_config", "config_sha256", unique=True),
        Index("cached_clips_photo", "photo_id"),
        Index("cached_clips_accessed", "accessed_at"),
        Index("cached_clips_expires", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    photo_id: Mapped[str]
    config_sha256: Mapped[str] = mapped_column(String(64))
    object_key: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    duration_s: Mapped[float]
    pinned: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    accessed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]


class DesignKit(Base):
    """A version of a design kit that a client brought; it never changes.

    `document` is the kit and what it is made of, each asset by its SHA-256; `sha256` is of the
    document, so that the same content is the same version. A kit that was deleted is kept for the
    jobs that name it. `pictures` are drawn later: by type of room, the SHA-256 of a JPEG.
    """

    __tablename__ = "design_kits"

    client: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[Json] = mapped_column(JSON)  # in the order written
    sha256: Mapped[str] = mapped_column(String(64))
    pictures: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]


class KitAsset(Base):
    """A mesh or a picture that the next version of a client's kit may name.

    Its bytes lie in the object storage under `sha256`; `facts` are what was measured of it.
    """

    __tablename__ = "kit_assets"
    __table_args__ = (CheckConstraint("kind IN ('mesh', 'picture')", name="kit_assets_kind"),)

    client: Mapped[str] = mapped_column(primary_key=True)
    kit_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    licence: Mapped[str]
    source: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    facts: Mapped[Json]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
