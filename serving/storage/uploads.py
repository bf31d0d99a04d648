"""Files that clients send: a row says whose they are, the storage has their bytes.

The row is written before the bytes and removed after them, so that whatever dies between leaves a
row that expires, never bytes that nobody knows of.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4, uuid5

from sqlalchemy import Connection, Engine, delete, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as Database

from serving.db.tables import Upload
from serving.errors import (
    DigestMismatch,
    KeyReused,
    ObjectNotFound,
    OffsetConflict,
    QuotaExceeded,
    TooLarge,
    UnknownUpload,
)
from serving.settings import Settings
from serving.storage.disk import CHUNK_BYTES, disk_errors
from serving.storage.interface import Storage
from serving.storage.prefixes import UPLOAD_PARTS, UPLOADS

_IDS = UUID("6a4c7a1e-27a5-4a53-8b5c-0c8f5f6d3f51")  # any, the same for ever
_LOCK = 7_305_217  # of a client's quota, beside the hash of its name


@dataclass(frozen=True)
class NewUpload:
    """What a client says of a file that it sends."""

    client: str
    content_type: str
    listing_id: str | None = None
    name: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Quota:
    """What a client may keep."""

    upload_bytes: int
    client_bytes: int
    uploads: int

    @classmethod
    def of(cls, settings: Settings) -> "Quota":
        """Return the limits of the settings."""
        return cls(settings.max_upload_bytes, settings.upload_quota_bytes, settings.max_uploads)


def key_of_upload(upload_id: UUID) -> str:
    """Return where an upload's bytes lie."""
    return f"{UPLOADS}/{upload_id}"


class UploadStore:
    """The uploads of all clients; each sees its own."""

    def __init__(self, engine: Engine, storage: Storage, quota: Quota) -> None:
        self._engine, self._storage, self._quota = engine, storage, quota

    def keep(
        self, new: NewUpload, sha256: str, size: int, write: Callable[[str], None]
    ) -> tuple[Upload, bool]:
        """Keep a whole file; return it, and whether it is new.

        The same bytes of the same client and listing are the same upload, however often they come.

        Parameters
        ----------
        write : stores the bytes under the key that it is given

        Raises
        ------
        QuotaExceeded, TooLarge
            The client keeps too much already, or this is too much at once.
        KeyReused
            The idempotency key was used for another file.
        """
        upload_id = uuid5(_IDS, "\n".join((new.client, new.listing_id or "", sha256)))
        row = self._begin(new, upload_id, size)
        if row.id != upload_id:
            raise KeyReused(new.idempotency_key or "")
        key, known = key_of_upload(upload_id), row.ready
        if not known or not self._storage.exists(key):
            write(key)
        return self._set_ready(upload_id, sha256), not known

    def begin(self, new: NewUpload, size: int, sha256: str | None = None) -> Upload:
        """Begin an upload that comes in parts; the same idempotency key begins it once.

        Parameters
        ----------
        sha256 : that the whole must have, if the client knows

        Raises
        ------
        QuotaExceeded, TooLarge
            The client keeps too much already, or this is too much at once.
        KeyReused
            The idempotency key began another upload.
        """
        row = self._begin(new, uuid4(), size, sha256)
        said = (row.size, row.content_type, row.listing_id, row.name)
        other = sha256 is not None and row.sha256 not in (None, sha256)
        if other or said != (size, new.content_type, new.listing_id, new.name):
            raise KeyReused(new.idempotency_key or "")
        return row

    def add_part(self, upload_id: UUID, offset: int, path: Path) -> int:
        """Append a file to what has come; return how much that is then.

        Raises
        ------
        OffsetConflict
            Another part came meanwhile: ask where to go on.
        """
        key = f"{UPLOAD_PARTS}/{upload_id}/{offset:015}-{uuid4().hex[:8]}"
        size = path.stat().st_size
        self._storage.write_from(path, key, "application/octet-stream")
        added = (
            update(Upload)
            .where(Upload.id == upload_id, Upload.received == offset, ~Upload.ready)
            .values(
                received=Upload.received + size,
                parts=func.array_append(Upload.parts, key),
                used_at=func.now(),
            )
            .returning(Upload.received)
        )
        with self._engine.begin() as connection:
            received = connection.scalar(added)
        if received is None:
            self._storage.delete(key)
            raise OffsetConflict(offset, self.read(upload_id).received)
        return int(received)

    def finish(self, upload_id: UUID, folder: Path) -> Upload:
        """Make one object of all parts, once all are there; harmless when it was made already.

        Parameters
        ----------
        folder : on a disk with room for it

        Raises
        ------
        DigestMismatch
            It is not what the client said it would be; all of it is gone.
        """
        row = self.read(upload_id)
        if row.ready or row.received < row.size:
            return row
        whole = folder / "whole"
        try:
            sha256 = self._join(row.parts, whole, folder / "part")
        except ObjectNotFound:  # who made it whole meanwhile has deleted its parts
            row = self.read(upload_id)
            if row.ready:
                return row
            raise
        if row.sha256 not in (None, sha256):
            self.remove([upload_id])
            raise DigestMismatch(f"the upload's SHA-256 is {sha256}, not {row.sha256}")
        self._storage.write_from(whole, key_of_upload(upload_id), row.content_type)
        ready = self._set_ready(upload_id, sha256)
        self._delete_parts(upload_id)
        return ready

    def read(self, upload_id: UUID, client: str | None = None) -> Upload:
        """Return the upload; UnknownUpload if there is none, or it is another client's."""
        with Database(self._engine) as database:
            row = database.get(Upload, upload_id)
            if row is None or (client is not None and row.client != client):
                raise UnknownUpload(upload_id)
            database.expunge(row)
            return row

    def list(
        self,
        client: str,
        listing_id: str | None,
        limit: int,
        after: tuple[datetime, UUID] | None = None,
    ) -> Sequence[Upload]:
        """Return a client's uploads, newest first."""
        statement = (
            select(Upload)
            .where(Upload.client == client)
            .order_by(Upload.created_at.desc(), Upload.id.desc())
            .limit(limit)
        )
        if listing_id is not None:
            statement = statement.where(Upload.listing_id == listing_id)
        if after is not None:
            statement = statement.where(tuple_(Upload.created_at, Upload.id) < after)
        with Database(self._engine) as database:
            rows = database.scalars(statement).all()
            database.expunge_all()
            return rows

    def remove(self, ids: Sequence[UUID]) -> None:
        """Remove uploads, their bytes first."""
        for upload_id in ids:
            self._delete_parts(upload_id)
            self._storage.delete(key_of_upload(upload_id))
        with self._engine.begin() as connection:
            connection.execute(delete(Upload).where(Upload.id.in_(ids)))

    def _begin(
        self, new: NewUpload, upload_id: UUID, size: int, sha256: str | None = None
    ) -> Upload:
        if size > self._quota.upload_bytes:
            raise TooLarge("bytes of the upload", size, self._quota.upload_bytes)
        with Database(self._engine, expire_on_commit=False) as database, database.begin():
            row = _find(database, new, upload_id)
            if row is None:
                self._admit(database.connection(), new.client, size)
                row = _find(database, new, upload_id)  # the lock may have been waited for
            if row is None:
                database.execute(
                    insert(Upload).values(
                        id=upload_id, size=size, received=0, ready=False, sha256=sha256, **vars(new)
                    )
                )
                row = database.get_one(Upload, upload_id)
            return row

    def _admit(self, connection: Connection, client: str, size: int) -> None:
        """Let one upload of a client at a time be counted; QuotaExceeded if it is one too many."""
        lock = text("SELECT pg_advisory_xact_lock(:lock, hashtext(:client))")
        connection.execute(lock, {"lock": _LOCK, "client": client})
        count, held = connection.execute(
            select(func.count(), func.coalesce(func.sum(Upload.size), 0)).where(
                Upload.client == client
            )
        ).one()
        if held + size > self._quota.client_bytes:
            raise QuotaExceeded(
                f"your uploads hold {held:,} of {self._quota.client_bytes:,} bytes; delete some"
            )
        if count >= self._quota.uploads:
            raise QuotaExceeded(f"you keep {count:,} uploads; delete some")

    def _set_ready(self, upload_id: UUID, sha256: str) -> Upload:
        made = (
            update(Upload)
            .where(Upload.id == upload_id)
            .values(ready=True, sha256=sha256, received=Upload.size, parts=[], used_at=func.now())
            .returning(Upload)
        )
        with Database(self._engine, expire_on_commit=False) as database, database.begin():
            row = database.scalar(made)
        if row is None:  # deleted while its bytes were written
            self._storage.delete(key_of_upload(upload_id))
            raise UnknownUpload(upload_id)
        return row

    def _join(self, parts: Sequence[str], whole: Path, part: Path) -> str:
        """Write the parts one behind the other; return the SHA-256 of it all."""
        digest = hashlib.sha256()
        with disk_errors("an upload"), whole.open("wb") as target:
            for key in parts:
                self._storage.read_to(key, part)
                with part.open("rb") as source:
                    while piece := source.read(CHUNK_BYTES):
                        digest.update(piece)
                        target.write(piece)
                part.unlink()
        return digest.hexdigest()

    def _delete_parts(self, upload_id: UUID) -> None:
        for key in self._storage.keys(f"{UPLOAD_PARTS}/{upload_id}/"):
            self._storage.delete(key)


def _find(database: Database, new: NewUpload, upload_id: UUID) -> Upload | None:
    """Return the upload that this key made before, else the one of that id."""
    if new.idempotency_key is not None:
        known = database.scalar(
            select(Upload).where(
                Upload.client == new.client, Upload.idempotency_key == new.idempotency_key
            )
        )
        if known is not None:
            return known
    return database.get(Upload, upload_id)
