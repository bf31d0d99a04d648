"""Files of weights that lie elsewhere, known by their SHA-256."""

from hashlib import sha256
from pathlib import Path

import httpx

import training
from serving.errors import BadInput

_CHECKOUT = Path(training.__file__).absolute().parents[1]
_TIMEOUT_S = 60.0


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
