"""Removes what was observed of answers once it is older than the settings keep it."""

import time
from datetime import timedelta

from sqlalchemy import Engine, delete, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from serving.db.canary_tables import BadEvent, Exposure, ObservedBatch, RampListing
from serving.db.partitions import drop_partitions, make_partitions
from serving.jobs.removal import Removed
from serving.settings import Settings
from serving.storage.interface import Storage
from serving.storage.kept_photos import KeptPhotos

_ROWS_AT_ONCE = 2_000
_BATCH_DAYS = 2  # nobody asks any more whether a batch was written
_Dated = (
    (Exposure, Exposure.first_at, "exposures"),
    (BadEvent, BadEvent.at, "bad_events"),
    (RampListing, RampListing.seen_at, "ramp_listings"),
)


class ObservationRetention:
    """Makes the days of answers ahead and removes what is old; many processes may call it."""

    def __init__(self, settings: Settings, engine: Engine, storage: Storage) -> None:
        self._days, self._photo_days = settings.predictions_kept_days, settings.kept_photos_days
        self._engine, self._photos = engine, KeptPhotos(engine, storage)

    def tidy(self, until: float) -> Removed:
        """Remove what is due, until about that monotonic time."""
        removed = Removed()
        make_partitions(self._engine)
        removed.add("predictions", drop_partitions(self._engine, self._days))
        removed.add("observed_batches", self._remove(ObservedBatch, ObservedBatch.at, _BATCH_DAYS))
        for table, column, what in _Dated:
            while time.monotonic() < until:
                gone = self._remove(table, column, self._days)
                removed.add(what, gone)
                if gone < _ROWS_AT_ONCE:
                    break
        while time.monotonic() < until:
            gone = self._photos.remove_old(self._photo_days)
            removed.add("kept_photos", gone)
            if not gone:
                break
        return removed

    def _remove(self, table: type, column: InstrumentedAttribute[object], days: int) -> int:
        """Remove some rows that are older; those that somebody holds wait."""
        place = table.__table__.primary_key.columns  # type: ignore[attr-defined]
        old = select(*place).where(column < func.now() - timedelta(days=days))
        due = old.limit(_ROWS_AT_ONCE).with_for_update(skip_locked=True)
        with self._engine.begin() as connection:
            rows = [tuple(row) for row in connection.execute(due)]
            if not rows:
                return 0
            gone = delete(table).where(tuple_(*place).in_(rows))
            return connection.execute(gone).rowcount
