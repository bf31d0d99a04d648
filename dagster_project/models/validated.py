"""Which photos met their expectations: kept by what was judged, asked before gates are."""

import hashlib
import json

import pandas as pd

from serving.errors import ObjectNotFound
from serving.storage.objects import Storage
from serving.storage.prefixes import VALIDATED
from training.data.dataset import Dataset
from training.data.splits import split_digest


def remember(storage: Storage, dataset: Dataset, table: pd.DataFrame, success: bool) -> None:
    """Keep the verdict on these photos by these expectations."""
    storage.write(_key(dataset, table), json.dumps({"success": success}).encode())


def is_validated(storage: Storage, dataset: Dataset, table: pd.DataFrame) -> bool:
    """Say whether these photos met these expectations; not if nobody looked."""
    try:
        found = json.loads(storage.read(_key(dataset, table)))
    except ObjectNotFound:
        return False
    return found["success"] is True


def _key(dataset: Dataset, table: pd.DataFrame) -> str:
    expected = dataset.expectations.model_dump_json() + dataset.taxonomy.model_dump_json()
    facts = f"{split_digest(table)} {dataset.frozen.digest} {expected}"
    return f"{VALIDATED}/{hashlib.sha256(facts.encode()).hexdigest()}.json"
