"""Shows that a worker's process is alive, by a connection of its own and a row that it updates."""

import contextlib
import logging
import os
import random
import socket
import threading
import time
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from serving.db.engine import open_session_engine, session_url
from serving.db.tables import Worker
from serving.errors import first_line
from serving.jobs.liveness import LOCK_CLASS, REAPER_LOCK

log = logging.getLogger(__name__)

_KEPT_LATE = 0.98  # of its lateness at each further heartbeat: half of it after 17 s
_TRY_LOCK = text("SELECT pg_try_advisory_lock(:class, :lock)")
# The count goes down by what was taken and found to be alive; what has ended stays as it ended.
_FORGIVE = text(
    """
    WITH cleared AS (UPDATE workers SET taken_jobs = '{}' WHERE id = :worker),
    taken AS (
        SELECT job_id, count(*) AS times FROM workers, unnest(taken_jobs) AS job_id
        WHERE workers.id = :worker GROUP BY job_id
    )
    UPDATE jobs SET losses = greatest(0, losses - times) FROM taken
    WHERE jobs.id = job_id AND status IN ('pending', 'processing') RETURNING jobs.id
    """
)


class Heartbeat:
    """Writes the worker's row every `every_s`, and removes it at an orderly end.

    Once started it has a connection of its own, never one of the pool that jobs may have used up,
    with an advisory lock on it that PostgreSQL lets go of when this process ends, however it does.
    """

    def __init__(self, engine: Engine, worker_id: UUID, every_s: float) -> None:
        self._engine, self._worker_id, self._every_s = engine, worker_id, every_s
        self._sessions = open_session_engine(session_url(engine))
        self._session: Connection | None = None
        self._lock: int | None = None
        self._late_s = 0.0
        self._written_at: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Write the first one, then go on in the thread."""
        self._beat_in_session()
        self._thread.start()

    def beat(self) -> None:
        """Write one heartbeat, on a connection of the pool."""
        with self._engine.begin() as connection:
            taken = self._write(connection)
        self._forgive(taken)

    def stop(self) -> None:
        """Stop and remove the row; jobs that still ran are then returned to the queue at once."""
        self._stop.set()
        self._thread.join(timeout=10)
        self._leave_session()
        with self._engine.begin() as connection:
            connection.execute(delete(Worker).where(Worker.id == self._worker_id))

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self._beat_in_session()
            except SQLAlchemyError as error:
                log.warning("no heartbeat: %s", first_line(error))
                self._leave_session()

    def _beat_in_session(self) -> None:
        if self._session is None:
            self._session = self._sessions.connect()
            self._lock = _take_lock(self._session)
        self._forgive(self._write(self._session))

    def _leave_session(self) -> None:
        session, self._session, self._lock = self._session, None, None
        if session is not None:
            with contextlib.suppress(SQLAlchemyError):
                session.close()

    def _write(self, connection: Connection) -> int:
        """Write a heartbeat; return how many jobs were taken from this worker."""
        now = time.monotonic()
        if self._written_at is not None:
            late_s = max(0.0, now - self._written_at - self._every_s)
            self._late_s = max(late_s, _KEPT_LATE * self._late_s)
        row = {"id": self._worker_id, "host": socket.gethostname(), "pid": os.getpid()}
        state = {"session_lock": self._lock, "late_s": round(self._late_s, 3)}
        statement = insert(Worker).values(row | state)
        again = statement.on_conflict_do_update(
            index_elements=["id"], set_={"heartbeat_at": func.now()} | state
        )
        taken: int = connection.execute(
            again.returning(func.cardinality(Worker.taken_jobs))
        ).scalar_one()
        self._written_at = now
        return taken

    def _forgive(self, taken: int) -> None:
        """Undo in each job's count of losses that this worker was taken for dead."""
        if not taken:
            return
        with self._engine.begin() as connection:
            # not while a reaper takes more
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": REAPER_LOCK})
            jobs = connection.execute(_FORGIVE, {"worker": self._worker_id}).all()
        log.warning("this worker was held for dead and was not; %d jobs do not count it", len(jobs))


def _take_lock(connection: Connection) -> int:
    """Take a lock that nobody has, for as long as the connection lives; return its number."""
    while True:
        number = random.randrange(1, 2**31)
        if connection.scalar(_TRY_LOCK, {"class": LOCK_CLASS, "lock": number}):
            return number
