"""Removes what clients' design kits need no more: deleted versions, and bytes that no kit names."""

import itertools
import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from serving.db import locks
from serving.db.engine import database_time
from serving.errors import ObjectNotFound
from serving.jobs.removal import Removed
from serving.settings import Settings
from serving.storage.interface import Storage
from serving.storage.prefixes import KITS

_ROWS_AT_ONCE, _OBJECTS_AT_ONCE = 200, 50
_SWEEP_EVERY_S = 24 * 3600.0
# the row stays, so that versions of the name go on counting from it
_EMPTY = text("""
    UPDATE design_kits SET document = '{}', pictures = '{}' WHERE (client, id, version) IN (
        SELECT client, id, version FROM design_kits AS kit
        WHERE deleted_at < now() - make_interval(secs => :age_s) AND document -> 'kit' IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM jobs WHERE jobs.client = kit.client AND jobs.input ->> 'kit' = kit.id
            AND coalesce((jobs.input ->> 'kit_version')::int, kit.version) = kit.version)
        LIMIT :limit)
""")
_NAMED = text("""
    SELECT asset.value ->> 'sha256' FROM design_kits, json_each(document -> 'assets') AS asset
    WHERE asset.value ->> 'sha256' = ANY(:found)
    UNION SELECT picture.value FROM design_kits, jsonb_each_text(pictures) AS picture
    WHERE picture.value = ANY(:found)
    UNION SELECT sha256 FROM kit_assets WHERE sha256 = ANY(:found)
""")
_ALONE = text("SELECT pg_try_advisory_xact_lock(:lock)")


class KitRetention:
    """Removes what is due; many processes may call it."""

    def __init__(self, settings: Settings, engine: Engine, storage: Storage) -> None:
        self._age_s, self._engine, self._storage = settings.kits_max_age_s, engine, storage
        self._sweep: Iterator[str] = iter(())
        self._sweep_at = time.monotonic()

    def tidy(self, until: float) -> Removed:
        """Remove what is due, until about that monotonic time."""
        removed = Removed()
        if not self._age_s:
            return removed
        due = {"age_s": self._age_s, "limit": _ROWS_AT_ONCE}
        gone = _ROWS_AT_ONCE
        while gone == _ROWS_AT_ONCE and time.monotonic() < until:
            with self._engine.begin() as connection:
                gone = connection.execute(_EMPTY, due).rowcount
            removed.add("kits", gone)
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + _SWEEP_EVERY_S
            self._sweep = self._storage.keys(f"{KITS}/")
        while time.monotonic() < until:
            keys = list(itertools.islice(self._sweep, _OBJECTS_AT_ONCE))
            if not keys:
                break
            with self._engine.begin() as connection:
                removed.add("kit_assets", self._remove_unnamed(connection, keys))
        return removed

    def _remove_unnamed(self, connection: Connection, keys: Sequence[str]) -> int:
        """Remove what no kit names; whoever changes a kit now waits, or these wait for tomorrow."""
        if not connection.scalar(_ALONE, {"lock": locks.KITS}):
            return 0
        oldest = database_time(connection, -self._age_s)
        found = [key.rpartition("/")[2] for key in keys]
        named = set(connection.scalars(_NAMED, {"found": found}))
        count = 0
        for key, sha256 in zip(keys, found, strict=True):
            if sha256 not in named and self._is_older(key, oldest):
                self._storage.delete(key)
                count += 1
        return count

    def _is_older(self, key: str, oldest: datetime) -> bool:
        try:
            return self._storage.stat(key).modified < oldest
        except ObjectNotFound:
            return False
