"""Small pictures of photos: bytes in the storage, a row each, gone by their age or with a listing.

Each row has an object of its own, also where two listings show the same photo: one goes without the
other, and nobody has to count who still needs the bytes.
"""

import hashlib
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, delete, exists, func, select, text
from sqlalchemy.dialects.postgresql import insert

from serving.db.canary_tables import KeptPhoto
from serving.db.tables import Erasure
from serving.storage.interface import Storage
from serving.storage.prefixes import KEPT

_AT_ONCE = 200


@dataclass(frozen=True)
class NewPicture:
    """A small picture to be kept.

    Attributes
    ----------
    data : a WebP
    """

    content_sha256: str
    client: str
    listing_key: str
    listing_id: str | None
    data: bytes

    @property
    def object_key(self) -> str:
        """Return where its bytes lie."""
        whose = hashlib.sha256(f"{self.client}\0{self.listing_key}".encode()).hexdigest()[:16]
        return f"{KEPT}/{self.content_sha256[:2]}/{self.content_sha256}-{whose}.webp"


class KeptPhotos:
    """Keeps small pictures and removes them."""

    def __init__(self, engine: Engine, storage: Storage) -> None:
        self._engine, self._storage = engine, storage

    def keep(self, new: NewPicture, age_s: float = 0.0) -> bool:
        """Keep a picture; return whether it is: not if its listing was erased since it was seen.

        Parameters
        ----------
        age_s : how long ago the photo was seen
        """
        key = new.object_key
        self._storage.write(key, new.data, "image/webp")
        values = {
            "content_sha256": new.content_sha256,
            "client": new.client,
            "listing_key": new.listing_key,
            "listing_id": new.listing_id,
            "object_key": key,
            "bytes": len(new.data),
        }
        again = {"at": func.now(), "bytes": len(new.data)}
        with self._engine.begin() as connection:
            gone = connection.scalar(select(_erased_since(new, age_s)))
            if not gone:
                kept = insert(KeptPhoto).values(values)
                names = ["content_sha256", "client", "listing_key"]
                connection.execute(kept.on_conflict_do_update(index_elements=names, set_=again))
        if gone:
            self._storage.delete(key)
        return not gone

    def remove(self, where: ColumnElement[bool], limit: int = _AT_ONCE) -> int:
        """Remove up to so many pictures; return how many.

        Their bytes go first, so that what a crash leaves is a row that promises too much for a
        while, and never a picture that nobody finds again.
        """
        due = select(KeptPhoto.content_sha256, KeptPhoto.client, KeptPhoto.listing_key,
                     KeptPhoto.object_key).where(where).limit(limit)  # fmt: skip
        with self._engine.begin() as connection:
            rows = connection.execute(due.with_for_update(skip_locked=True)).all()
            for row in rows:
                self._storage.delete(row.object_key)
                connection.execute(
                    delete(KeptPhoto).where(
                        KeptPhoto.content_sha256 == row.content_sha256,
                        KeptPhoto.client == row.client,
                        KeptPhoto.listing_key == row.listing_key,
                    )
                )
        return len(rows)

    def remove_old(self, days: int) -> int:
        """Remove some pictures that are older; return how many."""
        return self.remove(KeptPhoto.at < func.now() - text(f"interval '{int(days)} days'"))


def _erased_since(new: NewPicture, age_s: float) -> ColumnElement[bool]:
    return exists().where(
        Erasure.client == new.client,
        Erasure.listing_id == new.listing_id,
        Erasure.job_id.is_(None),
        Erasure.requested_at > func.now() - func.make_interval(0, 0, 0, 0, 0, 0, age_s),
    )
