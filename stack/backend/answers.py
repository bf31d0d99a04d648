"""Answers that a well-behaved server never gives: connections closed early."""

from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

_TRANSPORT = "stack.transport"


class Wire:
    """Wraps the app, outermost, so that a response can reach the connection it goes out on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on; uvicorn's `send` is a method of what holds the connection."""
        if scope["type"] == "http":
            scope[_TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await self._app(scope, receive, send)


class ClosedBefore(Response):
    """No answer at all: the connection ends."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Close the connection."""
        await _close(scope, receive)


class ClosedHalfway(Response):
    """The beginning of an answer, and then the connection ends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Announce more bytes than come."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"64")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"outcome":', "more_body": True})
        await _close(scope, receive)


async def _close(scope: Scope, receive: Receive) -> None:
    transport: Any = scope[_TRANSPORT]
    transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
