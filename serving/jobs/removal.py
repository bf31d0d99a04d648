"""Removes ended jobs and what they made: the bytes first, so that no row's end leaves them behind.

What a job made lies below the folder of its kind; its events, callbacks and uses of uploads go
with its row, and so does its idempotency key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from serving.db.status import ENDED_JOB
from serving.db.tables import Job
from serving.jobs.kinds import KINDS, Kind, kinds_with_files
from serving.storage.interface import Storage


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
    removed, ended = Removed(), _lock(connection, which & Job.status.in_(ENDED_JOB), limit)
    for job_id, kind in ended.items():
        removed.add("objects", _remove_files(storage, job_id, kind))
    if ended:
        connection.execute(delete(Job).where(Job.id.in_(ended)))
    removed.add("jobs", len(ended))
    return removed


def remove_old_files(
    connection: Connection, storage: Storage, which: ColumnElement[bool], limit: int
) -> Removed:
    """Remove what up to `limit` ended jobs made, and let the jobs stay."""
    with_files = Job.completed_at.is_not(None) & Job.files_removed_at.is_(None)
    with_files &= Job.type.in_(kind.type for kind in kinds_with_files())
    removed, ended = Removed(), _lock(connection, which & with_files, limit)
    for job_id, kind in ended.items():
        removed.add("objects", _remove_files(storage, job_id, kind))
        removed.add(str(kind.folder), 1)
    if ended:
        connection.execute(update(Job).where(Job.id.in_(ended)).values(files_removed_at=func.now()))
    return removed


def _remove_files(storage: Storage, job_id: UUID, kind: Kind) -> int:
    """Remove what a job made; return how many objects that were."""
    if kind.folder is None:
        return 0
    count = 0
    for key in list(storage.keys(f"{kind.folder_of(job_id)}/")):
        storage.delete(key)
        count += 1
    return count


def _lock(connection: Connection, which: ColumnElement[bool], limit: int) -> Mapping[UUID, Kind]:
    """Lock the oldest of these jobs that nobody changes now; return their kinds by id.

    What jobs of an unknown type made lies where a newer release knows: they wait for it.
    """
    known = which & Job.type.in_(list(KINDS))
    oldest = select(Job.id, Job.type).where(known).order_by(Job.completed_at).limit(limit)
    rows = connection.execute(oldest.with_for_update(skip_locked=True))
    return {row.id: KINDS[row.type] for row in rows}
