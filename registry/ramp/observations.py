"""What serving observed of a task's versions, turned into records that count once and name nobody.

Rows are marked as counted in the transaction that appends their records, so each counts exactly
once whatever order they were committed in and whatever the clocks of those who wrote them say. Only
the first thing of its kind that a listing meets counts: a listing that came again after the weight
was raised would otherwise be seen with the version beside the champion alone, and one that is bad
with any version would speak against that one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.orm import Session as Database
from sqlalchemy.orm import aliased

from registry.ramp.listings import see_listings
from registry.ramp.store import add_inputs
from serving.db.canary_tables import BadEvent, Exposure, Feedback, Prediction, Ramp, RampListing
from serving.db.tables import Slot
from serving.models.routing import CHAMPION
from serving.models.slots import Mode

_AT_ONCE = 2000
Record = dict[str, Any]


@dataclass(frozen=True)
class Shares:
    """How a task's listings are shared out, to know a version's part of its and the champion's.

    Attributes
    ----------
    arms : percent of listings by version, of all versions beside the champion
    """

    arms: dict[str, float]

    def of(self, version: str, share: float) -> float:
        """Return the chance that a listing is the version's if it is its or the champion's, 0..1.

        Parameters
        ----------
        share : of all listings, also of those that other versions beside the champion answer
        """
        others = sum(weight for of, weight in self.arms.items() if of != version) / 100
        return min(1.0, share / (1.0 - others)) if others < 1 else 1.0


def count_events(database: Database, task: str, ramps: Sequence[Ramp]) -> set[tuple[str, str]]:
    """Append what happened to the inputs of a task's ramps, in a transaction with `lock_task`.

    Returns
    -------
    The versions and listings that something bad happened to.
    """
    exposures, events = _take(database, Exposure, task), _take(database, BadEvent, task)
    shares, moved = _shares(database, task), _moved(database, task, exposures)
    repeated = _repeated(database, task, events)
    for ramp in ramps:
        mine = (row for row in exposures if row.beside == ramp.version)
        add_inputs(database, ramp, [_exposure(ramp, row, row.id in moved, shares) for row in mine])
        fresh = (row for row in events if row.beside == ramp.version and row.id not in repeated)
        add_inputs(database, ramp, [_bad(ramp, row) for row in fresh])
    return {(row.version, row.listing_key) for row in events}


def _take(database: Database, table: type[Exposure] | type[BadEvent], task: str) -> list[Row[Any]]:
    """Mark a task's next rows as counted and return them in order."""
    new = select(table.id).where(table.task == task, table.counted.is_(False))
    ids = new.order_by(table.id).limit(_AT_ONCE).scalar_subquery()
    marked = update(table).where(table.task == task, table.id.in_(ids)).values(counted=True)
    columns = [column for column in table.__table__.columns if column.name != "counted"]
    return sorted(database.execute(marked.returning(*columns)).all(), key=lambda row: row.id)


def _shares(database: Database, task: str) -> Shares:
    running = Slot.task == task, Slot.slot != CHAMPION, Slot.mode == Mode.CANARY
    rows = database.execute(
        select(Slot.version, Slot.weight).where(*running, Slot.stopped.is_(None))
    )
    return Shares({row.version: row.weight for row in rows})


def _moved(database: Database, task: str, rows: Sequence[Row[Any]]) -> set[int]:
    """Return the exposures of listings that had another answer since the version came."""
    first = database.execute(
        select(Exposure.beside, Exposure.listing_key, func.min(Exposure.id))
        .where(Exposure.task == task, Exposure.listing_key.in_({row.listing_key for row in rows}))
        .group_by(Exposure.beside, Exposure.listing_key)
    )
    earliest = {(beside, key): number for beside, key, number in first}
    return {row.id for row in rows if earliest[row.beside, row.listing_key] < row.id}


def _repeated(database: Database, task: str, rows: Sequence[Row[Any]]) -> set[int]:
    """Return the events of listings that had met the same with the other version."""
    first = database.execute(
        select(BadEvent.beside, BadEvent.listing_key, BadEvent.kind, func.min(BadEvent.id))
        .where(BadEvent.task == task, BadEvent.listing_key.in_({row.listing_key for row in rows}))
        .group_by(BadEvent.beside, BadEvent.listing_key, BadEvent.kind)
    )
    earliest = {(beside, key, kind): number for beside, key, kind, number in first}
    return {row.id for row in rows if earliest[row.beside, row.listing_key, row.kind] < row.id}


def _exposure(ramp: Ramp, row: Row[Any], moved: bool, shares: Shares) -> Record:
    share = shares.of(ramp.version, row.share)
    challenger = row.version == ramp.version
    return {"kind": "exposure", "challenger": challenger, "share": share, "moved": moved}


def _bad(ramp: Ramp, row: Row[Any]) -> Record:
    challenger = row.version == ramp.version
    return {"kind": "bad", "event": row.kind, "challenger": challenger, "share": row.share}


def count_overrides(database: Database, task: str, ramps: Sequence[Ramp], settle_s: float) -> None:
    """Append who was right where a version and the champion differ and a person said so."""
    settled = Feedback.at < func.now() - timedelta(seconds=settle_s)
    new = select(Feedback.id).where(Feedback.task == task, Feedback.counted.is_(False), settled)
    ids = new.order_by(Feedback.id).limit(_AT_ONCE).scalar_subquery()
    marked = update(Feedback).where(Feedback.id.in_(ids)).values(counted=True)
    taken = marked.returning(Feedback.id, Feedback.content_sha256, Feedback.correct)
    said = sorted(database.execute(taken).all(), key=lambda row: row.id)
    right = {row.content_sha256: row.correct for row in said if row.correct is not None}
    if not right:
        return
    for ramp in ramps:
        add_inputs(database, ramp, list(_overrides(database, ramp, right)))


def _overrides(database: Database, ramp: Ramp, right: dict[str, str]) -> Iterable[Record]:
    other = aliased(Prediction)
    pairs = database.execute(
        select(
            Prediction.id,
            Prediction.content_sha256,
            Prediction.listing_key,
            Prediction.label,
            other.label.label("champions"),
        )
        .join(other, (other.pair_id == Prediction.pair_id) & (other.id != Prediction.id))
        .where(Prediction.content_sha256.in_(right), other.content_sha256.in_(right))
        .where(Prediction.task == ramp.task, Prediction.version == ramp.version)
        .where(other.task == ramp.task, other.version == ramp.champion)
        .where(Prediction.id > ramp.cursors["from"], Prediction.agrees.is_(False))
        .order_by(Prediction.id)
    )
    # people correct what they were given, and that is the version's as often as it answers
    share = ramp.weight / 100 if ramp.mode == Mode.CANARY else 0.0
    for row in pairs.all():
        truth = right[row.content_sha256]
        if (row.label == truth) != (row.champions == truth) and _first(database, ramp, row):
            yield {"kind": "override", "challenger_right": row.label == truth, "share": share}


def _first(database: Database, ramp: Ramp, row: Row[Any]) -> bool:
    """Say whether nobody has spoken of the listing yet, and remember it."""
    see_listings(database, ramp, {row.listing_key})
    mine = (
        RampListing.task == ramp.task,
        RampListing.version == ramp.version,
        RampListing.listing_key == row.listing_key,
        RampListing.overridden.is_(False),
    )
    told = update(RampListing).where(*mine).values(overridden=True)
    return database.execute(told.returning(RampListing.listing_key)).first() is not None
