"""Routes that are asked once per photo: a plain request to one goes straight to its endpoint.

FastAPI matches every router, opens exit stacks and reads each parameter's declaration anew for
every request. Beside an inference on a CPU that is half of what answering costs
(docs/decisions/0030-what-a-photo-costs-beside-its-pixels.md).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bentos.gateway import media_types
from bentos.gateway.accept import LISTING_ID_CHARS, Caller, caller_of
from bentos.gateway.dependencies import GatewayState, client_of, gateway_state

Endpoint = Callable[[Request, GatewayState, Caller], Awaitable[Response]]

# FastAPI reads and checks what a request with one of these asks for
_NOT_PLAIN = (b"idempotency-key", b"authorization")
_JSON = media_types.JSON.encode()
_SERVER_ERRORS = (500, Exception)  # of an outer layer, as in Starlette


@dataclass(frozen=True)
class _Direct:
    """What takes the route's place in the scope: where metrics and logs find its path."""

    path: str
    endpoint: Endpoint


class DirectRoutes:
    """A plain ASGI layer; whatever is not plain takes FastAPI's way to the same end.

    Parameters
    ----------
    routes : endpoints by method and path; each has to be a route of the app too, and answers as
        that does when nothing is asked for in the query
    """

    def __init__(self, app: ASGIApp, routes: Mapping[tuple[str, str], Endpoint]) -> None:
        self._app = app
        self._routes = {key: _Direct(key[1], endpoint) for key, endpoint in routes.items()}
        self._handled: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        route = self._routes.get((scope.get("method", ""), scope.get("path", "")))
        if route is None or not _is_plain(scope):
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        if self._handled is None:  # the app's handlers are complete only when it answers
            handlers = scope["app"].exception_handlers.items()
            ours = {kind: handler for kind, handler in handlers if kind not in _SERVER_ERRORS}
            self._handled = ExceptionMiddleware(_answer, ours)
        await self._handled(scope, receive, send)


def _is_plain(scope: Scope) -> bool:
    """Say whether the request brings a key and a body, and asks for nothing else."""
    if scope["query_string"]:
        return False
    has_key = False
    for name, value in scope["headers"]:
        if name in _NOT_PLAIN or (name == b"x-listing-id" and len(value) > LISTING_ID_CHARS):
            return False
        if name == b"content-type" and _JSON in value.lower():
            return False  # many photos, and an answer to be compressed
        has_key = has_key or name == b"x-api-key"
    return has_key


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    client = await client_of(request, request.headers["x-api-key"])
    caller = await caller_of(request, client, None, request.headers.get("x-listing-id"))
    response = await scope["route"].endpoint(request, await gateway_state(request), caller)
    await response(scope, receive, send)
