"""How many listings each arm has, and how many of them met what the experiment counts."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, func, or_, select

from registry.experiments.design import Design, Metric
from serving.db.canary_tables import BadEvent, Exposure, Feedback, Prediction, Publication
from serving.models.routing import CHAMPION, choose


@dataclass(frozen=True)
class Counts:
    """Of one arm: its listings, and those of them that met something bad."""

    listings: int
    bad: int


def begin_of(connection: Connection, design: Design, started_at: datetime) -> datetime:
    """Return when the last of the arms began to answer; before that all listings were one's."""
    first = (
        select(func.min(Publication.at).label("at"))
        .where(
            Publication.task == design.task,
            Publication.slot.in_(arm.slot for arm in design.arms),
            Publication.at >= started_at,
        )
        .group_by(Publication.slot)
        .subquery()
    )
    at: datetime | None = connection.scalar(select(func.max(first.c.at)))
    return at or started_at


def count_arms(engine: Engine, design: Design, started_at: datetime) -> Mapping[str, Counts]:
    """Return what is counted, by slot; `champion` is of the listings that no arm takes.

    A listing belongs to the arm that its key is assigned to, whichever version has answered it in
    the end: an arm that fails and leaves its listings to the champion does not gain by it.
    """
    with engine.connect() as connection:
        since = begin_of(connection, design, started_at)
        keys = _KEYS.get(design.metric, _seen)(connection, design, since)
        bad = _BAD[design.metric](connection, design, since)
    slots = {key: choose(design.route, key) for key in keys}
    listings = Counter(slots.values())
    met = Counter(slots[key] for key, slot in bad if key in slots and slot in (None, slots[key]))
    arms = (CHAMPION, *(arm.slot for arm in design.arms))
    return {slot: Counts(listings[slot], met[slot]) for slot in arms}


_Bad = Iterable[tuple[str, str | None]]


def _seen(connection: Connection, design: Design, since: datetime) -> set[str]:
    """Return the listings that were answered since then."""
    exposed = select(Exposure.listing_key).where(
        Exposure.task == design.task, Exposure.first_at >= since
    )
    answered = select(Prediction.listing_key).where(
        Prediction.task == design.task, Prediction.role == "served", Prediction.at >= since
    )
    return set(connection.scalars(exposed.union(answered)))


def _looked_at(connection: Connection, design: Design, since: datetime) -> set[str]:
    """Return those of them about which a person said something."""
    spoken = select(Feedback.listing_key).where(*_said(design, since))
    return _seen(connection, design, since) & set(connection.scalars(spoken))


def _corrected(connection: Connection, design: Design, since: datetime) -> _Bad:
    wrong = or_(
        Feedback.accepted.is_(False),
        Feedback.correct.is_not(None) & (Feedback.correct != Feedback.answered),
    )
    found = select(Feedback.listing_key).where(wrong, *_said(design, since)).distinct()
    return [(key, None) for key in connection.scalars(found)]


def _said(design: Design, since: datetime) -> tuple[ColumnElement[bool], ...]:
    return Feedback.task == design.task, Feedback.at >= since, Feedback.listing_key != ""


def _met(*kinds: str) -> Callable[[Connection, Design, datetime], _Bad]:
    def read(connection: Connection, design: Design, since: datetime) -> _Bad:
        # of the arm's own version: that the champion was slow beside it is not the arm's fault
        found = select(BadEvent.listing_key, BadEvent.slot).where(
            BadEvent.task == design.task, BadEvent.kind.in_(kinds), BadEvent.at >= since
        )
        return {(row.listing_key, row.slot) for row in connection.execute(found)}

    return read


_KEYS: Mapping[Metric, Callable[[Connection, Design, datetime], set[str]]] = {
    "rejected": _looked_at
}
_BAD: Mapping[Metric, Callable[[Connection, Design, datetime], _Bad]] = {
    "override": _corrected,
    "rejected": _corrected,
    "error": _met("error", "fallback"),
    "slow": _met("slow"),
}
