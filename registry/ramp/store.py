"""A ramp's row: how it begins, what it holds, and the evidence that is kept with it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.orm import Session as Database

from registry.evidence import Evidence, Verdict, fold_all, judge, start
from registry.ramp.decide import RampState
from registry.ramp.rules import RampRules, read_rules
from registry.ramp.states import LIVE, Decided, State
from registry.traffic import APPROVAL, APPROVED, Traffic
from serving.db.canary_tables import (
    BadEvent,
    Exposure,
    Feedback,
    Prediction,
    Ramp,
    RampDecision,
    RampInput,
    RampListing,
)
from serving.jobs.recall import recall_within
from serving.models.routing import CHALLENGER
from serving.models.slots import Mode
from serving.operations.decisions import NewDecision, write_decision

_FOLDED_AT_ONCE = 2000
_FOLDED_PER_LOOK = 20_000


@dataclass(frozen=True)
class Beginning:
    """A version that has come beside the champion.

    Attributes
    ----------
    champion : the version that it is compared with
    tags : what the version's tags say of its traffic, as `tags_of` reads them
    forecast : what its gates foretold of its answers beside the champion's; None: nothing
    """

    task: str
    slot: str
    version: str
    champion: str
    traffic: Traffic
    rules: RampRules
    forecast: dict[str, Any] | None = None
    approval: str | None = None


def seen_of(traffic: Traffic, approval: str | None) -> dict[str, Any]:
    """Return what is remembered of a version's tags, to notice a person's hand in them."""
    return {"mode": traffic.mode.value, "weight": traffic.weight, APPROVAL: approval}


def begin(database: Database, new: Beginning, why: str) -> None:
    """Begin a ramp, or let one go on whose alias was away; in a transaction with `lock_task`.

    Evidence is kept for as long as the version is compared with the same champion and was not taken
    back.
    """
    _end_others(database, new)
    ramp = database.get(Ramp, (new.task, new.version))
    if ramp is not None and ramp.champion == new.champion and ramp.slot == new.slot:
        if ramp.state in LIVE:
            return
        if ramp.state == State.WITHDRAWN:
            ramp.seen = seen_of(new.traffic, new.approval)
            ramp.state, ramp.why = _first_state(new), "its alias is back"
            ramp.weight, ramp.mode = new.traffic.weight, new.traffic.mode.value
            write(database, ramp, "resume", "alias", ramp.why)
            return
    _begin_anew(database, ramp, new, why)
    _note_begin(database, database.get_one(Ramp, (new.task, new.version)), why)


def begin_against(database: Database, ramp: Ramp, champion: str) -> None:
    """Begin a ramp anew because another version is the champion: nothing is known beside that one.

    What the ramp wants is a shadow again; an arm of an experiment keeps its traffic.
    """
    salt = ""  # is the slot's and not the ramp's
    mode, weight = Mode(ramp.mode), ramp.weight
    if ramp.slot == CHALLENGER:
        mode, weight = Mode.SHADOW, 0.0
    traffic, seen, rules = Traffic(mode, weight, 100.0, salt), ramp.seen, rules_of(ramp)
    new = Beginning(ramp.task, ramp.slot, ramp.version, champion, traffic, rules)
    why = f"version {champion} is the champion now, and this one was compared with {ramp.champion}"
    _begin_anew(database, ramp, new, why)
    ramp.seen = seen
    _note_begin(database, ramp, why)


def _note_begin(database: Database, ramp: Ramp, why: str) -> None:
    details = {
        "champion": ramp.champion,
        "from_id": ramp.from_id,
        "settings": ramp.settings,
        "forecast": ramp.forecast,
        "weight": ramp.weight if ramp.mode == Mode.CANARY else 0.0,
    }
    write(database, ramp, "begin", "publisher", why, details)


def _begin_anew(database: Database, ramp: Ramp | None, new: Beginning, why: str) -> None:
    _forget(database, new.task, new.version)
    of_version = RampInput.task == new.task, RampInput.version == new.version
    from_id = database.scalar(select(func.max(RampInput.id)).where(*of_version)) or 0
    answers = Prediction.task == new.task, Prediction.version == new.version
    answered_id = database.scalar(select(func.max(Prediction.id)).where(*answers)) or 0
    now = func.now()
    if ramp is None:
        ramp = Ramp(task=new.task, version=new.version)
        database.add(ramp)
    ramp.slot, ramp.champion, ramp.state = new.slot, new.champion, _first_state(new)
    ramp.step = step_of(new.rules, new.traffic.answered)
    ramp.weight, ramp.mode = new.traffic.weight, new.traffic.mode.value
    ramp.seen, ramp.why = seen_of(new.traffic, new.approval), why
    ramp.settings, ramp.forecast = new.rules.model_dump(mode="json"), new.forecast
    ramp.evidence = start(new.rules, new.forecast).as_json()
    ramp.from_id = ramp.through_id = from_id
    ramp.cursors = {"from": answered_id, "safe": answered_id, "next": answered_id, "rounds": 0}
    ramp.started_at = ramp.step_at = ramp.heard_at = ramp.looked_at = now
    database.flush()
    database.refresh(ramp)


def _forget(database: Database, task: str, version: str) -> None:
    """Forget what was observed of an earlier trial, or that would not be observed again."""
    for table in (Exposure, BadEvent):
        database.execute(delete(table).where(table.task == task, table.beside == version))
    live = select(Ramp.version).where(
        Ramp.task == task, Ramp.state.in_(LIVE), Ramp.version != version
    )
    if database.scalar(live.limit(1)) is None:
        # what people said before is not about this version
        said = update(Feedback).where(Feedback.task == task, Feedback.counted.is_(False))
        database.execute(said.values(counted=True))
    ended = RampListing.task == task, RampListing.version.not_in(live)
    database.execute(delete(RampListing).where(*ended))


def _end_others(database: Database, new: Beginning) -> None:
    """One version at a time in a slot: who was there before is withdrawn, or is the champion."""
    others = select(Ramp).where(
        Ramp.task == new.task,
        Ramp.slot == new.slot,
        Ramp.version != new.version,
        Ramp.state.in_(LIVE),
    )
    for ramp in database.scalars(others).all():
        if ramp.version == new.champion:
            promoted(database, ramp, "alias")
        else:
            withdraw(database, ramp, f"version {new.version} has taken its place")


def withdraw(database: Database, ramp: Ramp, why: str) -> None:
    """End a ramp without a verdict; it goes on if its alias comes back.

    What the version answered is answered again, because nobody answers those listings so any more.
    """
    ramp.state, ramp.why = State.WITHDRAWN, why
    write(database, ramp, "withdraw", "alias", why)
    recall_within(database.connection(), ramp.task, ramp.version)


def _first_state(new: Beginning) -> State:
    if new.slot != CHALLENGER:
        return State.FIXED
    untouched = new.traffic.mode == Mode.SHADOW
    return State.RUNNING if untouched else State.PAUSED


def step_of(rules: RampRules, weight: float) -> int:
    """Return the last step whose weight is no more than that."""
    return max(
        index for index, step in enumerate(rules.steps) if step.weight <= weight or not index
    )


def rules_of(ramp: Ramp) -> RampRules:
    """Return the rules that the ramp began with; later edits are of later ramps."""
    try:
        return RampRules.model_validate(ramp.settings)
    except ValidationError:
        # it began with a release whose rules had another form; unwatched it must not go on
        return read_rules(ramp.task)


def live_ramps(database: Database, task: str) -> list[Ramp]:
    """Return the ramps of a task that are looked at."""
    found = select(Ramp).where(Ramp.task == task, Ramp.state.in_(LIVE)).order_by(Ramp.version)
    return list(database.scalars(found))


def add_inputs(database: Database, ramp: Ramp, records: list[dict[str, Any]]) -> None:
    """Append records, in order, to what counts for or against a version."""
    rows = [{"task": ramp.task, "version": ramp.version, "record": record} for record in records]
    if rows:
        database.execute(insert(RampInput), rows)
        if any(record["kind"] == "listing" for record in records):
            ramp.heard_at = func.now()


def fold_inputs(database: Database, ramp: Ramp, rules: RampRules) -> Evidence:
    """Bring a ramp's evidence up to date with its inputs, as far as one look goes."""
    evidence = Evidence.from_json(ramp.evidence)
    through = ramp.through_id
    for _ in range(_FOLDED_PER_LOOK // _FOLDED_AT_ONCE):
        rows = database.execute(inputs_after(ramp.task, ramp.version, through, _FOLDED_AT_ONCE))
        batch = rows.all()
        if not batch:
            break
        evidence = fold_all(evidence, [row.record for row in batch], rules)
        through = batch[-1].id
    if through != ramp.through_id:
        ramp.evidence, ramp.through_id = evidence.as_json(), through
    return evidence


def inputs_after(
    task: str, version: str, after_id: int, limit: int | None = None
) -> Select[tuple[int, dict[str, Any]]]:
    """Return the query of what counts for or against a version after that one, in order."""
    mine = RampInput.task == task, RampInput.version == version, RampInput.id > after_id
    return select(RampInput.id, RampInput.record).where(*mine).order_by(RampInput.id).limit(limit)


def judged(evidence: Evidence, rules: RampRules) -> tuple[Verdict, dict[str, Any]]:
    """Return the verdict on some evidence, and as JSON."""
    verdict = judge(evidence, rules)
    return verdict, asdict(verdict)


def state_of(database: Database, ramp: Ramp, rules: RampRules, now: datetime) -> RampState:
    """Return a ramp as `registry.ramp.decide` takes it, by the database's time."""
    earlier = select(Ramp.version).where(
        Ramp.task == ramp.task,
        Ramp.slot == CHALLENGER,
        Ramp.version != ramp.version,
        Ramp.state.in_(LIVE),
        Ramp.started_at < ramp.started_at,
    )
    return RampState(
        task=ramp.task,
        version=ramp.version,
        step=ramp.step,
        weight=ramp.weight if ramp.mode == Mode.CANARY else 0.0,
        ramp_s=(now - ramp.started_at).total_seconds(),
        step_s=(now - ramp.step_at).total_seconds(),
        listings_last_day=_listings_last_day(database, ramp, rules.traffic.listings_per_day, now),
        state=State(ramp.state),
        approved=ramp.seen.get(APPROVAL) == APPROVED,
        other_ramp=database.scalar(earlier.limit(1)),
    )


def _listings_last_day(database: Database, ramp: Ramp, enough: int, now: datetime) -> int:
    """Count the listings compared in a day, up to as many as are enough."""
    newest = (
        select(RampInput.at)
        .where(RampInput.task == ramp.task, RampInput.version == ramp.version)
        .where(RampInput.id > ramp.from_id, RampInput.record["kind"].astext == "listing")
        .order_by(RampInput.id.desc())
        .limit(enough)
        .subquery()
    )
    recent = select(func.count()).where(newest.c.at > now - timedelta(days=1))
    return database.scalar(recent) or 0


def write(
    database: Database,
    ramp: Ramp,
    decision: str,
    by: str,
    why: str,
    details: Mapping[str, Any] | None = None,
) -> Decided:
    """Write a decision about a ramp."""
    new = NewDecision(
        ramp.task, ramp.version, ramp.slot, decision, by, why, ramp.step, dict(details or {}),
        ramp.through_id,
    )  # fmt: skip
    number = write_decision(database.connection(), new)
    return decided(database.get_one(RampDecision, number))


def write_once(  # noqa: PLR0913 - as `write`
    database: Database,
    ramp: Ramp,
    decision: str,
    reason: str,
    why: str,
    by: str = "guard",
    details: Mapping[str, Any] | None = None,
) -> Decided | None:
    """Write a decision unless the last of that kind gave the same reason at the same step.

    Parameters
    ----------
    reason : a short name of `why`, which stays the same while numbers change
    """
    last = database.execute(
        select(RampDecision.decision, RampDecision.step, RampDecision.details)
        .where(RampDecision.task == ramp.task, RampDecision.version == ramp.version)
        .where(RampDecision.decision.in_((decision, "begin")))
        .order_by(RampDecision.id.desc())
        .limit(1)
    ).first()
    same = last and last.decision == decision and last.step == ramp.step
    if same and last and last.details.get("reason") == reason:
        return None
    return write(database, ramp, decision, by, why, {**(details or {}), "reason": reason})


def promoted(database: Database, ramp: Ramp, by: str) -> None:
    """End a ramp because its version is the champion."""
    ramp.state, ramp.why = State.PROMOTED, f"it is the champion instead of {ramp.champion}"
    write(database, ramp, "promoted", by, ramp.why)


def decided(row: RampDecision) -> Decided:
    """Return a decision as the rest of the project knows it."""
    return Decided(
        row.id, row.task, row.version, row.decision, row.by, row.step, row.why, row.details,
        row.through_id, row.at,
    )  # fmt: skip
