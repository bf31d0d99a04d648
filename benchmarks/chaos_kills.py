"""Kills the parts of a running studio with SIGKILL, and times until each is as before."""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import httpx
import psutil
from chaos_client import wait_until
from sqlalchemy import Engine, TextClause, text
from sqlalchemy.exc import DBAPIError

from stack.supervisor import Supervisor

KINDS = ("worker", "gateway", "supervisor", "postgres")
_WORDS = {"worker": "serving.worker", "gateway": "bentos.gateway", "postgres": "bin/postgres -D"}
_GIVE_UP_S, _BUSY_WITHIN_S = 60.0, 3.0

_RUNNING = text(
    "SELECT jobs.id, jobs.attempt FROM jobs JOIN workers ON workers.id = jobs.worker_id "
    "WHERE jobs.status = 'processing' AND workers.pid = :pid"
)
_BUSY = text(
    "SELECT DISTINCT workers.pid FROM jobs JOIN workers ON workers.id = jobs.worker_id "
    "WHERE jobs.status = 'processing'"
)
_STILL_LOST = text(
    "SELECT count(*) FROM jobs JOIN unnest(CAST(:ids AS uuid[]), CAST(:attempts AS int[])) "
    "AS was (id, attempt) ON was.id = jobs.id WHERE jobs.attempt = was.attempt "
    "AND jobs.status IN ('pending', 'processing')"
)
_BEATING = text(
    "SELECT count(DISTINCT pid) FROM workers WHERE heartbeat_at > :since AND pid = ANY(:pids)"
)

Attempts = Mapping[UUID, int]


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes
    ----------
    attempts : that ran on the worker that was killed; None where that is not known
    """

    kind: str
    at: datetime
    attempts: Attempts | None = None


@dataclass(frozen=True)
class Recovery:
    """How long a kill was felt, in seconds; None: it was not within a minute.

    Attributes
    ----------
    of_database : PostgreSQL was killed too before all was as before
    """

    kind: str
    seconds: float | None
    of_database: bool


class Studio:
    """The running processes, as a killer and an operator see them."""

    def __init__(
        self, supervisor: Supervisor, engine: Engine, url: str, key: str, workers: int
    ) -> None:
        self._supervisor, self._engine, self._workers = supervisor, engine, workers
        # one for all: each would read the certificates of the world, 20 ms of the CPU
        self._client = httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=2)

    def kill(self, kind: str, random: Random) -> Kill:
        """Kill one process of that kind, as soon as there is one; of workers one that is busy."""
        until = time.monotonic() + _GIVE_UP_S
        while not (found := self._find(kind)):
            if time.monotonic() > until:
                raise TimeoutError(f"there is no {kind} to kill: it never came back")
            time.sleep(0.02)
        if kind == "worker":
            wait_until(lambda: bool(self._busy()), _BUSY_WITHIN_S, pause_s=0.01)
            found = self._busy() or found
        victim = random.choice(found)
        attempts = self._freeze(victim) if kind == "worker" else None
        at = datetime.now(UTC)
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
        return Kill(kind, at, attempts)

    def as_before(self, kill: Kill, since: datetime) -> bool:
        """Say whether what the kill broke works again, `since` being the last kill."""
        if kill.kind == "worker":
            return self._resumed(kill.attempts or {})
        if kill.kind == "gateway":
            return self._answers("/internal/status")
        return self._answers("/internal/status") and self._works(since)

    def _find(self, kind: str) -> list[psutil.Process]:
        try:
            supervisor = psutil.Process(self._supervisor.pid)
            if kind == "supervisor":
                return [supervisor] if supervisor.is_running() else []
            return [
                process
                for process in supervisor.children(recursive=True)
                if _WORDS[kind] in " ".join(process.cmdline())
            ]
        except psutil.NoSuchProcess:
            return []

    def _busy(self) -> list[psutil.Process]:
        try:
            with self._engine.connect() as connection:
                pids = set(connection.scalars(_BUSY))
        except DBAPIError:
            return []
        return [process for process in self._find("worker") if process.pid in pids]

    def _freeze(self, worker: psutil.Process) -> Attempts | None:
        """Stop the worker, so that what it runs now is what it runs when it is killed."""
        try:
            worker.suspend()
            with self._engine.connect() as connection:
                rows = connection.execute(_RUNNING, {"pid": worker.pid}).all()
        except (psutil.NoSuchProcess, DBAPIError):
            return None
        return {row.id: row.attempt for row in rows}

    def _resumed(self, attempts: Attempts) -> bool:
        known = {"ids": list(attempts), "attempts": list(attempts.values())}
        return self._ask(_STILL_LOST, known) == 0

    def _works(self, since: datetime) -> bool:
        """Say whether the database answers, and all workers have said so since."""
        pids = [process.pid for process in self._find("worker")]
        return self._ask(_BEATING, {"since": since, "pids": pids}) == self._workers

    def _ask(self, statement: TextClause, known: dict[str, Any]) -> int | None:
        """Return what the database counts; None while it is away."""
        try:
            with self._engine.connect() as connection:
                counted: int | None = connection.scalar(statement, known)
        except DBAPIError:
            return None
        return counted

    def _answers(self, path: str) -> bool:
        """Say whether the gateway knows its client and has a model."""
        try:
            answer = self._client.get(path)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK and bool(answer.json()["models"])


class Killer:
    """Kills at random, and waits until it is no longer felt before it goes on, mostly.

    One kill in five comes within a second of the one before, whatever that one broke; their
    recovery counts from the last.
    """

    def __init__(
        self, studio: Studio, kills: int, random: Random, say: Callable[[str], None]
    ) -> None:
        self._studio, self._random, self._say = studio, random, say
        self._kinds = [KINDS[number % len(KINDS)] for number in range(kills)]
        random.shuffle(self._kinds)
        self.kills: list[Kill] = []
        self.recoveries: list[Recovery] = []

    def run(self, between: Callable[[int], None]) -> None:
        """Kill them all; `between` is told how many are done, after each recovery."""
        while len(self.kills) < len(self._kinds):
            between(len(self.kills))
            time.sleep(self._random.uniform(0.1, 0.8))
            self._recover(self._burst())

    def _burst(self) -> list[Kill]:
        kills = []
        while True:
            kind = self._kinds[len(self.kills)]
            kills.append(self._studio.kill(kind, self._random))
            self.kills.append(kills[-1])
            if len(self.kills) == len(self._kinds) or self._random.random() > 0.2:
                return kills
            time.sleep(self._random.uniform(0.0, 1.0))

    def _recover(self, kills: list[Kill]) -> None:
        since = kills[-1].at
        of_database = any(kill.kind == "postgres" for kill in kills)
        left = [kill for kill in kills if kill.kind != "worker" or kill.attempts]

        def look() -> bool:
            for kill in list(left):
                if self._studio.as_before(kill, since):
                    seconds = (datetime.now(UTC) - since).total_seconds()
                    self.recoveries.append(Recovery(kill.kind, seconds, of_database))
                    left.remove(kill)
            return not left

        if not wait_until(look, _GIVE_UP_S):
            self.recoveries += [Recovery(kill.kind, None, of_database) for kill in left]
        took_s = (datetime.now(UTC) - since).total_seconds()
        named = ", ".join(kill.kind for kill in kills)
        self._say(f"  kill {len(self.kills):>3}: {named}; as before after {took_s:.1f} s")
