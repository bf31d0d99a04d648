"""Which rows met their expectations: kept by what was judged, asked before gates are."""

import hashlib
import json

import pandas as pd

from serving.errors import ObjectNotFound
from serving.storage.objects import Storage
from serving.storage.prefixes import VALIDATED
from training.data.splits import split_digest
from training.recipe import Dataset


def remember(storage: Storage, dataset: Dataset, table: pd.DataFrame, success: bool) -> None:
    """Keep the verdict on these rows by these expectations."""
    storage.write(_key(dataset, table), json.dumps({"success": success}).encode())


def is_validated(storage: Storage, dataset: Dataset, table: pd.DataFrame) -> bool:
    """Say whether these rows met these expectations; not if nobody looked."""
    try:
        found = json.loads(storage.read(_key(dataset, table)))
    except ObjectNotFound:
        return False
    return found["success"] is True


def _key(dataset: Dataset, table: pd.DataFrame) -> str:
    facts = f"{split_digest(table)} {dataset.rules}"
    return f"{VALIDATED}/{hashlib.sha256(facts.encode()).hexdigest()}.json"
