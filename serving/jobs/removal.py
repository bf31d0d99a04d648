"""Removes ended jobs and what they made: the bytes first, so that no row's end leaves them behind.

What a job made lies below `films/{job}/`; its events, callbacks and uses of uploads go with its
row, and so does its idempotency key.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from serving.db.status import ENDED_JOB
from serving.db.tables import Job
from serving.storage.interface import Storage

MADE = "films"
WITH_FILES = ("render_video", "generate_clip")


@dataclass
class Removed:
    """How much went, by what it was."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, count: int) -> None:
        """Count some more."""
        if count:
            self.counts[what] = self.counts.get(what, 0) + count


def remove_jobs(
    connection: Connection, storage: Storage, which: ColumnElement[bool], limit: int
) -> Removed:
    """Remove up to `limit` ended jobs, the oldest first; one that somebody changes now stays."""
    removed, ids = Removed(), _lock(connection, which & Job.status.in_(ENDED_JOB), limit)
    for job_id in ids:
        removed.add("objects", remove_files(storage, job_id))
    if ids:
        connection.execute(delete(Job).where(Job.id.in_(ids)))
    removed.add("jobs", len(ids))
    return removed


def remove_old_files(
    connection: Connection, storage: Storage, which: ColumnElement[bool], limit: int
) -> Removed:
    """Remove what up to `limit` ended jobs made, and let the jobs stay."""
    with_files = Job.completed_at.is_not(None) & Job.files_removed_at.is_(None)
    with_files &= Job.type.in_(WITH_FILES)
    removed, ids = Removed(), _lock(connection, which & with_files, limit)
    for job_id in ids:
        removed.add("objects", remove_files(storage, job_id))
    if ids:
        connection.execute(update(Job).where(Job.id.in_(ids)).values(files_removed_at=func.now()))
    removed.add("films", len(ids))
    return removed


def remove_files(storage: Storage, job_id: UUID) -> int:
    """Remove what a job made; return how many objects that were."""
    count = 0
    for key in list(storage.keys(f"{MADE}/{job_id}/")):
        storage.delete(key)
        count += 1
    return count


def _lock(connection: Connection, which: ColumnElement[bool], limit: int) -> Sequence[UUID]:
    oldest = select(Job.id).where(which).order_by(Job.completed_at).limit(limit)
    return connection.scalars(oldest.with_for_update(skip_locked=True)).all()
