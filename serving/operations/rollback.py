"""Takes a version back in the database alone, with MLflow and Dagster dead.

What serving follows changes in one transaction with the decision, the alert and the recall of what
the version answered. The registry's publisher brings MLflow's aliases and tags in line when it can;
until then the version is refused whatever they say.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, insert, select, update

from serving.db.canary_tables import Publication, Ramp, Rollback
from serving.db.tables import Json, Slot
from serving.errors import NothingToRollBack
from serving.jobs.recall import recall_within
from serving.models.routing import CHAMPION
from serving.models.slots import CHANNEL, Mode
from serving.operations.decisions import ROLL_BACK, NewDecision, lock_task, write_decision

ROLLED_BACK = "rolled_back"


@dataclass(frozen=True)
class Wanted:
    """Which version is to be taken back.

    Attributes
    ----------
    reason : one sentence, for whoever wonders later
    by : who says so
    version : that must be what the slot holds; asked for again it is the same rollback
    details : what it was decided from
    """

    task: str
    slot: str
    reason: str
    by: str
    version: str | None = None
    details: Json | None = None


@dataclass(frozen=True)
class RolledBack:
    """What was taken back.

    Attributes
    ----------
    target : the version that answers instead of a champion; None: it was beside the champion
    """

    task: str
    slot: str
    version: str
    target: str | None


def roll_back(
    engine: Engine, task: str, slot: str, reason: str, by: str, version: str | None = None
) -> RolledBack:
    """Stop a version beside the champion, or let the champion before answer again.

    What a stopped version answered is answered again. What a champion answered is not, because that
    may be everything there is: `python -m registry.recall` does it.

    Parameters
    ----------
    reason : one sentence, for whoever wonders later
    by : who says so
    version : that must be what the slot holds; asked for again it is the same rollback

    Raises
    ------
    NothingToRollBack
        The slot is empty, holds another version, or there is nothing to go back to.
    """
    with engine.begin() as connection:
        lock_task(connection, task)
        return roll_back_within(connection, Wanted(task, slot, reason, by, version))


def roll_back_within(connection: Connection, wanted: Wanted) -> RolledBack:
    """Do what `roll_back` does in a transaction that holds `lock_task`."""
    task, slot = wanted.task, wanted.slot
    found = connection.execute(
        select(Slot.version, Slot.stopped).where(Slot.task == task, Slot.slot == slot)
    ).first()
    asked = wanted.version or (found.version if found else None)
    if found is None or found.version != asked or found.stopped:
        return _done_before(connection, wanted, asked)
    target = None
    if slot == CHAMPION:
        target = _bring_back_former(connection, task, found.version)
    else:
        _stop(connection, wanted)
    row = {"task": task, "slot": slot, "version": found.version, "target": target}
    connection.execute(insert(Rollback).values(**row, reason=wanted.reason, by=wanted.by))
    _tell(connection, wanted, found.version, target)
    if slot != CHAMPION:
        recall_within(connection, task, found.version)
    connection.execute(select(func.pg_notify(CHANNEL, task)))
    return RolledBack(**row)


def _done_before(connection: Connection, wanted: Wanted, version: str | None) -> RolledBack:
    """Return the rollback that is asked for again."""
    row = connection.execute(
        select(Rollback.slot, Rollback.version, Rollback.target)
        .where(Rollback.task == wanted.task, Rollback.slot == wanted.slot)
        .where(Rollback.version == version)
        .order_by(Rollback.id.desc())
    ).first()
    if row is None:
        found = f"version {version}" if version else "a version"
        raise NothingToRollBack(f"{wanted.task} does not have {found} as its {wanted.slot}")
    return RolledBack(wanted.task, row.slot, row.version, row.target)


def _stop(connection: Connection, wanted: Wanted) -> None:
    connection.execute(
        update(Slot)
        .where(Slot.task == wanted.task, Slot.slot == wanted.slot)
        .values(stopped=wanted.reason, mode=Mode.OFF, weight=0, updated_at=func.now())
    )


def _bring_back_former(connection: Connection, task: str, version: str) -> str:
    """Let the champion before `version` answer; return its number."""
    later = select(Rollback.id).where(
        Rollback.task == task, Rollback.version == Publication.version, Rollback.at > Publication.at
    )
    former = connection.execute(
        select(Publication.version, Publication.model_sha256, Publication.card_sha256)
        .where(Publication.task == task, Publication.slot == CHAMPION)
        .where(Publication.version != version, ~later.exists())
        .order_by(Publication.id.desc())
    ).first()
    if former is None:
        raise NothingToRollBack(f"{task} has no champion before version {version} to go back to")
    files = former._asdict()
    here = Slot.task == task, Slot.slot == CHAMPION
    connection.execute(update(Slot).where(*here).values(**files, updated_at=func.now()))
    connection.execute(insert(Publication).values(task=task, slot=CHAMPION, **files))
    return str(former.version)


def _tell(connection: Connection, wanted: Wanted, version: str, target: str | None) -> None:
    """End the version's ramp, if it has one, and write the decision."""
    ended = connection.execute(
        update(Ramp)
        .where(Ramp.task == wanted.task, Ramp.version == version)
        .values(state=ROLLED_BACK, why=wanted.reason)
        .returning(Ramp.step, Ramp.through_id)
    ).first()
    details = (wanted.details or {}) | ({"target": target} if target else {})
    write_decision(
        connection,
        NewDecision(
            wanted.task,
            version,
            wanted.slot,
            ROLL_BACK,
            wanted.by,
            wanted.reason,
            ended.step if ended else 0,
            details,
            ended.through_id if ended else 0,
        ),
    )
