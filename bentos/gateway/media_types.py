"""What a request's body says that it is, and what we take."""

import re

from fastapi import Request
from starlette.exceptions import HTTPException

JSON = "application/json"
_BYTES = "application/octet-stream"  # whatever it is: its first bytes tell
PHOTOS = ("image/*", _BYTES)
SOUNDS = ("audio/*", "video/*", "application/ogg", _BYTES)
# an image by its name, and no pixels
_NO_PHOTO = "image/svg+xml"
_NAME = r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"  # RFC 6838, 4.2
_MEDIA_TYPE = re.compile(f"{_NAME}/{_NAME}")


def media_type_of(request: Request) -> str:
    """Return the media type that the request names, without its parameters; may be empty."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def check_media_type(request: Request, *taken: str) -> str:
    """Return the media type of a body if it is one of those that are taken here.

    Parameters
    ----------
    taken : full media types, or whole families such as `image/*`

    Raises
    ------
    HTTPException
        415, saying what was sent and what is taken; `Accept-Post` says the same to programs.
    """
    sent = media_type_of(request)
    family = f"{sent.partition('/')[0]}/*"
    if sent != _NO_PHOTO and (sent in taken or family in taken):
        return sent
    said = f"'{sent}'" if sent else "nothing"
    raw = ", ".join(kind for kind in taken if kind != JSON)
    wanted = [f"the file as the raw body ({raw})"] if raw else []
    wanted += [JSON] if JSON in taken else []
    detail = f"the Content-Type says {said}; send {' or '.join(wanted)}"
    raise HTTPException(415, detail, {"Accept-Post": ", ".join(taken)})


def type_to_keep(said: str) -> str:
    r"""Return the media type that a file is kept as: what is said, if it is one.

    A storage sends it on in a header, in which nothing else may stand.

    Examples
    --------
    >>> [type_to_keep(said) for said in ("Image/JPEG; q=1", "image/jpeg\r\nx: y", "image/jpég")]
    ['image/jpeg', 'application/octet-stream', 'application/octet-stream']
    """
    kind = said.partition(";")[0].strip(" \t").lower()
    return kind if _MEDIA_TYPE.fullmatch(kind) else _BYTES


def preferred(accept: str, pictures: tuple[str, ...]) -> str | None:
    """Return the kind of picture that an `Accept` names and prefers to JSON; None if it does not.

    Parameters
    ----------
    pictures : that can be answered; `image/*` means the first

    Examples
    --------
    >>> preferred("image/webp,*/*;q=0.5", ("image/jpeg", "image/webp"))
    'image/webp'
    >>> preferred("*/*", ("image/jpeg",))
    >>> preferred("application/json, image/jpeg", ("image/jpeg",))
    """
    weights = dict(_weigh(part) for part in reversed(accept.split(",")) if part.strip())
    json = max(weights.get(kind, 0.0) for kind in (JSON, "application/*", "*/*"))
    named = {kind: weights[kind] for kind in reversed(list(weights)) if kind in pictures}
    named.setdefault(pictures[0], weights.get("image/*", 0.0))
    best = max(named, key=lambda kind: named[kind])
    return best if named[best] > json else None


def _weigh(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return kind, float(value) if _Q.fullmatch(value.strip()) else 0.0
    return kind, 1.0


_Q = re.compile(r"[01](\.\d{0,3})?")  # RFC 9110, 12.4.2
