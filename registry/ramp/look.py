"""One look at a task's ramps: what is new is counted, and what it says is judged."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session as Database

from registry.evidence import Verdict, judge
from registry.ramp.decide import Decision, RampState, decide
from registry.ramp.listings import count_listings, find_listings, see_listings
from registry.ramp.observations import count_events, count_overrides
from registry.ramp.rules import RampRules
from registry.ramp.states import LIVE, Decided
from registry.ramp.store import fold_inputs, live_ramps, rules_of, state_of, write_once
from serving.db.canary_tables import Ramp
from serving.db.engine import database_time
from serving.operations.decisions import lock_task


@dataclass(frozen=True)
class Look:
    """What a look at a ramp found.

    Attributes
    ----------
    now : the database's time
    """

    ramp: Ramp
    rules: RampRules
    state: RampState
    verdict: Verdict
    decision: Decision
    now: datetime

    @property
    def details(self) -> dict[str, Any]:
        """Return all that the decision was made from, to be kept and worked out again."""
        return {
            "kind": self.decision.kind,
            "reason": self.decision.reason,
            "weight": self.state.weight,
            "state": asdict(self.state),
            "verdict": plain(self.verdict),
            "now": self.now.isoformat(),
        }


def plain(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON has it, which knows no infinity."""
    found = _finite(asdict(verdict))
    assert isinstance(found, dict)
    return found


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return math.copysign(1e300, value) if value == value else None
    return value


@contextmanager
def deciding(engine: Engine, task: str) -> Iterator[Database]:
    """Open a transaction in which nobody else decides about the task's versions."""
    with Database(engine) as database, database.begin():
        lock_task(database.connection(), task)
        yield database


def look(database: Database, task: str) -> list[Look]:
    """Count what is new of a task's versions and judge each, in a transaction of `deciding`."""
    ramps = live_ramps(database, task)
    if not ramps:
        return []
    now = database_time(database.connection())
    rules = {ramp.version: rules_of(ramp) for ramp in ramps}
    struck = count_events(database, task, ramps)
    settle_s = max(of.settle_s for of in rules.values())
    count_overrides(database, task, ramps, settle_s)
    for ramp in ramps:
        see_listings(database, ramp, {key for version, key in struck if version == ramp.version})
        find_listings(database, ramp, now)
        count_listings(database, ramp, rules[ramp.version].settle_s)
    database.flush()
    return [_judge(database, ramp, rules[ramp.version], now) for ramp in ramps]


def _judge(database: Database, ramp: Ramp, rules: RampRules, now: datetime) -> Look:
    verdict = judge(fold_inputs(database, ramp, rules), rules)
    state = state_of(database, ramp, rules, now)
    return Look(ramp, rules, state, verdict, decide(state, verdict, rules, now), now)


def write_new(database: Database, found: Look, by: str) -> Decided | None:
    """Write a look's decision, unless the same was decided before; return what was written."""
    made, ramp = found.decision, found.ramp
    ramp.why = made.why
    return write_once(database, ramp, made.kind, made.reason, made.why, by, found.details)


def running_tasks(engine: Engine) -> list[str]:
    """Return the tasks that have a ramp to be looked at."""
    with Database(engine) as database:
        found = select(Ramp.task).where(Ramp.state.in_(LIVE)).distinct().order_by(Ramp.task)
        return list(database.scalars(found))
