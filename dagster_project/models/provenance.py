"""Where a model comes from, as its card says it; and the one it has to beat."""

import subprocess
from pathlib import Path

from sqlalchemy import Engine

from serving.card import ModelCard
from serving.licences import strictest
from serving.models.rooms import TASK
from serving.models.slots import CHAMPION, read_slots
from serving.storage.objects import Storage, read_by_sha256
from serving.storage.prefixes import MODELS
from training.data.dataset import Dataset
from training.loop.candidates import Candidate, Provenance

_CHECKOUT = Path(__file__).resolve().parents[2]


def provenance_of(dataset: Dataset, data_version: str) -> Provenance:
    """Return labels, data, licence and commit; the strictest licence of the sources counts."""
    return Provenance(
        labels=dataset.taxonomy.labels,
        data_version=data_version,
        sources=tuple(source.name for source in dataset.manifest.sources),
        licence=strictest([source.licence for source in dataset.manifest.sources]),
        git_commit=git_commit(),
    )


def read_served(engine: Engine, storage: Storage) -> Candidate | None:
    """Return the version that answers now, to compare with; None if none does.

    What answers, not what carries the alias: that may be on a version which was refused.
    """
    served = read_slots(engine).get((TASK, CHAMPION))
    if served is None:
        return None
    model = read_by_sha256(storage, MODELS, served.model_sha256)
    card = read_by_sha256(storage, MODELS, served.card_sha256)
    return Candidate(model, ModelCard.model_validate_json(card), float("nan"))


def git_commit() -> str:
    """Return the commit that runs here, `-dirty` behind it where files differ from it.

    `unknown` where there is no checkout.
    """
    command = ["git", "-C", str(_CHECKOUT), "describe", "--always", "--dirty", "--abbrev=40"]
    found = subprocess.run([*command, "--exclude=*"], check=False, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"
