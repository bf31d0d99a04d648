"""Observations as rows: made where an answer is given, written to the database many at a time."""

import base64
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import cv2
import numpy as np
from sqlalchemy import Connection, Engine, text
from sqlalchemy.dialects.postgresql import insert

from serving.card import Classes, Score
from serving.db.canary_tables import BadEvent, Exposure, ObservedBatch
from serving.db.locks import OBSERVATIONS
from serving.image import Image
from serving.models.comparison import Comparison, compare, group_of, label_of
from serving.models.large_answers import without_files
from serving.models.observed import About, Bad, Observed, Picture, Said
from serving.models.routing import CHAMPION

_ENTRY_BYTES = 700  # of Python's own around a row
_WRITE_S = 15
_COLUMNS: Mapping[str, str] = {
    "task": "text",
    "slot": "text",
    "version": "text",
    "role": "text",
    "pair_id": "uuid",
    "content_sha256": "text",
    "listing_key": "text",
    "listing_id": "text",
    "client": "text",
    "job_id": "uuid",
    "photo": "text",
    "answer": "jsonb",
    "label": "text",
    "label_group": "text",
    "agrees": "boolean",
    "distance": "float8",
    "shift": "float8",
    "embedding": "text",
    "image_statistics": "jsonb",
    "seconds": "float8",
    "cached": "boolean",
}
# one statement however many rows, made of bytes that wait as they are
_INSERT = text(
    f"INSERT INTO predictions ({', '.join(_COLUMNS)}) SELECT "
    + ", ".join("decode(embedding, 'base64')" if c == "embedding" else c for c in _COLUMNS)
    + " FROM json_to_recordset(CAST(:rows AS json)) AS given("
    + ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    + ")"
)
_PREPARE = text(
    "SELECT set_config('statement_timeout', :limit, true), pg_advisory_xact_lock_shared(:lock)"
)
_ERASED = text(
    "SELECT client, listing_id, job_id, extract(epoch FROM now() - requested_at)::float8 AS age_s "
    "FROM erasures WHERE requested_at > now() - make_interval(secs => :oldest_s)"
)
ExposureKey = tuple[str, str, str, str]


@dataclass(frozen=True)
class Source:
    """Whose observation it is, and when it was made, by this process's monotonic clock."""

    client: str
    listing_id: str | None
    job_id: UUID | None
    at: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, about: About) -> "Source":
        """Return whose it is, observed now."""
        return cls(about.client, about.listing_id, about.job_id)


@dataclass(frozen=True)
class Entry:
    """An answer that waits to be written.

    Attributes
    ----------
    row : of `predictions`, as JSON
    exposure : the key and the other values of a row of `exposures`, if there is to be one
    """

    source: Source
    row: bytes
    exposure: tuple[ExposureKey, str, float] | None

    @property
    def cost(self) -> int:
        """Return the bytes that it takes while it waits."""
        return len(self.row) + _ENTRY_BYTES


@dataclass(frozen=True)
class BadRow:
    """Something bad that waits to be written: the key and the other values of a row."""

    source: Source
    key: tuple[str, str, str, str, str]
    slot: str
    share: float
    reason: str

    @classmethod
    def of(cls, bad: Bad) -> "BadRow":
        """Make a row of it."""
        beside = bad.beside
        version = bad.champion_version if bad.by_champion else beside.version
        listing = clean(bad.about.listing_key)
        key = (bad.about.task.name, version, bad.kind, listing, beside.version)
        slot = CHAMPION if bad.by_champion else beside.slot
        share = 0.5 if bad.paired else beside.share
        return cls(Source.of(bad.about), key, slot, share, clean(bad.reason)[:500])


@dataclass(frozen=True)
class Batch:
    """What is written together, or not at all.

    Attributes
    ----------
    dropped : how many answers were, since the batch before
    """

    entries: Sequence[Entry]
    bad: Sequence[BadRow]
    dropped: int = 0
    id: UUID = field(default_factory=uuid4)


def to_entry(observed: Observed, comparison: Comparison | None) -> Entry:
    """Make a row of an answer."""
    about, said = observed.about, observed.said
    prediction = said.prediction
    fields = {
        "task": about.task.name,
        "slot": prediction.slot,
        "version": prediction.version,
        "role": observed.role,
        "pair_id": observed.pair_id and str(observed.pair_id),
        "content_sha256": about.content_sha256,
        "listing_key": clean(about.listing_key),
        "listing_id": about.listing_id and clean(about.listing_id),
        "client": about.client,
        "job_id": about.job_id and str(about.job_id),
        "photo": about.photo and clean(about.photo),
        "label": label_of(said.card, prediction.answer),
        "label_group": comparison.group if comparison else _own_group(observed),
        "agrees": comparison.agrees if comparison else None,
        "distance": comparison.distance if comparison else None,
        "shift": comparison.shift if comparison else None,
        "embedding": _embedding_of(said),
        "image_statistics": observed.picture and measure_picture(observed.picture),
        "seconds": said.seconds,
        "cached": prediction.cached,
    }
    known = json.dumps({name: value for name, value in fields.items() if value is not None})
    row = known[:-1].encode() + b', "answer": ' + _answer_of(observed) + b"}"
    # JSON may say NUL, PostgreSQL may not
    return Entry(Source.of(about), row.replace(b"\\u0000", b"\\ufffd"), _exposure_of(observed))


def compare_pair(observed: Observed) -> Comparison | None:
    """Compare a version's answer with the champion's; None where this is the champion's, or alone.

    Raises
    ------
    BadInput
        Parts of an answer lie in the storage.
    """
    said, other = observed.said, observed.other
    if other is None or said.prediction.slot == CHAMPION:
        return None
    answers = other.prediction.answer, said.prediction.answer
    return compare(observed.about.task, other.card, *answers)


def clean(value: str) -> str:
    """Return the text without what PostgreSQL cannot keep: NUL and halves of surrogate pairs."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def measure_picture(picture: Picture) -> dict[str, float]:
    """Return brightness, contrast (0..1) and colour balance of a small picture, and its size."""
    means, deviations = cv2.meanStdDev(picture.pixels)
    red, green, blue = means.ravel() / 255
    height, width = picture.size[:2]
    return {
        "brightness": round(float(0.299 * red + 0.587 * green + 0.114 * blue), 4),
        "contrast": round(float(deviations.mean()) / 255, 4),
        "red_minus_blue": round(float(red - blue), 4),
        "height": height,
        "width": width,
    }


def restore_shape(pixels: Image, size: Sequence[int]) -> Image:
    """Give a squeezed picture its photo's shape back, no side longer than it has now."""
    height, width = size[:2]
    side = max(pixels.shape[:2])
    scale = min(side / max(height, width, 1), 1.0)
    wanted = max(round(width * scale), 1), max(round(height * scale), 1)
    shaped = cv2.resize(pixels, wanted, interpolation=cv2.INTER_AREA)
    return shaped.astype(np.uint8, copy=False)


def write_batch(engine: Engine, batch: Batch) -> int | None:
    """Write a batch in one transaction; return how many answers, None if it was written before.

    What belongs to a listing that was erased meanwhile is left out.
    """
    with engine.begin() as connection:
        limit = {"limit": f"{_WRITE_S}s", "lock": OBSERVATIONS}
        connection.execute(_PREPARE, limit)
        erased = _erased_since(connection, batch)
        entries = [entry for entry in batch.entries if not erased.covers(entry.source)]
        values = {"id": batch.id, "rows": len(entries), "dropped": batch.dropped}
        note = insert(ObservedBatch).values(values).on_conflict_do_nothing()
        if connection.scalar(note.returning(ObservedBatch.id)) is None:
            return None
        if entries:
            rows = b"[" + b",".join(entry.row for entry in entries) + b"]"
            connection.execute(_INSERT, {"rows": rows.decode()})
        _write_exposures(connection, entries)
        _write_bad(connection, [row for row in batch.bad if not erased.covers(row.source)])
    return len(entries)


def _write_exposures(connection: Connection, entries: Iterable[Entry]) -> None:
    found = {e.exposure[0]: e.exposure[1:] for e in entries if e.exposure is not None}
    names = ("task", "version", "listing_key", "beside", "slot", "share")
    # sorted: two who write the same keys in another order would wait for each other
    rows = [dict(zip(names, (*key, *found[key]), strict=True)) for key in sorted(found)]
    if rows:
        connection.execute(insert(Exposure).on_conflict_do_nothing(), rows)


def _write_bad(connection: Connection, bad: Iterable[BadRow]) -> None:
    found = {row.key: (row.slot, row.share, row.reason) for row in bad}
    names = ("task", "version", "kind", "listing_key", "beside", "slot", "share", "reason")
    rows = [dict(zip(names, (*key, *found[key]), strict=True)) for key in sorted(found)]
    if rows:
        connection.execute(insert(BadEvent).on_conflict_do_nothing(), rows)


class _Erased:
    """What clients had erased, and how long ago."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._now = time.monotonic()
        self._ages: dict[tuple[str, object], float] = {}
        for row in rows:
            name = (row.client, row.listing_id if row.job_id is None else row.job_id)
            self._ages[name] = min(row.age_s, self._ages.get(name, row.age_s))

    def covers(self, source: Source) -> bool:
        """Say whether an observation was made before its listing or job was erased."""
        if not self._ages:
            return False
        names = ((source.client, source.listing_id), (source.client, source.job_id))
        ages = [self._ages[name] for name in names if name in self._ages]
        return any(self._now - source.at >= age for age in ages)


def _erased_since(connection: Connection, batch: Batch) -> _Erased:
    now = time.monotonic()
    times = [*(entry.source.at for entry in batch.entries), *(row.source.at for row in batch.bad)]
    oldest_s = now - min(times, default=now) + 1.0
    return _Erased(connection.execute(_ERASED, {"oldest_s": oldest_s}))


def _own_group(observed: Observed) -> str | None:
    """Return what the pair is compared by, where this row is the champion's or stands alone."""
    said = observed.said
    champion = said.prediction.slot == CHAMPION
    return group_of(said.card, said.prediction.answer) if champion else None


def _answer_of(observed: Observed) -> bytes:
    said, adapter = observed.said, observed.about.task.answer
    answer = said.prediction.answer
    if not isinstance(said.card.output, Classes | Score):
        answer = without_files(answer)
    return adapter.dump_json(answer)


def _embedding_of(said: Said) -> str | None:
    if said.embedding is None:
        return None
    return base64.b64encode(np.asarray(said.embedding, "<f2").tobytes()).decode()


def _exposure_of(observed: Observed) -> tuple[ExposureKey, str, float] | None:
    beside, prediction = observed.beside, observed.said.prediction
    if beside is None or beside.share <= 0 or observed.role != "served":
        return None
    slot, version = prediction.slot, prediction.version
    if observed.fell_back:
        slot, version = beside.slot, beside.version
    key = (observed.about.task.name, version, clean(observed.about.listing_key), beside.version)
    return key, slot, beside.share
