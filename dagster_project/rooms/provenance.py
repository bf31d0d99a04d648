"""Where a model comes from, as its card says it; and the one it has to beat."""

import subprocess
from pathlib import Path

from registry.versions import ModelFiles
from serving.card import ModelCard
from training.candidates import Candidate, Provenance
from training.data.room import Room

_CHECKOUT = Path(__file__).resolve().parents[2]


def provenance_of(room: Room, data_version: str) -> Provenance:
    """Return labels, data, licence and commit; the strictest licence of the sources counts."""
    licences = {source.licence for source in room.manifest.sources}
    return Provenance(
        labels=room.taxonomy.labels,
        data_version=data_version,
        sources=tuple(source.name for source in room.manifest.sources),
        licence="own" if licences == {"own"} else "research",
        git_commit=git_commit(),
    )


def read_candidate(files: ModelFiles | None) -> Candidate | None:
    """Return a registered version as something to compare with; None if there is none."""
    if files is None:
        return None
    return Candidate(files.model, ModelCard.model_validate_json(files.card), float("nan"))


def git_commit() -> str:
    """Return the commit that runs here; `unknown` where there is no checkout."""
    command = ["git", "-C", str(_CHECKOUT), "rev-parse", "HEAD"]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"
