"""Files of weights that lie elsewhere, known by their SHA-256."""

from hashlib import sha256
from pathlib import Path

import httpx
from pydantic import BaseModel, ConfigDict, Field

import training
from serving.errors import BadInput

_CHECKOUT = Path(training.__file__).absolute().parents[1]
_TIMEOUT_S = 60.0


class NamedWeights(BaseModel):
    """Weights that a dataset's folder names: those of a teacher.

    Attributes
    ----------
    location : `https://…`, or a path, absolute or relative to STUDIO_DATA
    sha256 : of the file, in hex; another file is refused
    licence : of the weights
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    location: str = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    licence: str

    def fetch(self, data: str | None) -> bytes:
        """Return the file; `data` is STUDIO_DATA. BadInput if it cannot be had, or is another."""
        return fetch_file(locate(self.location, data), self.sha256)


def fetch_file(location: str, digest: str) -> bytes:
    """Return a file of weights: of an `https://` address, or a path, relative to the repository.

    Raises
    ------
    BadInput
        If it cannot be had, or its SHA-256 is not `digest`.
    """
    if location.startswith("https://"):
        try:
            answer = httpx.get(location, follow_redirects=True, timeout=_TIMEOUT_S)
            data = answer.raise_for_status().content
        except httpx.HTTPError as error:
            raise BadInput(f"the weights '{location}' cannot be had: {error}") from error
    else:
        path = _CHECKOUT / location
        if not path.is_file():
            raise BadInput(f"there is no '{path}' with the weights")
        data = path.read_bytes()
    found = sha256(data).hexdigest()
    if found != digest:
        raise BadInput(
            f"the weights '{location}' have the SHA-256 {found}, the recipe names "
            f"{digest}; what was changed has to be looked at before its digest is"
        )
    return data


def in_repository(location: str) -> bool:
    """Say whether a path, relative to the repository, is that of a file."""
    return not location.startswith("https://") and (_CHECKOUT / location).is_file()


def locate(location: str, data: str | None) -> str:
    """Return an address or an absolute path of weights that are not in the repository.

    Parameters
    ----------
    location : `https://…`, or a path, absolute or relative to `data`
    data : STUDIO_DATA

    Raises
    ------
    BadInput
        If the path is relative and STUDIO_DATA is no folder.
    """
    if location.startswith("https://") or Path(location).is_absolute():
        return location
    if data is None or data.startswith("s3://"):
        raise BadInput(f"the weights '{location}' lie below STUDIO_DATA, which is no folder here")
    return str((Path(data).expanduser().absolute() / location).resolve())
