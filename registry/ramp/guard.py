"""Watches every version beside a champion, and takes one back on evidence of harm.

The guard may lower what a version is asked for and never raise it. It needs the database alone: it
works while MLflow and Dagster are dead, beside other guards and Dagster's sensor. One round costs
what has been observed since the last one, and is bounded.
"""

import logging
import threading

from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Database

from registry.ramp import metrics
from registry.ramp.look import Look, deciding, look, running_tasks, write_new
from registry.ramp.states import Decided, State
from registry.ramp.store import begin_against, live_ramps, promoted, withdraw, write_once
from serving.db.canary_tables import Ramp
from serving.db.tables import Slot
from serving.errors import BadInput, first_line
from serving.models.routing import CHAMPION
from serving.models.slots import CHANNEL, Mode
from serving.operations.rollback import Wanted, roll_back_within

log = logging.getLogger(__name__)

GUARD = "guard"
_SENSOR_SILENT_S = 900.0


def guard(engine: Engine) -> list[Decided]:
    """Look once at every ramp; return what was decided."""
    made = []
    for task in running_tasks(engine):
        try:
            with deciding(engine, task) as database:
                made += guard_task(database, task)
        except (ValueError, LookupError, TypeError, BadInput):
            # of this task's rows: the other tasks are looked at all the same
            log.exception("%s cannot be looked at", task)
    metrics.show(engine)
    return made


def guard_task(database: Database, task: str) -> list[Decided]:
    """Look once at a task's ramps, in a transaction of `deciding`."""
    follow_slots(database, task)
    made = []
    for found in look(database, task):
        if found.decision.kind == "roll_back":
            take_back(database, found, GUARD)
        else:
            alert = write_new(database, found, GUARD) if found.decision.kind == "alert" else None
            made += [told for told in (alert, _warn_of_silence(database, found)) if told]
        metrics.note(found)
    return made


def take_back(database: Database, found: Look, by: str) -> None:
    """Stop a version on the evidence of a look."""
    ramp = found.ramp
    database.flush()
    wanted = Wanted(ramp.task, ramp.slot, found.decision.why, by, ramp.version, found.details)
    roll_back_within(database.connection(), wanted)
    database.expire(ramp)


def follow_slots(database: Database, task: str) -> None:
    """Begin ramps anew whose champion is another now, and end those whose slot is not theirs."""
    running = select(Slot.slot, Slot.version).where(Slot.task == task, Slot.stopped.is_(None))
    rows = database.execute(running)
    holds = {row.slot: row.version for row in rows}
    for ramp in live_ramps(database, task):
        champion = holds.get(CHAMPION, ramp.champion)
        if champion == ramp.version:
            promoted(database, ramp, "alias")
        elif holds.get(ramp.slot) != ramp.version:
            withdraw(database, ramp, f"it is not published as {ramp.slot} any more")
        elif champion != ramp.champion:
            begin_against(database, ramp, champion)
            _lower(database, ramp)
    database.flush()


def _lower(database: Database, ramp: Ramp) -> None:
    """Bring a version's published traffic down to what its ramp wants; never up."""
    mine = Slot.task == ramp.task, Slot.slot == ramp.slot, Slot.weight > ramp.weight
    lowered = update(Slot).where(*mine, Slot.mode == Mode.CANARY, Slot.stopped.is_(None))
    row = {"mode": ramp.mode, "weight": ramp.weight, "updated_at": func.now()}
    if database.execute(lowered.values(**row).returning(Slot.task)).first():
        database.execute(select(func.pg_notify(CHANNEL, ramp.task)))


def _warn_of_silence(database: Database, found: Look) -> Decided | None:
    """Tell people once that nobody moves a ramp on."""
    ramp = found.ramp
    silent_s = (found.now - ramp.looked_at).total_seconds()
    if ramp.state not in (State.RUNNING, State.WAITING) or silent_s < _SENSOR_SILENT_S:
        return None
    why = f"nobody has looked whether the ramp may go on for {silent_s / 60:.0f} minutes"
    return write_once(database, ramp, "alert", "the sensor is silent", why)


class GuardThread:
    """Looks at all ramps every `poll_s`, whatever else the process waits for."""

    def __init__(self, engine: Engine, poll_s: float) -> None:
        self._engine, self._poll_s = engine, poll_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End after the look that is under way."""
        self._stop.set()
        self._thread.join(timeout=self._poll_s + 5)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                guard(self._engine)
            except SQLAlchemyError as error:
                log.warning("the guard cannot look, the next time is soon: %s", first_line(error))
            except Exception:
                # it must go on looking, at the other tasks at least
                log.exception("a look of the guard broke")
            self._stop.wait(self._poll_s)
