"""What was received, kept so that each event counts once: SQLite, one transaction per event.

The pattern to copy: the `webhook-id` and its effect are written in one transaction, and 2xx is
answered only after it was committed. A crash before the commit loses both, and the event comes
again; a crash after it loses only the answer, and the event that comes again is known.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from stack.backend.events import Event

Outcome = Literal["applied", "duplicate", "out_of_order"]
Row = dict[str, Any]

_TABLES = """
CREATE TABLE IF NOT EXISTS deliveries (
    id TEXT PRIMARY KEY, event TEXT NOT NULL, job_id TEXT NOT NULL, attempt INTEGER NOT NULL,
    terminal INTEGER NOT NULL, timestamp TEXT NOT NULL, received_at TEXT NOT NULL,
    receipts INTEGER NOT NULL DEFAULT 1, applied INTEGER NOT NULL DEFAULT 0, payload TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_job ON deliveries (job_id);
CREATE TABLE IF NOT EXISTS jobs (
    job_id TEXT PRIMARY KEY, type TEXT NOT NULL, status TEXT NOT NULL, listing_id TEXT,
    attempt INTEGER NOT NULL, terminal INTEGER NOT NULL, said_at REAL NOT NULL,
    timestamp TEXT NOT NULL, progress TEXT, result TEXT, error TEXT, updated_at TEXT NOT NULL
);
"""
_RECEIVE = """
INSERT INTO deliveries (id, event, job_id, attempt, terminal, timestamp, received_at, payload)
VALUES (:id, :event, :job_id, :attempt, :terminal, :timestamp, :now, :payload)
ON CONFLICT (id) DO UPDATE SET receipts = receipts + 1 RETURNING receipts
"""
# A later attempt outdates an earlier one; within an attempt its end outdates its progress.
_APPLY = """
INSERT INTO jobs VALUES (:job_id, :type, :status, :listing_id, :attempt, :terminal, :said_at,
    :timestamp, :progress, :result, :error, :now)
ON CONFLICT (job_id) DO UPDATE SET status = excluded.status, attempt = excluded.attempt,
    terminal = excluded.terminal, said_at = excluded.said_at, timestamp = excluded.timestamp,
    progress = coalesce(excluded.progress, progress), result = excluded.result,
    error = excluded.error, updated_at = excluded.updated_at
WHERE (excluded.attempt, excluded.terminal, excluded.said_at)
    > (jobs.attempt, jobs.terminal, jobs.said_at)
"""
_COUNTS = """
SELECT count(*) AS recorded, coalesce(sum(receipts - 1), 0) AS duplicates,
    coalesce(sum(applied = 0), 0) AS out_of_order, coalesce(sum(terminal), 0) AS terminal,
    coalesce(sum(terminal * (receipts - 1)), 0) AS terminal_duplicates
FROM deliveries
"""
_JOB_COLUMNS = "job_id, type, status, listing_id, attempt, timestamp, updated_at"
_DELIVERY_COLUMNS = "id, event, job_id, attempt, timestamp, received_at, receipts, applied"


class Inbox:
    """The deliveries and the latest state of each job; used from several threads.

    Parameters
    ----------
    file : the database; made if it is not there
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        # committed means on the disk: what was answered with 2xx is never sent again
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_TABLES)

    def record(self, webhook_id: str, body: bytes, event: Event) -> Outcome:
        """Take an event in, as its body says it: its id and its effect together, or neither."""
        said = _columns(webhook_id, event) | {"payload": body.decode()}
        with self._transaction() as database:
            (receipts,) = database.execute(_RECEIVE, said).fetchone()
            if receipts > 1:
                return "duplicate"
            applied = database.execute(_APPLY, said).rowcount
            database.execute(
                "UPDATE deliveries SET applied = ? WHERE id = ?", (applied, webhook_id)
            )
            return "applied" if applied else "out_of_order"

    def counts(self) -> dict[str, int]:
        """Return how many deliveries were recorded, came again, or came too late to matter."""
        (row,) = self._read(_COUNTS)
        return row

    def jobs(self, status: str | None, limit: int) -> list[Row]:
        """Return the jobs that changed last."""
        where = "" if status is None else "WHERE status = :status"
        return self._read(
            f"SELECT {_JOB_COLUMNS}, progress FROM jobs {where} "
            "ORDER BY updated_at DESC LIMIT :limit",
            {"status": status, "limit": limit},
        )

    def statuses(self) -> dict[str, int]:
        """Return how many jobs there are in each status."""
        rows = self._read("SELECT status, count(*) AS count FROM jobs GROUP BY status")
        return {row["status"]: row["count"] for row in rows}

    def job(self, job_id: UUID) -> Row | None:
        """Return a job with everything that was received of it; None if nothing was."""
        known = {"job_id": str(job_id)}
        columns = f"{_JOB_COLUMNS}, progress, result, error"
        rows = self._read(f"SELECT {columns} FROM jobs WHERE job_id = :job_id", known)
        if not rows:
            return None
        deliveries = self._read(
            f"SELECT {_DELIVERY_COLUMNS} FROM deliveries WHERE job_id = :job_id ORDER BY rowid",
            known,
        )
        return rows[0] | {"deliveries": deliveries}

    def deliveries(self, limit: int) -> list[Row]:
        """Return the newest deliveries, with what they said."""
        return self._read(
            f"SELECT {_DELIVERY_COLUMNS}, payload FROM deliveries ORDER BY rowid DESC LIMIT :limit",
            {"limit": limit},
        )

    def forget(self) -> None:
        """Empty it."""
        with self._transaction() as database:
            database.execute("DELETE FROM deliveries")
            database.execute("DELETE FROM jobs")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _read(self, statement: str, values: Row | None = None) -> list[Row]:
        with self._lock:
            rows = self._database.execute(statement, values or {}).fetchall()
        return [_row(row) for row in rows]


def _columns(webhook_id: str, event: Event) -> Row:
    job = event.data
    parts = {name: getattr(job, name) for name in ("progress", "result", "error")}
    return {
        "id": webhook_id,
        "event": event.type,
        "job_id": str(job.job_id),
        "type": job.type,
        "status": job.status,
        "listing_id": job.listing_id,
        "attempt": job.attempt,
        "terminal": event.terminal,
        "timestamp": event.timestamp.isoformat(),
        "said_at": event.timestamp.timestamp(),
        "now": datetime.now(UTC).isoformat(),
    } | {name: None if value is None else json.dumps(value) for name, value in parts.items()}


_JSON: Sequence[str] = ("progress", "result", "error", "payload")


def _row(row: sqlite3.Row) -> Row:
    values = dict(row)
    for name in _JSON:
        if values.get(name) is not None:
            values[name] = json.loads(values[name])
    if "applied" in values:
        values["applied"] = bool(values["applied"])
    return values
