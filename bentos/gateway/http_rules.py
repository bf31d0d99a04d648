"""What HTTP expects of every route alike: HEAD, readable ranges, bodies that are not encoded."""

import re
from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentos.problems import answer_problem

_TUS = "/internal/uploads/tus/"
RATE_LIMIT_KEY = "studio.rate_limit"  # where the limiter leaves what the answer's headers say
# RFC 9110, 14.1.1: a set of ranges in bytes; 14.2: any other unit or form is ignored
_RANGES = re.compile(rb"bytes=[\t ]*(\d+-\d*|-\d+)([\t ]*,[\t ]*(\d+-\d*|-\d+))*[\t ]*")


class HttpRules:
    """A plain ASGI layer inside the outermost one.

    - A tus client whose way takes no `PATCH` or `DELETE` sends `POST` and names the method.
    - `HEAD` is answered wherever `GET` is, by the same route, without the body.
    - A `Range` that is none is ignored, as RFC 9110 wants it, whoever answers.
    - A body with a `Content-Encoding` is refused (415) and not read as a damaged file.
    - The state of the client's rate limit goes into the headers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; anything but HTTP passes untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        _override_method(scope, headers)
        encoding = headers.get(b"content-encoding", b"identity").lower()
        if encoding not in (b"identity", b""):
            await _refuse_encoding(encoding)(scope, receive, send)
            return
        if not _RANGES.fullmatch(headers.get(b"range", b"bytes=0-")):
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"range"]
        send = _with_rate_limit(scope, send)
        if scope["method"] == "HEAD":
            await _answer_head(self._app, scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _override_method(scope: Scope, headers: Mapping[bytes, bytes]) -> None:
    named = headers.get(b"x-http-method-override", b"").decode("latin-1").upper()
    of_tus = scope["path"].startswith(_TUS) and scope["method"] == "POST"
    if of_tus and named in ("PATCH", "DELETE", "HEAD"):
        scope["method"] = named


def _refuse_encoding(encoding: bytes) -> ASGIApp:
    said = encoding.decode("latin-1")[:40]
    detail = f"the body has the Content-Encoding '{said}'; send it as it is, without one"
    return answer_problem(
        415, "Unsupported Media Type", detail, headers={"Accept-Encoding": "identity"}
    )


def _with_rate_limit(scope: Scope, send: Send) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start" and RATE_LIMIT_KEY in scope:
            message["headers"] = [*message["headers"], *scope[RATE_LIMIT_KEY]]
        await send(message)

    return answer


class _HeadAnswered(OSError):
    """Tells a route that streams that nobody reads on, as a closed connection would."""


async def _answer_head(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Ask the app for a GET, and pass on the head of its answer alone."""
    answered = False

    async def head(message: Message) -> None:
        nonlocal answered
        if message["type"] == "http.response.start":
            answered = True
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif message.get("more_body"):
            raise _HeadAnswered

    async def until_answered() -> Message:
        return {"type": "http.disconnect"} if answered else await receive()

    inner = dict(scope, method="GET")
    try:
        await app(inner, until_answered, head)
    except (_HeadAnswered, ClientDisconnect):
        if not answered:
            raise
    finally:
        # the layers outside name the route that answered
        scope.update({key: inner[key] for key in ("route", RATE_LIMIT_KEY) if key in inner})
