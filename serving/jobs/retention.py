"""Removes what is older than the settings keep it, in small batches, in one process at a time."""

import itertools
import logging
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, exists, func, select, text
from sqlalchemy.orm import InstrumentedAttribute

from serving import metrics
from serving.db.engine import database_time
from serving.db.status import LIVE_DELIVERY, LIVE_JOB
from serving.db.tables import Erasure, Job, Upload, UploadUse, WebhookDelivery
from serving.errors import ObjectNotFound
from serving.jobs.kit_retention import KitRetention
from serving.jobs.observation_retention import ObservationRetention
from serving.jobs.removal import Removed, remove_jobs, remove_old_files
from serving.settings import Settings
from serving.storage.interface import Storage
from serving.storage.prefixes import PREDICTIONS, STAGES, UPLOADS
from serving.storage.uploads import Quota, UploadStore

log = logging.getLogger(__name__)

_LOCK = 7_305_218
_JOBS_AT_ONCE, _ROWS_AT_ONCE, _OBJECTS_AT_ONCE = 20, 500, 200
_SWEEP_EVERY_S = 24 * 3600.0
# kept by their bytes before uploads had owners; no row says whose they are
_UNOWNED = re.compile(rf"{UPLOADS}/[0-9a-f]{{64}}")


class Retention:
    """Removes old rows and objects; many processes may call it at once."""

    def __init__(self, settings: Settings, engine: Engine, storage: Storage) -> None:
        self._settings, self._engine, self._storage = settings, engine, storage
        self._uploads = UploadStore(engine, storage, Quota.of(settings))
        self._observations = ObservationRetention(settings, engine, storage)
        self._kits = KitRetention(settings, engine, storage)
        self._sweep: Iterator[str] = iter(())
        self._sweep_at = time.monotonic()

    def tidy(self, budget_s: float) -> Removed:
        """Remove what is due, for about `budget_s`; what is left waits for the next time."""
        total, until = Removed(), time.monotonic() + budget_s
        for step in (self._jobs, self._films, self._deliveries, self._old_uploads, self._erasures):
            while time.monotonic() < until:
                with self._engine.begin() as connection:
                    removed = step(connection) if _alone(connection) else Removed()
                _add(total, removed)
                if not removed.counts:
                    break
        if time.monotonic() < until:
            _add(total, self._sweep_objects())
        for part in (self._observations, self._kits):
            if time.monotonic() < until:
                _add(total, part.tidy(until))
        if total.counts:
            log.info("what was old is gone", extra={"removed": total.counts})
        return total

    def _jobs(self, connection: Connection) -> Removed:
        age_s = self._settings.jobs_max_age_s
        if not age_s:
            return Removed()
        return remove_jobs(
            connection, self._storage, _older(Job.completed_at, age_s), _JOBS_AT_ONCE
        )

    def _films(self, connection: Connection) -> Removed:
        age_s = self._settings.films_max_age_s
        if not age_s:
            return Removed()
        old = _older(Job.completed_at, age_s)
        return remove_old_files(connection, self._storage, old, _JOBS_AT_ONCE)

    def _deliveries(self, connection: Connection) -> Removed:
        age_s, removed = self._settings.deliveries_max_age_s, Removed()
        if age_s:
            settled = and_(
                WebhookDelivery.status.not_in(LIVE_DELIVERY),
                _older(WebhookDelivery.updated_at, age_s),
            )
            due = select(WebhookDelivery.id).where(settled).limit(_ROWS_AT_ONCE)
            gone = delete(WebhookDelivery).where(WebhookDelivery.id.in_(due), settled)
            removed.add("deliveries", connection.execute(gone).rowcount)
        return removed

    def _old_uploads(self, connection: Connection) -> Removed:
        settings, removed = self._settings, Removed()
        due = ~Upload.ready & _older(Upload.used_at, settings.uploads_unfinished_age_s)
        if settings.uploads_max_age_s:
            needed = exists().where(
                UploadUse.upload_id == Upload.id,
                Job.id == UploadUse.job_id,
                Job.status.in_(LIVE_JOB),
            )
            due |= Upload.ready & _older(Upload.used_at, settings.uploads_max_age_s) & ~needed
        ids = connection.scalars(select(Upload.id).where(due).limit(_JOBS_AT_ONCE)).all()
        self._uploads.remove(ids)
        removed.add("uploads", len(ids))
        return removed

    def _erasures(self, connection: Connection) -> Removed:
        age_s, removed = self._settings.erasures_max_age_s, Removed()
        if age_s:
            gone = delete(Erasure).where(_older(Erasure.finished_at, age_s))
            removed.add("erasures", connection.execute(gone).rowcount)
        return removed

    def _sweep_objects(self) -> Removed:
        """Check some objects that no row names, from where the last call stopped; all daily."""
        removed, before = Removed(), self._settings.stages_max_age_s
        if not before:
            return removed
        keys = list(itertools.islice(self._sweep, _OBJECTS_AT_ONCE))
        if not keys and time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + _SWEEP_EVERY_S
            self._sweep = self._unnamed()
        with self._engine.connect() as connection:
            oldest = database_time(connection, -before)
        for key in keys:
            try:
                old = self._storage.stat(key).modified < oldest
            except ObjectNotFound:
                continue
            if old:
                self._storage.delete(key)
                removed.add("stages", 1)
        return removed

    def _unnamed(self) -> Iterator[str]:
        yield from self._storage.keys(f"{STAGES}/")
        yield from self._storage.keys(f"{PREDICTIONS}/")
        yield from filter(_UNOWNED.fullmatch, self._storage.keys(f"{UPLOADS}/"))


def _alone(connection: Connection) -> bool:
    """Return whether no other process removes now; it holds until the end of the transaction."""
    lock = text("SELECT pg_try_advisory_xact_lock(:lock)")
    return bool(connection.scalar(lock, {"lock": _LOCK}))


def _older(
    column: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None], age_s: float
) -> ColumnElement[bool]:
    return column < func.now() - timedelta(seconds=age_s)


def _add(total: Removed, some: Removed) -> None:
    for what, count in some.counts.items():
        total.add(what, count)
        metrics.REMOVED.labels(what).inc(count)
