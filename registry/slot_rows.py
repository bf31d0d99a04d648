"""Writes `slots`, which is all that serving knows, and what was published when."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as Database

from registry.versions import ModelFiles
from serving.db.canary_tables import Publication
from serving.db.tables import Slot
from serving.models.slots import CHANNEL, Mode
from serving.storage.objects import Storage, write_by_sha256
from serving.storage.prefixes import MODELS

# more than any process takes to hear of a change
_REMEMBERED_S = 600.0


@dataclass(frozen=True)
class Stored:
    """A version whose files lie in the object storage."""

    version: str
    model_sha256: str
    card_sha256: str


def store(storage: Storage, version: str, files: ModelFiles) -> Stored:
    """Write a version's files to the object storage, under their SHA-256."""
    model = write_by_sha256(storage, MODELS, files.model)
    return Stored(version, model, write_by_sha256(storage, MODELS, files.card))


def write_slot(database: Database, task: str, slot: str, stored: Stored, **traffic: object) -> None:
    """Let a version stand in a slot; its files, and where they changed, are remembered.

    Parameters
    ----------
    traffic : `mode`, `weight`, `salt` and `shadow` of a version beside the champion
    """
    mine = Slot.task == task, Slot.slot == slot
    found = database.scalar(select(Slot).where(*mine))
    before = found.version if found is not None else None
    earlier = _earlier(database, found, stored.version, traffic.get("salt", ""))
    row = {**vars(stored), **traffic, "earlier": earlier, "updated_at": func.now()}
    new = insert(Slot).values(task=task, slot=slot, **row)
    # what a guard stopped is another version's matter, or was taken back by a person
    changed = row | ({"stopped": None} if before != stored.version else {})
    database.execute(new.on_conflict_do_update(index_elements=["task", "slot"], set_=changed))
    if before != stored.version:
        database.execute(insert(Publication).values(task=task, slot=slot, **vars(stored)))
    notify(database, task)


def remove_slot(database: Database, task: str, slot: str) -> bool:
    """Empty a slot beside the champion; return whether there was something."""
    gone = delete(Slot).where(Slot.task == task, Slot.slot == slot).returning(Slot.version)
    found = database.execute(gone).first() is not None
    if found:
        notify(database, task)
    return found


def set_traffic(  # noqa: PLR0913 - a row's traffic
    database: Database, task: str, slot: str, mode: str, weight: float, salt: str, shadow: float
) -> bool:
    """Change what a version is asked for, unless it was stopped; return whether it did."""
    found = database.scalar(select(Slot).where(Slot.task == task, Slot.slot == slot))
    wanted = (Mode(mode), weight, salt, shadow)
    if found is None or found.stopped:
        return False
    if (Mode(found.mode), found.weight, found.salt, found.shadow) == wanted:
        return False
    found.earlier = _earlier(database, found, found.version, salt)
    found.mode, found.weight, found.salt, found.shadow = mode, weight, salt, shadow
    found.updated_at = func.now()
    database.flush()
    notify(database, task)
    return True


def _earlier(
    database: Database, found: Slot | None, version: str, salt: object
) -> list[list[float]]:
    """Return the weights that a version had until now, of its salt; another's do not count."""
    # not when this transaction began: it may have waited since
    now = float(database.scalar(select(func.extract("epoch", func.clock_timestamp()))) or 0)
    if found is None or (found.version, found.salt) != (version, salt):
        return [[0.0, now]]
    answers = found.mode == Mode.CANARY and not found.stopped
    kept = [[weight, ended] for weight, ended in found.earlier if ended > now - _REMEMBERED_S]
    return [*kept, [found.weight if answers else 0.0, now]]


def notify(database: Database, task: str) -> None:
    """Tell whoever follows the slots, once the transaction is committed."""
    database.execute(select(func.pg_notify(CHANNEL, task)))


@contextmanager
def publishing(engine: Engine) -> Iterator[None]:
    """Hold the right to bring aliases, tags and slots in line; one round at a time, of anybody."""
    with engine.connect() as connection, connection.begin():
        key = func.hashtextextended("a publisher's round", 0)
        connection.execute(select(func.pg_advisory_xact_lock(key)))
        yield
