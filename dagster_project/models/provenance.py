"""Where a model comes from, as its card says it; and the one it has to beat."""

import subprocess
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from serving.card import ModelCard
from serving.models.routing import CHAMPION
from serving.models.slots import read_slots
from serving.storage.objects import Storage, read_by_sha256
from serving.storage.prefixes import MODELS
from training.candidate import Candidate, Provenance
from training.recipe import Dataset, OutsideWeights, Recipe

_CHECKOUT = Path(__file__).resolve().parents[2]


def provenance_of(recipe: Recipe[Any], dataset: Dataset, data_version: str) -> Provenance:
    """Return data, licence and commit; of weights trained here the data's licence counts."""
    made_by = recipe.made_by
    outside = isinstance(made_by, OutsideWeights)
    return Provenance(
        data_version=data_version,
        sources=() if outside else dataset.sources,
        licence=made_by.licence if isinstance(made_by, OutsideWeights) else dataset.licence,
        git_commit=git_commit(),
    )


def read_served(engine: Engine, storage: Storage, task: str) -> Candidate | None:
    """Return the version that answers now, to compare with; None if none does.

    What answers, not what carries the alias: that may be on a version which was refused.
    """
    served = read_slots(engine).get((task, CHAMPION))
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
