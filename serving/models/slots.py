"""What registry.publish put into the `slots` table, and how a process keeps up with it."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import psycopg
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Database

from serving.db.engine import is_pooled, session_url
from serving.db.tables import Slot
from serving.errors import first_line
from serving.models.routing import CHALLENGER, CHAMPION, Arm, Route

log = logging.getLogger(__name__)

CHANNEL = "slots"
_AT_FIRST_S = 0.2


class Mode(StrEnum):
    """What a version beside the champion is asked for.

    Attributes
    ----------
    CANARY : it answers its share of listings
    SHADOW : it is asked as well, and answers nobody
    OFF : nothing
    """

    CANARY = "canary"
    SHADOW = "shadow"
    OFF = "off"


@dataclass(frozen=True)
class Published:
    """One row of `slots`: which version answers, the hashes of its files, and its traffic.

    Attributes
    ----------
    weight : the share of listings that it answers, in percent; of the champion: no matter
    shadow : the share of listings, in percent, of which it is asked beside another's answer
    stopped : why a guard took its traffic away; empty: it did not
    earlier : weights that it had a moment ago, each with when that ended by this process's
        `time.monotonic`
    """

    task: str
    slot: str
    version: str
    model_sha256: str
    card_sha256: str
    mode: Mode = Mode.CANARY
    weight: float = 100.0
    salt: str = ""
    shadow: float = 100.0
    stopped: str = ""
    earlier: tuple[tuple[float, float], ...] = field(default=(), compare=False)

    @classmethod
    def pinned(cls, task: str, pin: Mapping[str, str]) -> "Published":
        """Return the version that was pinned, whatever its traffic was."""
        return cls(task, pin["slot"], pin["version"], pin["model_sha256"], pin["card_sha256"])

    @property
    def identity(self) -> str:
        """Return what the version's answers are remembered by."""
        return identity_of(self.version, self.model_sha256, self.card_sha256)

    @property
    def runs(self) -> bool:
        """Say whether it is asked for anything."""
        return self.slot == CHAMPION or (self.mode != Mode.OFF and not self.stopped)

    def raises(self, together_s: float) -> tuple[float, ...]:
        """Return the moments from which more traffic holds, past ones among them."""
        return tuple(ended + together_s for _, ended in self.earlier)

    def at(self, moment: float, together_s: float) -> "Published":
        """Return the row as it holds at a moment.

        That is with the lowest weight of the last `together_s`: less holds at once, more only when
        every process has heard of it.

        Examples
        --------
        >>> row = Published("rooms", "challenger", "7", "", "", weight=25.0, earlier=((5.0, 10.0),))
        >>> row.at(12.0, 2.5).weight, row.at(12.5, 2.5).weight
        (5.0, 25.0)
        """
        lately = (weight for weight, ended in self.earlier if ended + together_s > moment)
        return replace(self, weight=min([self.weight, *lately]))


def identity_of(version: str, model_sha256: str, card_sha256: str) -> str:
    """Return what a model's answers are remembered by: the version, its weights and its card."""
    return f"{version}@{model_sha256[:12]}.{card_sha256[:12]}"


Slots = Mapping[tuple[str, str], Published]


def route_of(slots: Slots, task: str) -> Route:
    """Return who answers a task, as its rows say.

    Examples
    --------
    >>> row = Published("rooms", "challenger", "7", "", "", Mode.CANARY, 5.0, "7-1a")
    >>> route_of({("rooms", "challenger"): row}, "rooms").arms
    (Arm(slot='challenger', weight=5.0),)
    """
    beside = sorted(
        (row for (of, slot), row in slots.items() if of == task and slot != CHAMPION and row.runs),
        key=lambda row: row.slot,
    )
    if not beside:
        return Route(task)
    arms = tuple(Arm(row.slot, row.weight) for row in beside if row.mode == Mode.CANARY)
    shadow = max((row.shadow for row in beside if row.slot == CHALLENGER), default=0.0)
    return Route(task, beside[0].salt, arms, shadow)


def read_slots(engine: Engine) -> Slots:
    """Return every slot by (task, slot)."""
    with Database(engine) as database:
        now = func.extract("epoch", func.clock_timestamp())
        rows = database.execute(select(Slot, now)).all()
        here = time.monotonic()
        return {
            (row.task, row.slot): Published(
                row.task,
                row.slot,
                row.version,
                row.model_sha256,
                row.card_sha256,
                Mode(row.mode),
                row.weight,
                row.salt,
                row.shadow,
                row.stopped or "",
                tuple((weight, here - float(now) + ended) for weight, ended in row.earlier),
            )
            for row, now in rows
        }


class SlotFollower:
    """Calls `apply` with the slots at once, then whenever they may have changed.

    Listens for PostgreSQL's notifications and looks every `poll_s` besides, because a notification
    is lost with its connection. A database that is away is logged and tried again; what is served
    meanwhile stays.
    """

    def __init__(self, engine: Engine, apply: Callable[[Slots], None], poll_s: float) -> None:
        self._engine, self._applies, self._poll_s = engine, [apply], poll_s
        self._lock = threading.Lock()
        self._known: Slots | None = None
        self._stop, self._applied = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._follow, name="slots", daemon=True)

    def start(self, wait_s: float = 5.0) -> None:
        """Follow in a thread of its own; returns once the slots were applied, or after `wait_s`."""
        self._thread.start()
        if not self._applied.wait(wait_s):
            log.warning("no slots after %s s; going on with what is baked in", wait_s)

    def also(self, apply: Callable[[Slots], None]) -> None:
        """Call this as well from now on, after those before it; at once if slots are known."""
        with self._lock:
            self._applies.append(apply)
            if self._known is not None:
                apply(self._known)

    def stop(self, wait: bool = True) -> None:
        """Stop following; with `wait`, returns when the thread has ended."""
        self._stop.set()
        if wait:
            self._thread.join(timeout=self._poll_s + 5)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except (psycopg.Error, SQLAlchemyError) as error:
                log.warning("slots cannot be read, what is loaded stays: %s", first_line(error))
                # at first the database may be starting beside us, and nothing is served yet
                self._stop.wait(self._poll_s if self._applied.is_set() else _AT_FIRST_S)

    def _apply(self, slots: Slots) -> None:
        with self._lock:
            self._known = slots
            for apply in self._applies:
                apply(slots)
        self._applied.set()

    def _listen(self) -> None:
        address = session_url(self._engine).set(drivername="postgresql").render_as_string(False)
        with psycopg.connect(address, autocommit=True) as connection:
            # behind a pooler nothing would be heard: then the slots are only looked for
            if not is_pooled(connection):
                connection.execute(f"LISTEN {CHANNEL}")
            while not self._stop.is_set():
                self._apply(read_slots(self._engine))
                for _ in connection.notifies(timeout=self._poll_s, stop_after=1):
                    pass
