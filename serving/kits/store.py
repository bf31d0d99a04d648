"""The design kits that clients bring, in versions that never change.

A row is a version, the object storage has its meshes and pictures by their SHA-256. It stands below
workflows and gateway, as both of them read kits.
"""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cachetools import LRUCache
from sqlalchemy import Connection, Engine, Row, Select, cast, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from serving.db import locks
from serving.db.tables import DesignKit, Json, KitAsset
from serving.errors import KitBuiltIn, KitChanged, QuotaExceeded, UnknownAsset, UnknownKit
from serving.kits.assets.prepare import Asset, Prepared
from serving.kits.documents import Document, check_kit, named_assets, read_document, read_kit
from serving.staging.kit import Kit, Licence, RoomType
from serving.storage.interface import Storage
from serving.storage.objects import read_by_sha256
from serving.storage.prefixes import KITS

_LOCK = 7_305_231  # of a client's kit, beside the hash of its name
# far more than a backend draws in its life; a loop that went wrong ends there
_MOST_KITS, _MOST_VERSIONS, _MOST_ASSETS = 200, 1000, 400
_MOST_ASSET_BYTES = 2**30  # of one kit's assets
_REMEMBERED = 64
PREVIEW = "preview_"  # a picture of that name and a type of room shows the kit in it


class BuiltInKits(Protocol):
    """The kits of this release and what they are made of."""

    def kits(self) -> Mapping[str, Kit]:
        """Return them by name."""
        ...

    def asset(self, name: str) -> Prepared | None:
        """Return a mesh or a picture of theirs, which clients' kits may use, too."""
        ...

    def preview(self, kit_id: str, room_type: str) -> Prepared | None:
        """Return a picture of a room with one of them, for people who choose."""
        ...


@dataclass(frozen=True)
class StoredKit:
    """A version of a kit.

    Attributes
    ----------
    assets : all meshes and pictures that it is made of, by their names; none of a built-in kit
    sha256 : of its content
    created_at : None: it came with the release
    drawn : pictures of it that were drawn here, by type of room: the SHA-256 of a JPEG
    """

    kit: Kit
    assets: Mapping[str, Asset]
    sha256: str
    created_at: datetime | None
    drawn: Mapping[str, str] = field(default_factory=dict)

    @property
    def built_in(self) -> bool:
        """Whether it came with the release."""
        return self.created_at is None


class KitStore:
    """The kits of all clients; each sees its own and those of the release."""

    def __init__(self, engine: Engine, storage: Storage, built_in: BuiltInKits) -> None:
        self._engine, self._storage, self._built_in = engine, storage, built_in
        self._known: LRUCache[tuple[str, str, int], StoredKit] = LRUCache(_REMEMBERED)
        self._lock = threading.Lock()

    def put_asset(
        self, client: str, kit_id: str, name: str, prepared: Prepared, asset: Asset
    ) -> None:
        """Keep a mesh or a picture for the next version of a kit; those before it keep theirs.

        Raises
        ------
        KitBuiltIn, QuotaExceeded
        """
        self._check_own(kit_id)
        values = asset.model_dump(mode="json")
        key = {"client": client, "kit_id": kit_id, "name": name}
        with self._engine.begin() as connection:
            _take_turn(connection, client, kit_id)
            self._check_room(connection, client, kit_id, name, asset.bytes)
            self._store(prepared, asset.sha256)
            kept = insert(KitAsset).values(**key, **values)
            again = kept.on_conflict_do_update(
                index_elements=list(key), set_=values | {"created_at": func.now()}
            )
            connection.execute(again)

    def read_assets(self, client: str, kit_id: str) -> Mapping[str, Asset]:
        """Return what the next version of a kit may name, beside what comes with the release."""
        with self._engine.connect() as connection:
            return _own_assets(connection, client, kit_id)

    def remove_asset(self, client: str, kit_id: str, name: str) -> None:
        """Keep an asset no more for versions to come; UnknownAsset if there is none."""
        gone = delete(KitAsset).where(
            KitAsset.client == client, KitAsset.kit_id == kit_id, KitAsset.name == name
        )
        with self._engine.begin() as connection:
            if not connection.execute(gone).rowcount:
                raise UnknownAsset(kit_id, name)

    def put(
        self, client: str, kit_id: str, body: Json, expected: int | None = None
    ) -> tuple[StoredKit, bool]:
        """Keep a kit as its next version; the same content as its newest is that version.

        Parameters
        ----------
        body : a `Kit` without name and version
        expected : the version that is to be changed; None: whichever is there

        Returns
        -------
        the version, and whether it is new

        Raises
        ------
        KitBuiltIn, KitChanged, QuotaExceeded
        BadInput
            The kit names what was not sent, or its pieces are not what their meshes are.
        """
        self._check_own(kit_id)
        kit = read_kit(body, kit_id)
        with self._engine.begin() as connection:
            _take_turn(connection, client, kit_id)
            assets = self._assets_of(kit, _own_assets(connection, client, kit_id))
            check_kit(kit, assets)
            last = connection.execute(_versions(client, kit_id).limit(1)).first()
            live = last if last is not None and last.deleted_at is None else None
            if expected is not None and (live is None or live.version != expected):
                raise KitChanged(kit_id, live.version if live else 0)
            sha256 = Document(kit, assets).sha256()
            if live is not None and live.sha256 == sha256:
                return _stored(live), False
            self._check_count(connection, client, kit_id, last.version if last else 0)
            new = {
                "client": client, "id": kit_id, "version": (last.version if last else 0) + 1,
                "document": Document(kit, assets).as_json(), "sha256": sha256,
            }  # fmt: skip
            made = insert(DesignKit).values(new).returning(*DesignKit.__table__.c)
            return _stored(connection.execute(made).one()), True

    def put_picture(
        self, client: str, stored: StoredKit, room_type: RoomType, picture: bytes
    ) -> None:
        """Keep a picture of a room with a version of a client's kit, a JPEG drawn here."""
        kit, sha256 = stored.kit, hashlib.sha256(picture).hexdigest()
        added = cast({room_type: sha256}, JSONB)
        shown = (
            update(DesignKit)
            .where(
                DesignKit.client == client, DesignKit.id == kit.id, DesignKit.version == kit.version
            )
            .values(pictures=DesignKit.pictures.op("||")(added))
        )
        with self._engine.begin() as connection:
            _take_turn(connection, client, kit.id)
            self._store(Prepared("picture", picture, {}, "image/jpeg"), sha256)
            connection.execute(shown)

    def read(self, client: str, kit_id: str, version: int | None = None) -> StoredKit:
        """Return a kit, its newest version by default; UnknownKit where it is not or no more."""
        return self._read(client, kit_id, version, deleted=False)

    def resolve(self, client: str, kit_id: str, version: int) -> StoredKit:
        """Return the version that a job names, also of a kit that was deleted since."""
        key = (client, kit_id, version)
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = self._read(client, kit_id, version, deleted=True)
            with self._lock:
                self._known[key] = known
        return known

    def versions(self, client: str, kit_id: str) -> Sequence[int]:
        """Return the versions of a kit, the newest first; none where there is no such kit."""
        built_in = self._built_in.kits().get(kit_id)
        if built_in is not None:
            return [built_in.version]
        live = _versions(client, kit_id).where(DesignKit.deleted_at.is_(None))
        with self._engine.connect() as connection:
            return [row.version for row in connection.execute(live)]

    def list(self, client: str) -> Sequence[StoredKit]:
        """Return the newest version of each kit that a client may name: first the release's."""
        newest = (
            select(DesignKit)
            .where(DesignKit.client == client, DesignKit.deleted_at.is_(None))
            .distinct(DesignKit.id)
            .order_by(DesignKit.id, DesignKit.version.desc())
        )
        with self._engine.connect() as connection:
            rows = connection.execute(newest).all()
        return [*map(_of_release, self._built_in.kits().values()), *map(_stored, rows)]

    def remove(self, client: str, kit_id: str) -> None:
        """Delete a kit: only jobs that name a version of it still find it.

        Raises
        ------
        KitBuiltIn, UnknownKit
        """
        self._check_own(kit_id)
        gone = (
            update(DesignKit)
            .where(
                DesignKit.client == client, DesignKit.id == kit_id, DesignKit.deleted_at.is_(None)
            )
            .values(deleted_at=func.now())
        )
        with self._engine.begin() as connection:
            _take_turn(connection, client, kit_id)
            if not connection.execute(gone).rowcount:
                raise UnknownKit(kit_id)
            connection.execute(
                delete(KitAsset).where(KitAsset.client == client, KitAsset.kit_id == kit_id)
            )

    def read_asset(self, stored: StoredKit, name: str) -> bytes:
        """Return a mesh or a picture of a kit, as it is kept; UnknownAsset, Corrupted."""
        if stored.built_in:
            prepared = self._preview(stored.kit.id, name) or self._built_in.asset(name)
            if prepared is None:
                raise UnknownAsset(stored.kit.id, name)
            return prepared.data
        asset, room = stored.assets.get(name), name.removeprefix(PREVIEW)
        sha256 = asset.sha256 if asset else stored.drawn.get(room)
        if sha256 is None or (asset is None and room == name):
            raise UnknownAsset(stored.kit.id, name)
        return read_by_sha256(self._storage, KITS, sha256)

    def previews(self, stored: StoredKit) -> Mapping[str, str]:
        """Return the names of the pictures that show a kit, by type of room."""
        names = {room: f"{PREVIEW}{room}" for room in stored.kit.rooms}
        if stored.built_in:
            kit_id = stored.kit.id
            return {room: name for room, name in names.items() if self._preview(kit_id, name)}
        sent = {name for name, asset in stored.assets.items() if asset.kind == "picture"}
        return {room: name for room, name in names.items() if name in sent or room in stored.drawn}

    def _preview(self, kit_id: str, name: str) -> Prepared | None:
        if not name.startswith(PREVIEW):
            return None
        return self._built_in.preview(kit_id, name.removeprefix(PREVIEW))

    def _read(self, client: str, kit_id: str, version: int | None, deleted: bool) -> StoredKit:
        built_in = self._built_in.kits().get(kit_id)
        if built_in is not None:
            if version not in (None, built_in.version):
                raise UnknownKit(kit_id, version)
            return _of_release(built_in)
        wanted = _versions(client, kit_id)
        if version is not None:
            wanted = wanted.where(DesignKit.version == version)
        if not deleted:
            wanted = wanted.where(DesignKit.deleted_at.is_(None))
        with self._engine.connect() as connection:
            row = connection.execute(wanted.limit(1)).first()
        if row is None or not row.document:  # an empty one: it was deleted, and no job names it
            raise UnknownKit(kit_id, version)
        return _stored(row)

    def _assets_of(self, kit: Kit, own: Mapping[str, Asset]) -> Mapping[str, Asset]:
        """Return what a kit is made of; what is the release's is kept with it, as it is now."""
        found = {name: asset for name, asset in own.items() if name.startswith(PREVIEW)}
        for name, _ in named_assets(kit):
            if name in own:
                found[name] = own[name]
            elif (ours := self._built_in.asset(name)) is not None:
                found[name] = ours.asset(licence_of(kit, name), "this release")
                self._store(ours, found[name].sha256)
        return dict(sorted(found.items()))

    def _store(self, prepared: Prepared, sha256: str) -> None:
        key = f"{KITS}/{sha256}"
        if not self._storage.exists(key):
            self._storage.write(key, prepared.data, prepared.content_type)

    def _check_own(self, kit_id: str) -> None:
        if kit_id in self._built_in.kits():
            raise KitBuiltIn(kit_id)

    def _check_room(
        self, connection: Connection, client: str, kit_id: str, name: str, size: int
    ) -> None:
        others = select(func.count(), func.coalesce(func.sum(KitAsset.bytes), 0)).where(
            KitAsset.client == client, KitAsset.kit_id == kit_id, KitAsset.name != name
        )
        count, held = connection.execute(others).one()
        if count >= _MOST_ASSETS or held + size > _MOST_ASSET_BYTES:
            raise QuotaExceeded(f"'{kit_id}' has {count} assets of {held:,} bytes; delete some")

    def _check_count(self, connection: Connection, client: str, kit_id: str, last: int) -> None:
        if last >= _MOST_VERSIONS:
            raise QuotaExceeded(f"'{kit_id}' has {last:,} versions; give your kit another name")
        ids = select(func.count(DesignKit.id.distinct())).where(DesignKit.client == client)
        if not last and (connection.scalar(ids) or 0) >= _MOST_KITS:
            raise QuotaExceeded(f"you have had {_MOST_KITS} kits; change one of those")


def licence_of(kit: Kit, mesh: str) -> Licence:
    """Return the licence that a kit says of a mesh of the release: that of its piece."""
    said = (piece.licence for piece in kit.pieces.values() if piece.mesh == mesh)
    return next(said, kit.licence)


def _take_turn(connection: Connection, client: str, kit_id: str) -> None:
    """Let one change of a kit at a time be made, and none while what no kit names is removed."""
    shared = text("SELECT pg_advisory_xact_lock_shared(:lock)")
    connection.execute(shared, {"lock": locks.KITS})
    lock = text("SELECT pg_advisory_xact_lock(:lock, hashtext(:whose))")
    connection.execute(lock, {"lock": _LOCK, "whose": f"{client}\n{kit_id}"})


def _own_assets(connection: Connection, client: str, kit_id: str) -> Mapping[str, Asset]:
    rows = select(KitAsset).where(KitAsset.client == client, KitAsset.kit_id == kit_id)
    found = connection.execute(rows.order_by(KitAsset.name)).all()
    return {row.name: _asset_of(row) for row in found}


def _versions(client: str, kit_id: str) -> Select[tuple[DesignKit]]:
    wanted = select(*DesignKit.__table__.c)
    return (
        wanted.where(DesignKit.client == client, DesignKit.id == kit_id)
        .order_by(DesignKit.version.desc())
    )  # fmt: skip


def _stored(row: Row[tuple[DesignKit]]) -> StoredKit:
    document = read_document(row.document, row.id, row.version)
    return StoredKit(document.kit, document.assets, row.sha256, row.created_at, row.pictures)


def _of_release(kit: Kit) -> StoredKit:
    return StoredKit(kit, {}, Document(kit, {}).sha256(), None)


def _asset_of(row: Row[tuple[KitAsset]]) -> Asset:
    return Asset.model_validate({name: getattr(row, name) for name in Asset.model_fields})
