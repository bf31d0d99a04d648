"""What people say of answers, joined to the answer that they speak of.

An answer is found by its photo: the last that the client got about it, or the one of a job or a
listing. One that is contradicted counts against the version that gave it. The same said twice is
stored once; something else about the same photo is stored besides, and the last word counts.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from serving.db.canary_tables import BadEvent, Exposure, Feedback, Prediction
from serving.db.tables import CachedAnswer
from serving.errors import BadInput, KeyReused, StudioError, UnknownPhoto
from serving.models.routing import routing_key
from serving.requests.feedback import FeedbackItem

_CONTENT = "sha256:"
_OVERRIDE = "override"


@dataclass(frozen=True)
class Stored:
    """What was stored of an item, and of whose answer it is.

    Attributes
    ----------
    repeated : it was said before, and nothing is stored again
    version : None: the answer is not known any more, only that there was one
    """

    content_sha256: str
    version: str | None
    slot: str | None
    answered: str | None
    accepted: bool | None
    repeated: bool


@dataclass(frozen=True)
class Said:
    """What a client says.

    Attributes
    ----------
    contents : the SHA-256 of photos by their key, where `photos_without_answer` asked for it
    """

    client: str
    items: Sequence[FeedbackItem]
    idempotency_key: str | None = None
    contents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Found:
    content_sha256: str
    version: str | None = None
    slot: str | None = None
    label: str | None = None
    listing_id: str | None = None
    listing_key: str | None = None


def store_feedback(engine: Engine, said: Said) -> list[Stored | StudioError]:
    """Store what is said, each item by itself; UnknownPhoto of one that nothing is known of.

    Raises
    ------
    KeyReused
        The client used this idempotency key for something else.
    """
    contents = [_content_of(item, said) for item in said.items]
    digest = _digest(said)
    with engine.begin() as connection:
        # one at a time for each client: what comes twice at once is stored once
        name = func.hashtextextended(literal(f"feedback/{said.client}"), 0)
        connection.execute(select(func.pg_advisory_xact_lock(name)))
        replayed = _is_replayed(connection, said, digest)
        results: list[Stored | StudioError] = []
        for number, (item, content) in enumerate(zip(said.items, contents, strict=True)):
            key = f"{said.idempotency_key}\n{digest}\n{number}" if said.idempotency_key else None
            try:
                results.append(_store(connection, said.client, item, content, key, replayed))
            except BadInput as error:
                results.append(error)
    return results


def photos_without_answer(engine: Engine, said: Said) -> list[str]:
    """Return the keys and URLs that no answer to the client names: their content is to be told.

    While a task has one version a sample of answers is kept, and the others are known by content.
    """
    keys = [item.photo for item in said.items if item.photo and _content_of(item, said) is None]
    if not keys:
        return []
    named = select(Prediction.photo).where(
        func.md5(Prediction.photo).in_([hashlib.md5(key.encode()).hexdigest() for key in keys]),
        Prediction.photo.in_(keys),
        Prediction.client == said.client,
    )
    with engine.connect() as connection:
        known = set(connection.scalars(named.distinct()))
    return [key for key in dict.fromkeys(keys) if key not in known]


def _content_of(item: FeedbackItem, said: Said) -> str | None:
    """Return the content that an item names; None where only earlier answers can tell."""
    if item.content_sha256 is not None:
        return item.content_sha256
    photo = item.photo or ""
    if photo.startswith(_CONTENT):
        return photo.removeprefix(_CONTENT)
    return said.contents.get(photo)


def _digest(said: Said) -> str:
    items = [item.model_dump(mode="json") for item in said.items]
    return hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()[:16]


def _is_replayed(connection: Connection, said: Said, digest: str) -> bool:
    if said.idempotency_key is None:
        return False
    prefix = f"{said.idempotency_key}\n"
    known = connection.scalar(
        select(Feedback.idempotency_key)
        .where(
            Feedback.client == said.client,
            Feedback.idempotency_key >= prefix,
            func.starts_with(Feedback.idempotency_key, prefix),
        )
        .limit(1)
    )
    if known is not None and not known.startswith(f"{prefix}{digest}\n"):
        raise KeyReused(said.idempotency_key)
    return known is not None


def _store(
    connection: Connection,
    client: str,
    item: FeedbackItem,
    content: str | None,
    key: str | None,
    replayed: bool,
) -> Stored:
    found = _find(connection, client, item, content)
    accepted = _judge(item, found)
    correct = item.correct or (found.label if accepted else None)
    values: dict[str, Any] = {
        "client": client,
        "task": item.task,
        "content_sha256": found.content_sha256,
        "listing_key": found.listing_key,
        "listing_id": found.listing_id,
        "job_id": item.job_id,
        "version": found.version,
        "slot": found.slot,
        "answered": found.label,
        "accepted": accepted,
        "correct": correct,
        "said_by": item.said_by,
    }
    repeated = replayed or _was_said(connection, values)
    if not repeated:
        connection.execute(insert(Feedback).values(values | {"idempotency_key": key}))
        _count_override(connection, item.task, found, accepted)
    return Stored(found.content_sha256, found.version, found.slot, found.label, accepted, repeated)


def _find(connection: Connection, client: str, item: FeedbackItem, content: str | None) -> _Found:
    """Return the last answer that the client got; UnknownPhoto if nobody knows of any."""
    where = [
        Prediction.task == item.task,
        Prediction.client == client,
        Prediction.role == "served",
    ]
    if content is not None:
        where.append(Prediction.content_sha256 == content)
    else:
        where += [
            Prediction.photo == item.photo,
            func.md5(Prediction.photo) == func.md5(literal(item.photo)),
        ]
    if item.listing_id is not None:
        where.append(Prediction.listing_id == item.listing_id)
    if item.job_id is not None:
        where.append(Prediction.job_id == item.job_id)
    last = select(Prediction).where(*where).order_by(Prediction.at.desc(), Prediction.id.desc())
    row = connection.execute(last.limit(1)).first()
    if row is not None:
        return _Found(
            row.content_sha256,
            row.version,
            row.slot,
            row.label,
            row.listing_id,
            row.listing_key,
        )
    if content is None or not _was_answered(connection, item.task, content):
        raise UnknownPhoto(item.task, item.photo or f"{_CONTENT}{item.content_sha256}")
    key = routing_key(item.listing_id, content)
    return _Found(content, listing_id=item.listing_id, listing_key=key)


def _was_answered(connection: Connection, task: str, content: str) -> bool:
    """Say whether any version answered: without another beside it a sample alone is kept."""
    known = select(CachedAnswer.task).where(
        CachedAnswer.content_sha256 == content, CachedAnswer.task == task
    )
    return connection.scalar(known.limit(1)) is not None


def _judge(item: FeedbackItem, found: _Found) -> bool | None:
    """Return whether the answer was right; BadInput if the item says both."""
    if item.correct is None or found.label is None:
        return item.accepted
    right = item.correct == found.label
    if item.accepted is not None and item.accepted != right:
        raise BadInput(
            f"the answer was '{found.label}' and '{item.correct}' is correct, so that it cannot be "
            f"{'accepted' if item.accepted else 'rejected'}"
        )
    return right


def _was_said(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Say whether the last word about this answer was the same."""
    last = connection.execute(
        select(Feedback.accepted, Feedback.correct, Feedback.said_by)
        .where(
            Feedback.client == values["client"],
            Feedback.task == values["task"],
            Feedback.content_sha256 == values["content_sha256"],
            Feedback.listing_key == values["listing_key"],
            Feedback.version.is_not_distinct_from(values["version"]),
        )
        .order_by(Feedback.id.desc())
        .limit(1)
    ).first()
    return last is not None and tuple(last) == tuple(
        values[name] for name in ("accepted", "correct", "said_by")
    )


def _count_override(
    connection: Connection, task: str, found: _Found, accepted: bool | None
) -> None:
    """Count a contradicted answer against its version, and take that back if it was mistaken."""
    if found.version is None or accepted is None:
        return
    exposure = _exposure_of(connection, task, found)
    if exposure is None:
        return
    key = {
        "task": task,
        "version": found.version,
        "kind": _OVERRIDE,
        "listing_key": found.listing_key,
        "beside": exposure.beside,
    }
    if accepted:
        same = [getattr(BadEvent, name) == value for name, value in key.items()]
        connection.execute(delete(BadEvent).where(*same, BadEvent.counted.is_(False)))
        return
    row = key | {"slot": found.slot, "share": exposure.share}
    connection.execute(insert(BadEvent).values(row).on_conflict_do_nothing())


def _exposure_of(connection: Connection, task: str, found: _Found) -> Row[Any] | None:
    """Return how the listing came to that version; None: while nobody else was to answer any."""
    return connection.execute(
        select(Exposure.beside, Exposure.share)
        .where(
            Exposure.task == task,
            Exposure.version == found.version,
            Exposure.listing_key == found.listing_key,
        )
        .order_by(Exposure.id.desc())
        .limit(1)
    ).first()
