"""Moves a ramp on: what Dagster's sensor and people may do, and the guard may not.

Everything here writes the database alone. The publisher carries a weight that the ramp wants to the
version's tags and into `slots`, so a ramp goes no further while MLflow is away.
"""

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session as Database

from registry.ramp.guard import follow_slots, take_back
from registry.ramp.look import Look, deciding, look, write_new
from registry.ramp.states import Decided, State
from registry.ramp.store import (
    add_inputs,
    decided,
    live_ramps,
    rules_of,
    step_of,
    write,
)
from serving.db.canary_tables import Ramp, RampDecision
from serving.db.tables import Slot
from serving.errors import BadInput
from serving.models.routing import CHALLENGER
from serving.models.slots import Mode

_MOVES = (State.RUNNING, State.WAITING)


def advance(engine: Engine, task: str, by: str = "ramp") -> Decided | None:
    """Look at the task's ramp once and do what `registry.ramp.decide` says.

    Returns
    -------
    The decision, if it is another than the last one; None: there is no ramp, or nothing new.
    """
    with deciding(engine, task) as database:
        follow_slots(database, task)
        for found in look(database, task):
            if found.ramp.slot == CHALLENGER:
                return _carry_out(database, found, by)
            if found.decision.kind == "roll_back":
                take_back(database, found, by)
    return None


def _carry_out(database: Database, found: Look, by: str) -> Decided | None:
    ramp, made = found.ramp, found.decision
    ramp.looked_at = found.now
    if made.kind == "roll_back":
        take_back(database, found, by)
        return last_decision(database, ramp.task, ramp.version)
    raised, moves = made.kind in ("advance", "promote"), ramp.state in _MOVES
    if moves and not raised:
        ramp.state = State.WAITING if made.reason == "approval" else State.RUNNING
    if not raised:
        return write_new(database, found, by) if moves or made.kind == "alert" else None
    if not moves or _is_behind(database, ramp):
        return None
    ramp.state = State.RUNNING
    ramp.why = made.why
    if made.kind == "promote":
        ramp.state = State.PROMOTING
    else:
        _raise(ramp, found)
    told = write(database, ramp, made.kind, by, made.why, found.details)
    if made.kind == "advance":
        # it is counted from the next look on: the decision was made without it
        add_inputs(database, ramp, [{"kind": "step", "step": ramp.step}])
    return told


def _raise(ramp: Ramp, found: Look) -> None:
    ramp.step, ramp.step_at = found.decision.step, found.now
    ramp.weight, ramp.mode = found.rules.steps[ramp.step].weight, Mode.CANARY.value


def _is_behind(database: Database, ramp: Ramp) -> bool:
    """Say whether serving does not yet have the traffic that the ramp wanted before."""
    row = database.execute(
        select(Slot.mode, Slot.weight).where(
            Slot.task == ramp.task, Slot.slot == ramp.slot, Slot.version == ramp.version
        )
    ).first()
    return row is None or row.mode != ramp.mode or row.weight != ramp.weight


def pause(engine: Engine, task: str, by: str, why: str) -> Decided:
    """Leave the traffic as it is until `resume`; BadInput if no ramp is running."""
    with deciding(engine, task) as database:
        ramp = _ramp(database, task, State.RUNNING, State.WAITING, State.PAUSED)
        ramp.state, ramp.why = State.PAUSED, why
        return write(database, ramp, "pause", by, why)


def resume(engine: Engine, task: str, by: str) -> Decided:
    """Let a paused ramp go on from the step that its weight has reached; BadInput."""
    with deciding(engine, task) as database:
        ramp = _ramp(database, task, State.PAUSED)
        step = step_of(rules_of(ramp), ramp.weight if ramp.mode == Mode.CANARY else 0.0)
        if ramp.mode == Mode.OFF:
            ramp.mode, ramp.weight = Mode.SHADOW.value, 0.0
        ramp.state, ramp.why = State.RUNNING, f"{by} let it go on"
        if step != ramp.step:
            ramp.step, ramp.step_at = step, func.now()
            add_inputs(database, ramp, [{"kind": "step", "step": step}])
        return write(database, ramp, "resume", by, ramp.why)


def _ramp(database: Database, task: str, *states: State) -> Ramp:
    """Return the task's ramp if it is in one of those states."""
    for ramp in live_ramps(database, task):
        if ramp.slot == CHALLENGER and ramp.state in states:
            return ramp
    raise BadInput(f"{task} has no ramp that is {' or '.join(states)}")


def decisions(engine: Engine, task: str, after_id: int = 0, limit: int = 100) -> list[Decided]:
    """Return what was decided about a task's versions after that decision, the oldest first."""
    found = select(RampDecision).where(RampDecision.task == task, RampDecision.id > after_id)
    with Database(engine) as database:
        rows = database.scalars(found.order_by(RampDecision.id).limit(limit)).all()
        return [decided(row) for row in rows]


def last_decision(database: Database, task: str, version: str) -> Decided | None:
    """Return what was decided last about a version."""
    mine = RampDecision.task == task, RampDecision.version == version
    newest = select(RampDecision).where(*mine).order_by(RampDecision.id.desc()).limit(1)
    row = database.scalar(newest)
    return decided(row) if row else None
