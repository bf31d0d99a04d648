"""What each queue holds and for how long, which workers live, and what failed for good."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from serving.errors import first_line
from serving.jobs.liveness import HOLDS_LOCK, SilenceLimits
from serving.queues import QUEUES

log = logging.getLogger(__name__)

# Only live rows are looked at, by their partial indexes, whatever lies beside them.
_QUEUE = """
    count(*) FILTER (WHERE status = 'pending' AND run_at <= now()) AS waiting,
    count(*) FILTER (WHERE status = 'pending' AND run_at > now()) AS scheduled,
    count(*) FILTER (WHERE status <> 'pending') AS running,
    extract(epoch FROM now() - min(run_at) FILTER (WHERE status = 'pending' AND run_at <= now()))
        AS oldest_s
"""
_QUEUES = text(
    f"SELECT queue, {_QUEUE} FROM jobs WHERE status IN ('pending', 'processing') GROUP BY queue "
    f"UNION ALL SELECT 'webhook', {_QUEUE} FROM webhook_deliveries "
    "WHERE status IN ('pending', 'sending')"
)
_ENDED = text(
    "SELECT (SELECT count(*) FROM jobs WHERE status = 'failed') AS failed_jobs, "
    "(SELECT count(*) FROM webhook_deliveries WHERE status = 'dead') AS dead_deliveries"
)
_WORKERS = text(
    "SELECT id, host, pid, started_at, "
    "extract(epoch FROM now() - heartbeat_at) AS heartbeat_age_s, "
    f"{HOLDS_LOCK} AS connected FROM workers ORDER BY started_at, id"
)


@dataclass(frozen=True)
class QueueState:
    """What one queue holds.

    Attributes
    ----------
    waiting : could run now
    scheduled : will run later, as asked or after an error
    running : being worked on
    oldest_s : how long the one that waits longest could have run
    """

    name: str
    waiting: int = 0
    scheduled: int = 0
    running: int = 0
    oldest_s: float = 0.0


@dataclass(frozen=True)
class WorkerState:
    """A worker's process, as its heartbeat and its connection tell.

    Attributes
    ----------
    connected : whether its process has its connection to the database, which it loses by ending
    """

    id: UUID
    host: str
    pid: int
    started_at: datetime
    heartbeat_age_s: float
    connected: bool = False

    def alive(self, silence_limits: SilenceLimits) -> bool:
        """Say whether it lives, by the same reckoning as the reaper, without its allowances."""
        limit_s = silence_limits.hung_s if self.connected else silence_limits.timeout_s
        return self.heartbeat_age_s < limit_s


@dataclass(frozen=True)
class QueueStats:
    """What all queues and workers show at one moment."""

    queues: Sequence[QueueState]
    workers: Sequence[WorkerState]
    failed_jobs: int
    dead_deliveries: int


def read_queue_stats(engine: Engine) -> QueueStats:
    """Read the queues and workers once."""
    with engine.connect() as connection:
        found = {
            row.queue: QueueState(
                row.queue, row.waiting, row.scheduled, row.running, float(row.oldest_s or 0)
            )
            for row in connection.execute(_QUEUES)
        }
        workers = [
            WorkerState(
                row.id, row.host, row.pid, row.started_at, float(row.heartbeat_age_s), row.connected
            )
            for row in connection.execute(_WORKERS)
        ]
        ended = connection.execute(_ENDED).one()
    names = [*QUEUES, *sorted(found.keys() - set(QUEUES))]
    queues = [found.get(name, QueueState(name)) for name in names]
    return QueueStats(queues, workers, ended.failed_jobs, ended.dead_deliveries)


class QueueStatsReader:
    """Reads for many callers: what was read less than `keep_s` ago is returned again."""

    def __init__(self, engine: Engine, keep_s: float = 1.0) -> None:
        self._engine, self._keep_s = engine, keep_s
        self._lock = threading.Lock()
        self._seen: QueueStats | None = None
        self._seen_at = float("-inf")

    def read(self) -> QueueStats | None:
        """Return the queues and workers; None while the database does not answer."""
        with self._lock:
            if time.monotonic() - self._seen_at >= self._keep_s:
                self._seen = self._read()
                self._seen_at = time.monotonic()
            return self._seen

    def _read(self) -> QueueStats | None:
        try:
            return read_queue_stats(self._engine)
        except SQLAlchemyError as error:
            log.warning("queues cannot be looked at: %s", first_line(error))
            return None
