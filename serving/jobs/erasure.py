"""Erases a listing or a job at its client's request, with all that is kept of it, and counts it.

An erasure is a row, carried out step by step: by the request for a moment, by workers until it is
done. Live jobs are cancelled first; what was submitted after the request stays.
"""

import hashlib
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as Database

from serving import metrics
from serving.db.status import LIVE_JOB
from serving.db.tables import (
    CachedAnswer,
    Erasure,
    Job,
    Json,
    Upload,
    UploadUse,
)
from serving.errors import BadInput, UnknownErasure
from serving.jobs import manage
from serving.jobs.erased_observations import (
    Forgotten,
    forget_observed,
    forget_photos,
    observed_photos,
    wait_for_writers,
)
from serving.jobs.removal import Removed, remove_jobs
from serving.settings import Settings
from serving.storage.clips import ClipStore
from serving.storage.interface import Storage, key_of
from serving.storage.kept_photos import KeptPhotos
from serving.storage.uploads import Quota, UploadStore

_UPLOADS_AT_ONCE = 20
_PAUSE_S = 0.1
_NOW = func.clock_timestamp()


def request_erasure(
    engine: Engine, client: str, *, listing_id: str | None = None, job_id: UUID | None = None
) -> UUID:
    """Store the request and return its id; UnknownJob if the job is not the client's."""
    if job_id is not None:
        manage.read_job(engine, job_id, client)
    erasure_id = uuid4()
    with engine.begin() as connection:
        wait_for_writers(connection)
        values = {"id": erasure_id, "client": client, "listing_id": listing_id, "job_id": job_id}
        # not when the transaction began: what was written while it waited is older than the wish
        connection.execute(insert(Erasure).values(values | {"requested_at": _NOW}))
    return erasure_id


def read_erasure(engine: Engine, erasure_id: UUID, client: str | None = None) -> Erasure:
    """Return the erasure; UnknownErasure if there is none, or it is another client's."""
    with Database(engine) as database:
        row = database.get(Erasure, erasure_id)
        if row is None or (client is not None and row.client != client):
            raise UnknownErasure(erasure_id)
        database.expunge(row)
        return row


def unfinished(engine: Engine) -> list[UUID]:
    """Return the erasures that are not done, the oldest first."""
    open_ones = select(Erasure.id).where(Erasure.finished_at.is_(None))
    with engine.connect() as connection:
        return list(connection.scalars(open_ones.order_by(Erasure.requested_at).limit(20)))


class Eraser:
    """Carries erasures out; several may work on the same one, and after one that died."""

    def __init__(self, settings: Settings, engine: Engine, storage: Storage) -> None:
        self._settings, self._engine, self._storage = settings, engine, storage
        self._clips = ClipStore(engine, storage)
        self._uploads = UploadStore(engine, storage, Quota.of(settings))
        self._photos = KeptPhotos(engine, storage)

    def carry_on(self, erasure_id: UUID, budget_s: float, *, wait: bool = True) -> Erasure:
        """Work on it for about `budget_s`, or until it is done; return how far it is.

        Parameters
        ----------
        wait : for workers to end the jobs that are cancelled; else that is left to the next time
        """
        until = time.monotonic() + budget_s
        while True:
            row = read_erasure(self._engine, erasure_id)
            if row.finished_at is not None:
                return row
            moved = self._step(row)
            if time.monotonic() >= until or not (moved or wait):
                return read_erasure(self._engine, erasure_id)
            if not moved:  # a worker has yet to hear that its job is cancelled
                time.sleep(_PAUSE_S)

    def _step(self, row: Erasure) -> bool:
        """Do one step; return whether anything was removed or all is done."""
        jobs = self._jobs_of(row)
        self._cancel(jobs)
        job_id = self._next_job(jobs)
        if job_id is not None:
            return self._erase_job(row, job_id)
        with self._engine.connect() as connection:
            live = connection.scalar(select(Job.id).where(jobs).limit(1)) is not None
        if live:
            return False
        if row.listing_id is not None and self._erase_uploads(row):
            return True
        self._finish(row)
        return True

    def _jobs_of(self, row: Erasure) -> ColumnElement[bool]:
        if row.job_id is not None:
            return Job.id == row.job_id
        return (
            (Job.client == row.client)
            & (Job.listing_id == row.listing_id)
            & (Job.created_at <= row.requested_at)
        )

    def _cancel(self, jobs: ColumnElement[bool]) -> None:
        live = select(Job.id).where(jobs, Job.status.in_(LIVE_JOB), ~Job.cancel_requested)
        with self._engine.connect() as connection:
            ids = connection.scalars(live).all()
        for job_id in ids:
            manage.cancel(self._engine, job_id)

    def _next_job(self, jobs: ColumnElement[bool]) -> UUID | None:
        ended = select(Job.id).where(jobs, Job.status.not_in(LIVE_JOB)).limit(1)
        with self._engine.connect() as connection:
            return connection.scalar(ended)

    def _erase_job(self, row: Erasure, job_id: UUID) -> bool:
        job = manage.read_job(self._engine, job_id)
        # before the job goes: afterwards nobody would know what it saw
        hashes = self._hashes_of(job)
        uploads = self._uploads_of(job_id, row.listing_id)
        removed = self._forget(row, hashes)
        with self._engine.begin() as connection:
            gone = remove_jobs(connection, self._storage, Job.id == job_id, 1)
            for what, count in gone.counts.items():
                removed.add(what, count)
            _count(connection, row.id, removed)
        # nothing may name them any more, or the next step would find them in use
        self._remove_uploads(row, uploads)
        return bool(gone.counts)

    def _hashes_of(self, job: Job) -> set[str]:
        """Return the content hashes of the job's photos, as far as they can be had."""
        hashes = set()
        for reference in references_of(job.input):
            try:
                key = key_of(self._storage, reference)
                known = self._storage.stat(key).sha256
                if known is None:  # written by somebody else than us
                    data = self._storage.read(key, self._settings.max_body_bytes)
                    known = hashlib.sha256(data).hexdigest()
                hashes.add(known)
            except BadInput:
                continue  # not ours, too large or gone: nothing can be found by its content
        return hashes

    def _forget(self, row: Erasure, hashes: set[str]) -> Removed:
        """Forget clips and cached answers of these photos, whoever asked for them.

        Of what was observed goes what the client asked for without a listing; what is of this one
        goes at the end.
        """
        removed = forget_photos(self._engine, self._photos, _forgotten(row), hashes)
        if not hashes:
            return removed
        for sha256 in hashes:
            removed.add("clips", self._clips.invalidate(sha256))
        with self._engine.begin() as connection:
            gone = delete(CachedAnswer).where(CachedAnswer.content_sha256.in_(hashes))
            removed.add("answers", connection.execute(gone).rowcount)
        return removed

    def _uploads_of(self, job_id: UUID, listing_id: str | None) -> list[UUID]:
        """Return the uploads that this job alone names, unless they are of another listing."""
        others = select(UploadUse.upload_id).where(UploadUse.job_id != job_id)
        mine = (
            select(Upload.id)
            .join(UploadUse, UploadUse.upload_id == Upload.id)
            .where(
                UploadUse.job_id == job_id,
                or_(Upload.listing_id.is_(None), Upload.listing_id == listing_id),
                Upload.id.not_in(others),
            )
        )
        with self._engine.connect() as connection:
            return list(connection.scalars(mine))

    def _erase_uploads(self, row: Erasure) -> bool:
        # what another listing's job needs now stays until that ends
        needed = (
            select(UploadUse.upload_id)
            .join(Job, Job.id == UploadUse.job_id)
            .where(Job.status.in_(LIVE_JOB))
        )
        due = (
            select(Upload.id, Upload.sha256)
            .where(
                Upload.client == row.client,
                Upload.listing_id == row.listing_id,
                Upload.created_at <= row.requested_at,
                Upload.id.not_in(needed),
            )
            .limit(_UPLOADS_AT_ONCE)
        )
        with self._engine.connect() as connection:
            found = connection.execute(due).all()
        removed = self._forget(row, {upload.sha256 for upload in found if upload.sha256})
        with self._engine.begin() as connection:
            _count(connection, row.id, removed)
        self._remove_uploads(row, [upload.id for upload in found])
        return bool(found)

    def _remove_uploads(self, row: Erasure, ids: list[UUID]) -> None:
        self._uploads.remove(ids)
        removed = Removed()
        removed.add("uploads", len(ids))
        with self._engine.begin() as connection:
            _count(connection, row.id, removed)

    def _finish(self, row: Erasure) -> None:
        gone = _forgotten(row)
        # photos that came in a request's body are known by these answers alone
        removed = self._forget(row, observed_photos(self._engine, gone))
        for what, count in forget_observed(self._engine, self._photos, gone).counts.items():
            removed.add(what, count)
        with self._engine.begin() as connection:
            _count(connection, row.id, removed)
            connection.execute(
                update(Erasure)
                .where(Erasure.id == row.id, Erasure.finished_at.is_(None))
                .values(finished_at=func.now())
            )


def _forgotten(row: Erasure) -> Forgotten:
    return Forgotten(row.client, row.listing_id, row.job_id, row.requested_at)


def references_of(said: object) -> Iterator[str]:
    """Yield every text of a job's input, any of which may be a photo's key.

    Examples
    --------
    >>> list(references_of({"photos": [{"photo": "a.jpg", "weight": 1}, "b.jpg"]}))
    ['a.jpg', 'b.jpg']
    """
    values: list[Any] = []
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict):
        values = list(said.values())
    elif isinstance(said, list):
        values = said
    for value in values:
        yield from references_of(value)


def _count(connection: Connection, erasure_id: UUID, removed: Removed) -> None:
    """Add to the counts that the client reads."""
    if not removed.counts:
        return
    locked = select(Erasure.erased).where(Erasure.id == erasure_id).with_for_update()
    counts: Json = dict(connection.scalar(locked) or {})
    for what, count in removed.counts.items():
        counts[what] = counts.get(what, 0) + count
        metrics.REMOVED.labels(what).inc(count)
    connection.execute(update(Erasure).where(Erasure.id == erasure_id).values(erased=counts))
