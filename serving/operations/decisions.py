"""What was decided about a task's versions: written down once, logged, and told to people."""

import logging
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, insert, select

from serving.db.canary_tables import RampDecision
from serving.db.tables import Json
from serving.jobs.outbox import enqueue_model_alert

log = logging.getLogger(__name__)

ROLL_BACK = "roll_back"
# the others change nothing that a person would have to look at
_TOLD = {ROLL_BACK: "error", "alert": "warning", "pause": "warning", "promoted": "info"}


@dataclass(frozen=True)
class NewDecision:
    """A decision that is about to be written.

    Attributes
    ----------
    decision : one of the words of `registry.ramp.states.Decided`
    by : `guard`, `ramp`, or who asked for it
    why : one sentence
    details : what it was decided from
    through_id : the last of `ramp_inputs` that had been counted
    """

    task: str
    version: str
    slot: str
    decision: str
    by: str
    why: str
    step: int = 0
    details: Json = field(default_factory=dict)
    through_id: int = 0


def lock_task(connection: Connection, task: str) -> None:
    """Let nobody else decide about a task's versions until the transaction ends."""
    key = func.hashtextextended(f"versions of {task}", 0)
    connection.execute(select(func.pg_advisory_xact_lock(key)))


def write_decision(connection: Connection, new: NewDecision) -> int:
    """Write a decision and owe people an alert of it, in one transaction; return its id."""
    row = {
        "task": new.task,
        "version": new.version,
        "decision": new.decision,
        "by": new.by,
        "step": new.step,
        "why": new.why,
        "details": {"slot": new.slot} | new.details,
        "through_id": new.through_id,
    }
    number = connection.scalar(insert(RampDecision).values(row).returning(RampDecision.id))
    assert number is not None, "RETURNING gives what was inserted"
    severity = _severity(new)
    if severity is not None:
        told = {name: row[name] for name in ("task", "version", "decision", "by", "step", "why")}
        data = told | {"slot": new.slot, "severity": severity}
        enqueue_model_alert(connection, f"decision_{number}", data)
    level = logging.WARNING if severity else logging.INFO
    log.log(
        level, "%s version %s: %s by %s: %s", new.task, new.version, new.decision, new.by, new.why
    )
    return number


def _severity(new: NewDecision) -> str | None:
    """Return how urgent a decision is to people; None: they need not hear of it."""
    asks = new.decision == "wait" and new.details.get("reason") == "approval"
    return "warning" if asks else _TOLD.get(new.decision)
