"""When a worker is dead, as PostgreSQL itself can tell.

A worker's process keeps one connection to the database with an advisory lock on it. The kernel
closes the connection of a process that ends, whatever ends it, and PostgreSQL then lets go of the
lock: nothing that is merely slow or stopped for a while loses it. Where the connection is gone,
or there can be none, the age of the heartbeat decides, and the wait grows with how late that
worker's heartbeats have come.
"""

from dataclasses import dataclass
from typing import Self

from serving.settings import Settings

REAPER_LOCK = 7_305_217
LOCK_CLASS = 7_305_218
"""The first half of the advisory locks of workers; the second stands in `workers.session_lock`."""

HOLDS_LOCK = f"""
    EXISTS (
        SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
        AND classid = {LOCK_CLASS} AND objid = CAST(workers.session_lock AS bigint)
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
"""
# A heartbeat cannot be written while the database is away, and is not seen by a reaper that was
# away itself: what counts is the silence since then.
_SILENT = """
    least(
        CAST(:watched_s AS float),
        extract(epoch FROM now() - greatest(workers.heartbeat_at, pg_postmaster_start_time()))
    )
"""
# The cases are looked at in this order, so the locks are only read where a heartbeat is late.
ALIVE = f"""
    CASE
        WHEN {_SILENT} < :timeout_s / 2 THEN true
        WHEN {HOLDS_LOCK} THEN {_SILENT} < :hung_s + 4 * workers.late_s
        WHEN workers.session_lock IS NOT NULL THEN {_SILENT} < :timeout_s / 2 + workers.late_s
        ELSE {_SILENT} < :timeout_s + 4 * workers.late_s
    END
"""


@dataclass(frozen=True)
class SilenceLimits:
    """How long a worker may be silent.

    Attributes
    ----------
    timeout_s : where there is no connection that could tell; half of it where there was one
    hung_s : with one: then it lives, but may hang
    watched_s : for how long somebody has been looking; silence before that proves nothing
    """

    timeout_s: float
    hung_s: float = 60.0
    watched_s: float = float("inf")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings say."""
        return cls(settings.heartbeat_timeout_s, settings.worker_hung_s)
