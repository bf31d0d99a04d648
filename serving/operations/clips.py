"""What operators see and do about kept clips; part of `python -m serving.operations`."""

import argparse
import hashlib
import re

from sqlalchemy import Engine

from serving.errors import BadInput, ObjectNotFound
from serving.operations.tables import apply_to_each, format_age, format_table
from serving.settings import Settings
from serving.storage.clips import ClipStore
from serving.storage.interface import Storage
from serving.storage.objects import storage_of


def run(engine: Engine, settings: Settings, arguments: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    storage = storage_of(settings)
    store = ClipStore(engine, storage)
    if arguments.command == "clips":
        print(list_clips(store, arguments.limit))
        return 0
    return _change_clips(arguments, store, storage)


def list_clips(store: ClipStore, limit: int) -> str:
    """Return what is kept of films and clips, by the photo that is seen, as a table."""
    rows = (
        (held.photo_sha256, held.clips, _size(held.bytes), held.pinned, format_age(held.used_at))
        for held in store.by_photo(limit)
    )
    total = store.statistics()
    table = format_table(("photo", "clips", "size", "pinned", "last used"), rows)
    return f"{table}\n\n{total.clips} clips, {_size(total.bytes)}, {total.pinned} pinned"


def _photo_hash(name: object, storage: Storage) -> str:
    """Return a photo's SHA-256, given as that or as its key in the storage."""
    if re.fullmatch("[0-9a-f]{64}", str(name)):
        return str(name)
    return hashlib.sha256(storage.read(str(name))).hexdigest()


def _change_clips(arguments: argparse.Namespace, store: ClipStore, storage: Storage) -> int:
    changes = {
        "pin": store.pin,
        "unpin": lambda photo: store.pin(photo, pinned=False),
        "forget": store.invalidate,
    }

    def change(name: object) -> str:
        try:
            count = changes[arguments.command](_photo_hash(name, storage))
        except ObjectNotFound as error:
            raise BadInput(str(error)) from error
        return f"{count} clips"

    return apply_to_each(arguments.ids, change)


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
