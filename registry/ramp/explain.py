"""Works a version's decisions out again from what was kept, and says whether they are the same.

Everything that a decision was made from is kept with it but the evidence, and that follows from the
inputs: rules, forecast and the first input stand in the decision `begin`, each other one names the
last input that had been counted.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session as Database

from registry.evidence import Evidence, fold_all, judge, start
from registry.ramp.decide import RampState, decide
from registry.ramp.look import plain
from registry.ramp.rules import RampRules
from registry.ramp.states import Decided, State
from registry.ramp.store import decided, inputs_after
from serving.db.canary_tables import RampDecision, RampInput
from serving.errors import BadInput

_CLOSE = 1e-9


@dataclass(frozen=True)
class Explained:
    """A decision, and what comes out when it is worked out again.

    Attributes
    ----------
    same : None: it was a person's, or followed a person's hand, and is not worked out
    differences : what comes out otherwise
    """

    decided: Decided
    same: bool | None
    differences: tuple[str, ...] = ()


@dataclass
class _Trial:
    """The evidence so far of a version, since it was begun last."""

    rules: RampRules
    evidence: Evidence
    through_id: int


def explain(engine: Engine, task: str, version: str) -> list[Explained]:
    """Work every decision about a version out again, the oldest first.

    Raises
    ------
    BadInput
        Nothing was ever decided about it.
    """
    with Database(engine) as database:
        mine = RampDecision.task == task, RampDecision.version == version
        rows = database.scalars(select(RampDecision).where(*mine).order_by(RampDecision.id)).all()
        if not rows:
            raise BadInput(f"nothing was ever decided about {task} version {version}")
        return list(_explain(database, [decided(row) for row in rows]))


def _explain(database: Database, made: list[Decided]) -> Iterator[Explained]:
    trial: _Trial | None = None
    for one in made:
        if one.decision == "begin":
            rules = RampRules.model_validate(one.details["settings"])
            from_id = one.details["from_id"]
            trial = _Trial(rules, start(rules, one.details["forecast"]), from_id)
        if trial is None or "verdict" not in one.details:
            yield Explained(one, None)
            continue
        _catch_up(database, trial, one)
        yield _compare(trial, one)


def _catch_up(database: Database, trial: _Trial, one: Decided) -> None:
    """Fold the inputs up to those that a decision was made from."""
    new = inputs_after(one.task, one.version, trial.through_id)
    rows = database.execute(new.where(RampInput.id <= one.through_id))
    trial.evidence = fold_all(trial.evidence, (row.record for row in rows), trial.rules)
    trial.through_id = one.through_id


def _compare(trial: _Trial, one: Decided) -> Explained:
    kept = one.details
    verdict = judge(trial.evidence, trial.rules)
    differences = list(_differences("verdict", kept["verdict"], plain(verdict)))
    state = RampState(**{**kept["state"], "state": State(kept["state"]["state"])})
    again = decide(state, verdict, trial.rules, datetime.fromisoformat(kept["now"]))
    if (again.kind, again.reason) != (kept["kind"], kept["reason"]):
        differences.append(f"it would be {again.kind} now: {again.why}")
    return Explained(one, not differences, tuple(differences))


def _differences(name: str, kept: Any, again: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield where two pieces of JSON differ; numbers may in their last digits."""
    if isinstance(kept, dict) and isinstance(again, dict):
        for key in sorted(kept.keys() | again.keys()):
            yield from _differences(f"{name}.{key}", kept.get(key), again.get(key))
    elif isinstance(kept, list) and isinstance(again, list) and len(kept) == len(again):
        for index, (one, other) in enumerate(zip(kept, again, strict=True)):
            yield from _differences(f"{name}.{index}", one, other)
    elif isinstance(kept, int | float) and isinstance(again, int | float):
        if not math.isclose(kept, again, rel_tol=_CLOSE, abs_tol=_CLOSE):
            yield f"{name} was {kept:.6g} and comes out as {again:.6g}"
    elif kept != again:
        yield f"{name} was {kept!r} and comes out as {again!r}"
