"""Brings back what dead workers left: `Reaper` runs in every worker, one of them at a time.

Rows are the truth, so what is looked for are rows that nobody works on and nothing will wake: jobs
and deliveries whose worker's heartbeat has stopped, and waiting ones that have lost their place in
the queue. All of it is one look at the few rows that are live, whatever lies beside them.
"""

import logging
import threading
import time
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, Engine, func, text, update
from sqlalchemy.exc import SQLAlchemyError

from serving import metrics
from serving.db.status import DeliveryStatus, JobStatus
from serving.db.tables import Job, Json, WebhookDelivery, Worker
from serving.errors import first_line
from serving.jobs.attempts import close
from serving.jobs.events import record
from serving.jobs.liveness import ALIVE, REAPER_LOCK, SilenceLimits
from serving.jobs.queue import wake_again, wake_for_delivery

log = logging.getLogger(__name__)

_DEAD = f"""
    NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = {{table}}.worker_id AND {ALIVE})
    AND least(
        CAST(:watched_s AS float),
        extract(epoch FROM now() - greatest({{table}}.updated_at, pg_postmaster_start_time()))
    ) >= :timeout_s / 2
"""
# `doing` is an entry that some worker has fetched: the row follows within moments, or it died.
_ASLEEP = """
    {table}.run_at <= now() - make_interval(secs => :timeout_s)
    AND {table}.updated_at <= now() - make_interval(secs => :timeout_s)
    AND NOT EXISTS (
        SELECT 1 FROM queue.procrastinate_jobs AS entry
        WHERE entry.id = {table}.queue_job_id AND entry.status = 'todo'
    )
"""
_LOST_JOBS = text(
    "SELECT id, attempt, losses, reached, progress, queue, priority, worker_id FROM jobs "
    f"WHERE status = 'processing' AND {_DEAD.format(table='jobs')} FOR UPDATE SKIP LOCKED"
)
_ASLEEP_JOBS = text(
    "SELECT id, attempt, queue, priority FROM jobs "
    f"WHERE status = 'pending' AND {_ASLEEP.format(table='jobs')} FOR UPDATE SKIP LOCKED"
)
_LOST_DELIVERIES = text(
    "SELECT id, terminal FROM webhook_deliveries "
    f"WHERE status = 'sending' AND {_DEAD.format(table='webhook_deliveries')} "
    "FOR UPDATE SKIP LOCKED"
)
_ASLEEP_DELIVERIES = text(
    "SELECT id, terminal FROM webhook_deliveries "
    f"WHERE status = 'pending' AND {_ASLEEP.format(table='webhook_deliveries')} "
    "FOR UPDATE SKIP LOCKED"
)
_SWEEP_QUEUE = text(
    """
    DELETE FROM queue.procrastinate_jobs AS entry
    WHERE entry.status <> 'todo' AND entry.status <> 'doing'
       OR entry.status = 'doing' AND NOT EXISTS (
            SELECT 1 FROM queue.procrastinate_workers AS worker
            WHERE worker.id = entry.worker_id
            AND worker.last_heartbeat > now() - make_interval(secs => 60)
        )
    """
)
_SWEEP_WORKERS = text(
    "DELETE FROM workers WHERE heartbeat_at < now() - make_interval(secs => 3600)"
)


@dataclass(frozen=True)
class Reaped:
    """What one look brought back."""

    lost_jobs: tuple[UUID, ...] = ()
    asleep_jobs: int = 0
    deliveries: int = 0


def reap(
    engine: Engine, timeout_s: float, max_losses: int, silence_limits: SilenceLimits | None = None
) -> Reaped:
    """Bring back what nobody works on; nothing happens while another process does the same.

    Parameters
    ----------
    timeout_s : for how long nothing must have been heard of what is brought back
    max_losses : dead workers after which a job has failed
    silence_limits : with workers; by default for `timeout_s`
    """
    known = vars(silence_limits or SilenceLimits(timeout_s)) | {"timeout_s": timeout_s}
    with engine.begin() as connection:
        if not connection.scalar(
            text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": REAPER_LOCK}
        ):
            return Reaped()
        lost = connection.execute(_LOST_JOBS, known).all()
        for row in lost:
            _return_job(connection, row, max_losses)
        asleep = connection.execute(_ASLEEP_JOBS, known).all()
        for row in asleep:
            entry = wake_again(connection, row.id, row.queue, row.priority)
            _set_entry(connection, row.id, entry)
        sent = connection.execute(_LOST_DELIVERIES, known).all()
        silent = connection.execute(_ASLEEP_DELIVERIES, known).all()
        for row in (*sent, *silent):
            _return_delivery(connection, row.id, row.terminal)
        return Reaped(tuple(row.id for row in lost), len(asleep), len(sent) + len(silent))


def sweep(engine: Engine) -> None:
    """Drop the entries of the queue and the workers that nothing refers to any more."""
    with engine.begin() as connection:
        connection.execute(_SWEEP_QUEUE)
        connection.execute(_SWEEP_WORKERS)


def _return_job(connection: Connection, row, max_losses: int) -> None:  # type: ignore[no-untyped-def]
    reached, further = _furthest(row.reached or {}, row.progress)
    # what gets further each time comes to its end, however many workers it takes
    losses = 1 if further else row.losses + 1
    _note_taken(connection, row.worker_id, row.id)
    if losses >= max_losses:
        error = {
            "title": "WorkerLost",
            "detail": f"its worker died {losses} times; the last log of a worker may say why",
            "reason": "worker_lost",
        }
        close(connection, row.id, row.attempt, JobStatus.FAILED, result=None, error=error)
        return
    entry = wake_again(connection, row.id, row.queue, row.priority)
    connection.execute(
        update(Job)
        .where(Job.id == row.id)
        .values(
            status=JobStatus.PENDING,
            losses=losses,
            reached=reached,
            worker_id=None,
            queue_job_id=entry,
            run_at=func.now(),
            updated_at=func.now(),
        )
    )
    record(connection, row.id, row.attempt, "worker_lost", {"losses": losses})


def _furthest(reached: Json, progress: Json | None) -> tuple[Json, bool]:
    """Return how far a job has come, by unit, and whether that is further than before."""
    if progress is None:
        return reached, False
    unit, done = progress["unit"], progress["done"]
    further = done > reached.get(unit, 0)
    return (reached | {unit: done} if further else reached), further


def _note_taken(connection: Connection, worker_id: UUID | None, job_id: UUID) -> None:
    """Remember that the worker lost the job; if it writes again, it was not dead."""
    taken = func.array_append(Worker.taken_jobs, job_id)
    connection.execute(update(Worker).where(Worker.id == worker_id).values(taken_jobs=taken))


def _set_entry(connection: Connection, job_id: UUID, entry: int) -> None:
    connection.execute(
        update(Job).where(Job.id == job_id).values(queue_job_id=entry, updated_at=func.now())
    )


def _return_delivery(connection: Connection, delivery_id: str, terminal: bool) -> None:
    entry = wake_for_delivery(connection, delivery_id, terminal)
    connection.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id == delivery_id)
        .values(
            status=DeliveryStatus.PENDING,
            worker_id=None,
            queue_job_id=entry,
            run_at=func.now(),
            updated_at=func.now(),
        )
    )


def _report(reaped: Reaped) -> None:
    log.warning("brought back after a worker's death: %s", reaped)
    counts = {
        "lost_jobs": len(reaped.lost_jobs),
        "asleep_jobs": reaped.asleep_jobs,
        "deliveries": reaped.deliveries,
    }
    for what, count in counts.items():
        metrics.REAPED.labels(what).inc(count)


class Reaper:
    """Reaps again and again in a thread of its own, and sweeps now and then.

    Parameters
    ----------
    hung_s : how long a worker may be silent whose connection to the database is there
    """

    def __init__(
        self, engine: Engine, timeout_s: float, max_losses: int, hung_s: float = 60.0
    ) -> None:
        self._engine, self._max_losses = engine, max_losses
        self._timeout_s, self._hung_s = timeout_s, hung_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reaper", daemon=True)
        self._watch = ObservationWindow(timeout_s / 2)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the thread has ended."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        rounds = 0
        while not self._stop.wait(min(1.0, self._timeout_s / 4)):
            watched_s = self._watch.look(time.monotonic())
            try:
                silence_limits = SilenceLimits(self._timeout_s, self._hung_s, watched_s)
                reaped = reap(self._engine, self._timeout_s, self._max_losses, silence_limits)
                if rounds % 60 == 0:
                    sweep(self._engine)
            except SQLAlchemyError as error:
                log.warning("the reaper cannot reach the database: %s", first_line(error))
                self._watch.lose()
                continue
            rounds += 1
            if reaped != Reaped():
                _report(reaped)


class ObservationWindow:
    """For how long somebody has been looking without a gap.

    While the database is away, or this process or its host stands still, no heartbeat is seen:
    that says nothing of those who write them.

    Parameters
    ----------
    gap_s : between two looks, beyond which nobody was looking
    """

    def __init__(self, gap_s: float) -> None:
        self._gap_s = gap_s
        self._since = float("-inf")  # who has just started has missed nothing
        self._last: float | None = None

    def look(self, now: float) -> float:
        """Look, and return for how many seconds that has gone on."""
        if self._last is not None and now - self._last > self._gap_s:
            self._since = now
        self._last = now
        return now - self._since

    def lose(self) -> None:
        """Begin anew at the next look: this one saw nothing."""
        self._last = float("-inf")
