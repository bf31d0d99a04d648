"""Tables of what models answered and what was decided about their versions.

Serving writes what it observes (`serving.models.observe`); the registry turns it into evidence and
decisions. `migrations/` makes the tables.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Index,
    LargeBinary,
    String,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables import Base, Json

BAD_EVENTS = ("error", "fallback", "slow", "override")


class Prediction(Base):
    """What a version said of a photo; a partition of the table for each day.

    While a task has a version beside its champion every answer is kept, with what the other said
    of the same photo: both rows have the same `pair_id`. Otherwise a sample is.

    `role` is `served` for the answer that the caller got, `paired` for what was asked beside it.
    `label` is the best class, if there are classes, and `label_group` what pairs are compared by.
    `distance` (0..1), `shift` (-1..1: how much surer it is) and `agrees` compare a pair and are in
    the row of the version that is not the champion. `embedding` holds float16 values. `photo` is
    the key or address that the caller named; None: it sent the bytes. `seconds` are the model's
    own.
    """

    __tablename__ = "predictions"
    __table_args__ = (
        CheckConstraint("role IN ('served', 'paired')", name="predictions_role"),
        Index("predictions_task_at", "task", "at"),
        Index("predictions_listing", "listing_key", "task"),
        Index("predictions_version", "task", "version", "id"),
        Index("predictions_content", "content_sha256"),
        # of its hash: an index's entry has room for 2,700 bytes, and a URL may be longer
        Index("predictions_photo", text("md5(photo)"), postgresql_where="photo IS NOT NULL"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now(), primary_key=True)
    task: Mapped[str]
    slot: Mapped[str]
    version: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="served")
    pair_id: Mapped[UUID | None]
    content_sha256: Mapped[str] = mapped_column(String(64))
    listing_key: Mapped[str]
    listing_id: Mapped[str | None]
    client: Mapped[str] = mapped_column(server_default="")
    job_id: Mapped[UUID | None]
    photo: Mapped[str | None]
    answer: Mapped[Json]
    label: Mapped[str | None]
    label_group: Mapped[str | None]
    agrees: Mapped[bool | None]
    distance: Mapped[float | None]
    shift: Mapped[float | None]
    embedding: Mapped[bytes | None] = mapped_column(LargeBinary)
    image_statistics: Mapped[Json | None]
    seconds: Mapped[float | None]
    cached: Mapped[bool] = mapped_column(server_default=text("false"))


class Exposure(Base):
    """That a version was first to answer a listing then; it counts as its own if it fell back.

    `share` is how much of all listings the version beside the champion was to answer then, 0..1,
    also in the champion's rows. `beside` is that version: the champion has a row for each. There is
    nothing of times when it was to answer nobody. A listing's further row says that it moved when
    the weight was raised: a check of shares counts only the first for each `beside`. `counted`:
    the guard has read it.
    """

    __tablename__ = "exposures"
    __table_args__ = (
        Index("exposures_new", "task", "id", postgresql_where="NOT counted"),
        Index("exposures_listing", "listing_key", "task"),
    )

    task: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    listing_key: Mapped[str] = mapped_column(primary_key=True)
    beside: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity())
    slot: Mapped[str]
    share: Mapped[float]
    first_at: Mapped[datetime] = mapped_column(server_default=func.now())
    counted: Mapped[bool] = mapped_column(server_default=text("false"))


class BadEvent(Base):
    """Something bad that a listing met with a version, counted once for each kind.

    `share` is the chance that it is of the version beside the champion, and not of the champion, if
    both are equally good: the share of traffic where one answered, a half where both were asked.
    `beside` is that version: what the champion did is counted for each that stood beside it.
    `counted`: the guard has read it.
    """

    __tablename__ = "bad_events"
    __table_args__ = (
        Index("bad_events_new", "task", "id", postgresql_where="NOT counted"),
        Index("bad_events_listing", "listing_key", "task"),
    )

    task: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    listing_key: Mapped[str] = mapped_column(primary_key=True)
    beside: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity())
    slot: Mapped[str]
    share: Mapped[float]
    reason: Mapped[str] = mapped_column(server_default="")
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    counted: Mapped[bool] = mapped_column(server_default=text("false"))


class ObservedBatch(Base):
    """That a batch of observations was written, in the same transaction: none is written twice.

    `dropped` is how many its process had to drop since the batch before.
    """

    __tablename__ = "observed_batches"
    __table_args__ = (Index("observed_batches_at", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    rows: Mapped[int]
    dropped: Mapped[int]
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class Feedback(Base):
    """What a person said of an answer.

    `version`, `slot` and `answered` are of the answer that it is about, where it is known.
    `accepted`: whether the answer was right. `idempotency_key` is one for each client. `counted`:
    the guard has read it.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        Index("feedback_task_at", "task", "at"),
        Index("feedback_content_sha256", "content_sha256"),
        Index("feedback_idempotency", "client", "idempotency_key", unique=True),
        Index("feedback_new", "task", "id", postgresql_where="NOT counted"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    task: Mapped[str]
    content_sha256: Mapped[str] = mapped_column(String(64))
    listing_key: Mapped[str] = mapped_column(server_default="")
    listing_id: Mapped[str | None]
    job_id: Mapped[UUID | None]
    version: Mapped[str | None]
    slot: Mapped[str | None]
    answered: Mapped[str | None]
    accepted: Mapped[bool | None]
    correct: Mapped[str | None]
    said_by: Mapped[str | None]
    client: Mapped[str]
    idempotency_key: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    counted: Mapped[bool] = mapped_column(server_default=text("false"))


class KeptPhoto(Base):
    """A small picture of a photo, kept for people who compare answers; the object has its bytes."""

    __tablename__ = "kept_photos"
    __table_args__ = (
        Index("kept_photos_listing", "client", "listing_id"),
        Index("kept_photos_at", "at"),
        Index("kept_photos_object", "object_key"),
    )

    content_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    client: Mapped[str] = mapped_column(primary_key=True)
    listing_key: Mapped[str] = mapped_column(primary_key=True)
    listing_id: Mapped[str | None]
    object_key: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class PagePicture(Base):
    """That a page in MLflow, a file of a run, shows a kept picture: it goes with that."""

    __tablename__ = "page_pictures"

    run_id: Mapped[str] = mapped_column(primary_key=True)
    file: Mapped[str] = mapped_column(primary_key=True)
    object_key: Mapped[str] = mapped_column(primary_key=True)


class Ramp(Base):
    """How far a version beside the champion has come.

    `step` counts into the ramp's settings. `state` is one of `registry.ramp.states.State`. `weight`
    and `mode` are the traffic that the ramp wants, `seen` the tags of the version as the publisher
    last read or wrote them: a difference between both is a person's hand. `evidence` is what
    `registry.evidence` made of `ramp_inputs` after `from_id` up to `through_id`; `cursors` say how
    far observations were read.
    """

    __tablename__ = "ramps"

    task: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[str]
    champion: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="running")
    step: Mapped[int] = mapped_column(server_default="0")
    weight: Mapped[float] = mapped_column(server_default="0")
    mode: Mapped[str] = mapped_column(server_default="shadow")
    seen: Mapped[Json]
    why: Mapped[str] = mapped_column(server_default="")
    settings: Mapped[Json]
    forecast: Mapped[Json | None]
    evidence: Mapped[Json]
    from_id: Mapped[int] = mapped_column(BigInteger, server_default="0")
    through_id: Mapped[int] = mapped_column(BigInteger, server_default="0")
    cursors: Mapped[Json]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    step_at: Mapped[datetime] = mapped_column(server_default=func.now())
    heard_at: Mapped[datetime] = mapped_column(server_default=func.now())
    looked_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RampListing(Base):
    """A listing that a version was seen with: which were counted, so that each counts once."""

    __tablename__ = "ramp_listings"
    __table_args__ = (
        Index("ramp_listings_new", "task", "version", "seen_at", postgresql_where="NOT counted"),
        Index("ramp_listings_listing", "listing_key", "task"),
    )

    task: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    listing_key: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    counted: Mapped[bool] = mapped_column(server_default=text("false"))
    overridden: Mapped[bool] = mapped_column(server_default=text("false"))


class RampInput(Base):
    """One thing that counts for or against a version, in order, without naming a listing."""

    __tablename__ = "ramp_inputs"
    __table_args__ = (Index("ramp_inputs_version", "task", "version", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    task: Mapped[str]
    version: Mapped[str]
    record: Mapped[Json]
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class RampDecision(Base):
    """What was decided about a version, and from what: it can be worked out again."""

    __tablename__ = "ramp_decisions"
    __table_args__ = (Index("ramp_decisions_version", "task", "version", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    task: Mapped[str]
    version: Mapped[str]
    decision: Mapped[str]
    by: Mapped[str]
    step: Mapped[int]
    why: Mapped[str]
    details: Mapped[Json]
    through_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class Publication(Base):
    """That a version began to answer in a slot; the way back is read from here without MLflow."""

    __tablename__ = "publications"
    __table_args__ = (Index("publications_slot", "task", "slot", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    task: Mapped[str]
    slot: Mapped[str]
    version: Mapped[str]
    model_sha256: Mapped[str] = mapped_column(String(64))
    card_sha256: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class Rollback(Base):
    """That a version was taken back, at once in `slots`.

    `target` is the version that answers instead of a champion; None: it was beside the champion.
    `reconciled_at`: the registry's aliases and tags say so too; until then the version is refused
    whatever they say.
    """

    __tablename__ = "rollbacks"
    __table_args__ = (
        Index("rollbacks_open", "task", "id", postgresql_where="reconciled_at IS NULL"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    task: Mapped[str]
    slot: Mapped[str]
    version: Mapped[str]
    target: Mapped[str | None]
    reason: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    reconciled_at: Mapped[datetime | None]


class Experiment(Base):
    """An A/B experiment: named arms with fixed weights and a salt of their own.

    `arms` is a list of {name, version, weight}; the rest of the listings stays with `champion`, the
    version that the arms are held against.
    """

    __tablename__ = "experiments"

    name: Mapped[str] = mapped_column(primary_key=True)
    task: Mapped[str]
    champion: Mapped[str]
    salt: Mapped[str]
    arms: Mapped[Json]
    metric: Mapped[str]
    stop_rule: Mapped[Json]
    state: Mapped[str] = mapped_column(server_default="running")
    why: Mapped[str] = mapped_column(server_default="")
    report: Mapped[Json | None]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
