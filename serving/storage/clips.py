"""Encoded clips and segments kept for every job and worker: bytes in the storage, a row each."""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from serving.db.tables import CachedClip
from serving.errors import Corrupted, ObjectNotFound
from serving.storage.interface import Storage
from serving.storage.prefixes import CLIPS

log = logging.getLogger(__name__)

_EVICTED_AT_ONCE = 500


@dataclass(frozen=True)
class ClipStatistics:
    """What is kept."""

    clips: int
    bytes: int
    pinned: int


@dataclass(frozen=True)
class PhotoClips:
    """What is kept for a photo; `used_at` is when any of it was used last."""

    photo_sha256: str
    clips: int
    bytes: int
    pinned: int
    used_at: datetime


class ClipStore:
    """Keeps clips by the hash of all that shapes them; a `serving.render.cache.PacketCache`."""

    def __init__(self, engine: Engine, storage: Storage) -> None:
        self._engine, self._storage = engine, storage
        self.hits = self.misses = 0

    def get(self, key: str) -> bytes | None:
        """Return the clip, or None; one that is damaged is forgotten."""
        with self._engine.begin() as connection:
            found = connection.scalar(
                update(CachedClip)
                .where(CachedClip.config_sha256 == key, _is_alive())
                .values(accessed_at=func.now())
                .returning(CachedClip.object_key)
            )
        data = self._read(found) if found is not None else None
        if data is None:
            self.misses += 1
            if found is not None:
                self._forget(key)
        else:
            self.hits += 1
        return data

    def put(self, key: str, data: bytes, photo: str = "", length_s: float = 0.0) -> None:
        """Keep the clip: first its bytes, then its row, so that a row never promises too much.

        Parameters
        ----------
        photo : content hash of the photo that is seen in it, so that a photo's clips are found
        """
        object_key = f"{CLIPS}/{key[:2]}/{key}"
        self._storage.write(object_key, data, "video/mp4")
        row = {
            "id": uuid4(),
            "photo_id": photo,
            "config_sha256": key,
            "object_key": object_key,
            "bytes": len(data),
            "duration_s": length_s,
        }
        again = {"accessed_at": func.now(), "bytes": len(data)}
        with self._engine.begin() as connection:
            connection.execute(
                insert(CachedClip)
                .values(row)
                .on_conflict_do_update(index_elements=["config_sha256"], set_=again)
            )

    def pin(self, photo_sha256: str, pinned: bool = True) -> int:
        """Keep the clips of a photo whatever their age, or no longer; return how many there are."""
        where = CachedClip.photo_id == photo_sha256
        with self._engine.begin() as connection:
            return connection.execute(
                update(CachedClip).where(where).values(pinned=pinned)
            ).rowcount

    def invalidate(self, photo_sha256: str) -> int:
        """Forget every clip of a photo; return how many there were."""
        where = CachedClip.photo_id == photo_sha256
        return _remove(self._engine, self._storage, where)

    def evict(self, max_bytes: int, max_age_s: float) -> int:
        """Forget what was not used for `max_age_s`, then the longest unused beyond `max_bytes`."""
        old = ~CachedClip.pinned & (
            (CachedClip.accessed_at < func.now() - text(f"interval '{float(max_age_s)} seconds'"))
            | (CachedClip.expires_at < func.now())
        )
        gone = _remove(self._engine, self._storage, old)
        while self.statistics().bytes > max_bytes:
            least = self._longest_unused(self.statistics().bytes - max_bytes)
            if not least:
                break
            gone += _remove(self._engine, self._storage, CachedClip.config_sha256.in_(least))
        return gone

    def statistics(self) -> ClipStatistics:
        """Return how much is kept."""
        statement = select(
            func.count(),
            func.coalesce(func.sum(CachedClip.bytes), 0),
            func.count().filter(CachedClip.pinned),
        )
        with self._engine.connect() as connection:
            clips, size, pinned = connection.execute(statement.select_from(CachedClip)).one()
        return ClipStatistics(clips, int(size), pinned)

    def by_photo(self, limit: int) -> list[PhotoClips]:
        """Return what is kept for each photo, those with most bytes first."""
        size = func.sum(CachedClip.bytes)
        statement = (
            select(
                CachedClip.photo_id,
                func.count(),
                size,
                func.count().filter(CachedClip.pinned),
                func.max(CachedClip.accessed_at),
            )
            .group_by(CachedClip.photo_id)
            .order_by(size.desc(), CachedClip.photo_id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [
                PhotoClips(photo, clips, int(held), pinned, used)
                for photo, clips, held, pinned, used in connection.execute(statement)
            ]

    def _longest_unused(self, too_many_bytes: int) -> list[str]:
        statement = (
            select(CachedClip.config_sha256, CachedClip.bytes)
            .where(~CachedClip.pinned)
            .order_by(CachedClip.accessed_at)
            .limit(_EVICTED_AT_ONCE)
        )
        chosen, size = [], 0
        with self._engine.connect() as connection:
            for key, held in connection.execute(statement):
                if size >= too_many_bytes:
                    break
                chosen.append(key)
                size += held
        return chosen

    def _read(self, object_key: str) -> bytes | None:
        try:
            return self._storage.read(object_key)
        except (ObjectNotFound, Corrupted) as error:
            log.warning("a clip is lost and will be made anew: %s", error)
            return None

    def _forget(self, key: str) -> None:
        _remove(self._engine, self._storage, CachedClip.config_sha256 == key)


def _is_alive() -> ColumnElement[bool]:
    return CachedClip.expires_at.is_(None) | (CachedClip.expires_at > func.now())


def _remove(engine: Engine, storage: Storage, where: ColumnElement[bool]) -> int:
    """Delete rows, then their bytes: what is left behind by a crash is bytes, never a promise."""
    with engine.begin() as connection:
        keys = _delete(connection, where)
    for key in keys:
        storage.delete(key)
    return len(keys)


def _delete(connection: Connection, where: ColumnElement[bool]) -> list[str]:
    rows = connection.execute(delete(CachedClip).where(where).returning(CachedClip.object_key))
    return [key for (key,) in rows]
