"""Which photos met their expectations: kept by what was judged, asked before gates are."""

import hashlib
import json

import pandas as pd

from serving.errors import ObjectNotFound
from serving.storage.objects import Storage
from training.data.room import Room
from training.data.splits import split_digest

_FOLDER = "validated"


def remember(storage: Storage, room: Room, table: pd.DataFrame, success: bool) -> None:
    """Keep the verdict on these photos by these expectations."""
    storage.write(_key(room, table), json.dumps({"success": success}).encode())


def is_validated(storage: Storage, room: Room, table: pd.DataFrame) -> bool:
    """Say whether these photos met these expectations; not if nobody looked."""
    try:
        found = json.loads(storage.read(_key(room, table)))
    except ObjectNotFound:
        return False
    return found["success"] is True


def _key(room: Room, table: pd.DataFrame) -> str:
    expected = room.expectations.model_dump_json() + room.taxonomy.model_dump_json()
    facts = f"{split_digest(table)} {room.frozen.digest} {expected}"
    return f"{_FOLDER}/{hashlib.sha256(facts.encode()).hexdigest()}.json"
