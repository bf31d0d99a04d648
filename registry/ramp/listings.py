"""Listings that a version was asked about: each becomes one record once it has settled.

Which listings those are is read from `predictions` by their ids. An id is given out before its row
is committed, so what was read lately is read again: a listing that is known already stays as it is.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as Database

from registry.ramp.store import add_inputs
from serving.db.canary_tables import BadEvent, Prediction, Ramp, RampListing

# an answer's row is committed within so many seconds and looks after its id was given out
_COMMITTED_WITHIN_S, _COMMITTED_WITHIN_LOOKS = 20.0, 5
_READ_AT_ONCE = 20_000
_COUNTED_AT_ONCE, _COUNTED_PER_LOOK = 500, 5000
_KEPT = timedelta(days=7)  # of partitions that are looked into

Record = dict[str, Any]


def see_listings(database: Database, ramp: Ramp, keys: set[str]) -> None:
    """Remember listings that a version was seen with; those that are known stay as they are."""
    rows = [
        {"task": ramp.task, "version": ramp.version, "listing_key": key} for key in sorted(keys)
    ]
    if rows:
        database.execute(insert(RampListing).values(rows).on_conflict_do_nothing())


def find_listings(database: Database, ramp: Ramp, now: datetime) -> None:
    """Remember the listings that the version's newest answers are about."""
    cursors = dict(ramp.cursors)
    new = (
        select(Prediction.id, Prediction.listing_key)
        .where(Prediction.task == ramp.task, Prediction.version == ramp.version)
        .where(Prediction.id > cursors["safe"])
        .order_by(Prediction.id)
        .limit(_READ_AT_ONCE)
    )
    rows = database.execute(new).all()
    see_listings(database, ramp, {row.listing_key for row in rows})
    newest = rows[-1].id if rows else cursors["safe"]
    if len(rows) == _READ_AT_ONCE:
        # far behind: whoever wrote all that has long committed
        cursors |= {"safe": newest, "next": newest}
    ramp.cursors = _move(cursors, newest, now)


def _move(cursors: dict[str, Any], newest: int, now: datetime) -> dict[str, Any]:
    """Return the cursors after a look: what was seen long enough ago is not read again."""
    since = datetime.fromisoformat(cursors.get("at", now.isoformat()))
    rounds = cursors["rounds"] + 1
    waited = (now - since).total_seconds() >= _COMMITTED_WITHIN_S
    if waited and rounds >= _COMMITTED_WITHIN_LOOKS:
        return cursors | {
            "safe": max(cursors["next"], cursors["safe"]),
            "next": newest,
            "rounds": 0,
            "at": now.isoformat(),
        }
    return cursors | {"rounds": rounds, "at": since.isoformat()}


def count_listings(database: Database, ramp: Ramp, settle_s: float) -> None:
    """Append a record of each listing that has settled, once; so many a look at most."""
    for _ in range(_COUNTED_PER_LOOK // _COUNTED_AT_ONCE):
        if _count_some(database, ramp, settle_s) < _COUNTED_AT_ONCE:
            return


def _count_some(database: Database, ramp: Ramp, settle_s: float) -> int:
    settled = RampListing.seen_at <= func.now() - timedelta(seconds=settle_s)
    mine = RampListing.task == ramp.task, RampListing.version == ramp.version
    due = (
        select(RampListing.listing_key)
        .where(*mine, RampListing.counted.is_(False), settled)
        .order_by(RampListing.seen_at, RampListing.listing_key)
        .limit(_COUNTED_AT_ONCE)
    )
    keys = database.scalars(due).all()
    if not keys:
        return 0
    known = RampListing.listing_key.in_(keys)
    database.execute(update(RampListing).where(*mine, known).values(counted=True))
    add_inputs(database, ramp, _records(database, ramp, keys))
    return len(keys)


def _records(database: Database, ramp: Ramp, keys: Sequence[str]) -> list[Record]:
    bad = _bad_kinds(database, ramp, keys)
    groups: dict[str, dict[str, Record]] = defaultdict(dict)
    served: set[str] = set()
    for row in database.execute(_compared(ramp, keys)):
        if row.served:
            served.add(row.listing_key)
        if row.n:
            figures = {"n": row.n, "disagree": row.disagree, "distance": row.distance}
            # older rows, also those of a gateway that is older, have none
            known = {"shift": row.shift} if row.shifted == row.n else {}
            groups[row.listing_key][row.label_group] = figures | known
    return [
        {
            "kind": "listing",
            "slots": "served" if key in served else "pair",
            "challenger_bad": sorted(bad[key, ramp.version]),
            "champion_bad": sorted(bad[key, ramp.champion]),
            "groups": groups[key],
        }
        for key in keys
    ]


def _compared(ramp: Ramp, keys: Sequence[str]) -> Select[Any]:
    # PostgreSQL takes not-a-number for larger than any number
    bounded = func.least(func.greatest(Prediction.distance, 0.0), 1.0)
    shift = func.least(func.greatest(Prediction.shift, -1.0), 1.0)
    group = func.coalesce(Prediction.label_group, "*").label("label_group")
    return (
        select(
            Prediction.listing_key,
            group,
            func.count(Prediction.agrees).label("n"),
            func.count().filter(Prediction.agrees.is_(False)).label("disagree"),
            func.coalesce(func.sum(bounded), 0.0).label("distance"),
            func.count(Prediction.shift).label("shifted"),
            func.sum(shift).label("shift"),
            func.bool_or(Prediction.role == "served").label("served"),
        )
        .where(Prediction.task == ramp.task, Prediction.version == ramp.version)
        .where(Prediction.listing_key.in_(keys), Prediction.id > ramp.cursors["from"])
        .where(Prediction.at > func.now() - _KEPT)
        .group_by(Prediction.listing_key, group)
        .order_by(Prediction.listing_key, group)
    )


def _bad_kinds(
    database: Database, ramp: Ramp, keys: Sequence[str]
) -> dict[tuple[str, str], set[str]]:
    """Return the kinds of bad events by listing and version, since the version came."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    rows = database.execute(
        select(BadEvent.listing_key, BadEvent.version, BadEvent.kind)
        .where(BadEvent.task == ramp.task, BadEvent.listing_key.in_(keys))
        .where(BadEvent.beside == ramp.version)
    )
    for row in rows:
        found[row.listing_key, row.version].add(row.kind)
    return found
