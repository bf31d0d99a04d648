"""What a request's body says that it is, and what we take."""

from fastapi import Request
from starlette.exceptions import HTTPException

JSON = "application/json"
_BYTES = "application/octet-stream"  # whatever it is: its first bytes tell
PHOTOS = ("image/*", _BYTES)
SOUNDS = ("audio/*", "video/*", "application/ogg", _BYTES)
# an image by its name, and no pixels
_NO_PHOTO = "image/svg+xml"


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
