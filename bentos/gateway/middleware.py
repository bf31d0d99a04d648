"""What every request passes: an id, a trace, headers for browsers, a cap, a time, a line when due.

One plain ASGI layer: around an answer from the cache each layer more would be felt.
"""

import asyncio
import logging
import re
import time
from dataclasses import dataclass, field
from uuid import uuid4

from prometheus_client import Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentos.gateway.bodies import JSON_BYTES, HeldBody, Pace, cap_body, pace_body
from bentos.problems import answer_problem
from serving import logs, metrics, traces
from serving.jobs.kinds import KINDS
from serving.settings import Settings

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-Id"
REQUEST_ID_KEY = "studio.request_id"  # where routes find it in the scope
_GIVEN_ID = re.compile(rb"[\w.:/+=-]{1,128}", re.ASCII)
# Below these a body may be a file's bytes; the route itself reads them under its own cap.
_RAW_BODIES = tuple({kind.raw_bodies for kind in KINDS.values() if kind.raw_bodies})
_FILES = "/internal/uploads"  # there JSON is a file like any other
_UNTRACED = ("/health", "/readyz", "/internal/metrics")  # asked every few seconds, whatever happens
_ALWAYS_ANSWERED = _UNTRACED  # full or not: who looks has to see it
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")

_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
_HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_NO_STORE = (b"cache-control", b"no-store")
_NOTHING = b"default-src 'none'; frame-ancestors 'none'"
_PAGE = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"media-src 'self' blob:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    b"base-uri 'none'; frame-ancestors 'none'"
)


def page_policy(nonce: str) -> str:
    """Return the Content-Security-Policy of a page whose own style and script carry `nonce`.

    A response that brings its policy keeps it.
    """
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "img-src 'self' data:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


@dataclass(slots=True)
class _Exchange:
    """One request and what became of it."""

    scope: Scope
    request_id: bytes
    started: float
    status: int = 0
    streams: bool = False
    answered_s: float = 0.0
    working: bool = False
    given: dict[bytes, bytes] = field(default_factory=dict)

    def route(self) -> str:
        """Return the path as the documentation has it, so that ids make no new names."""
        return getattr(self.scope.get("route"), "path", "") or "(none)"


class GatewayMiddleware:
    """The outermost layer of the app; see the module.

    Parameters
    ----------
    settings : which requests get a line in the log, how many are worked on, how slow a body may be
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._slow_s, self._log_all = settings.slow_request_s, settings.log_requests == "all"
        self._working, self._most = 0, settings.max_requests
        self._pace = Pace.of(settings)
        self._timers: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; anything but HTTP passes untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"])
        request_id = given.get(b"x-request-id", b"")
        if not _GIVEN_ID.fullmatch(request_id):
            request_id = uuid4().hex.encode()
        exchange = _Exchange(scope, request_id, time.perf_counter(), given=given)
        scope[REQUEST_ID_KEY] = request_id.decode()
        scope[HeldBody.key] = held = HeldBody()
        logs.bind(request_id=scope[REQUEST_ID_KEY])
        metrics.REQUESTS_IN_FLIGHT.inc()
        try:
            if not self._begin(exchange):
                await self._refuse(exchange, receive, send)
                return
            watched = traces.is_open() and scope["path"] not in _UNTRACED
            if watched or b"traceparent" in given:
                await self._traced(exchange, receive, send)
            else:
                await self._answer(exchange, receive, send)
        finally:
            held.release()
            metrics.REQUESTS_IN_FLIGHT.dec()
            self._end(exchange)
            self._note(exchange)

    def _begin(self, exchange: _Exchange) -> bool:
        """Say whether the request may be worked on; from then on it counts until its answer."""
        if exchange.scope["path"] not in _ALWAYS_ANSWERED:
            if self._working >= self._most:
                return False
            exchange.working = True
            self._working += 1
        return True

    def _end(self, exchange: _Exchange) -> None:
        """Count a request no longer; who is slow to take an answer keeps nobody from theirs."""
        if exchange.working:
            exchange.working = False
            self._working -= 1

    async def _refuse(self, exchange: _Exchange, receive: Receive, send: Send) -> None:
        detail = f"{self._most} requests are being worked on; try again in 1 s"
        problem = answer_problem(503, "Overloaded", detail, {"Retry-After": "1"})
        await problem(exchange.scope, receive, self._answering(exchange, send))

    def _answering(self, exchange: _Exchange, send: Send) -> Send:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                _complete(exchange, message)
                self._end(exchange)
            await send(message)

        return answer

    async def _traced(self, exchange: _Exchange, receive: Receive, send: Send) -> None:
        method = exchange.scope["method"]
        parent = exchange.given.get(b"traceparent", b"").decode("latin-1")
        with traces.span(method, parent, traces.SpanKind.SERVER) as span:
            await self._answer(exchange, receive, send)
            span.update_name(f"{method} {exchange.route()}")
            span.set_attribute("http.request.method", method)
            span.set_attribute("http.route", exchange.route())
            span.set_attribute("http.response.status_code", exchange.status)
            if exchange.status >= 500:
                traces.mark_failed(span, str(exchange.status))

    async def _answer(self, exchange: _Exchange, receive: Receive, send: Send) -> None:
        scope, answer = exchange.scope, self._answering(exchange, send)
        try:
            await self._app(scope, self._bounded(exchange, receive), answer)
        except ClientDisconnect:
            exchange.status = exchange.status or 499  # as nginx calls it; nobody is left to tell
        except asyncio.CancelledError:  # the server's; nobody outside of here waits for this task
            if not exchange.status:
                detail = "this gateway is shutting down; another one will answer"
                await answer_problem(503, "GoingDown", detail)(scope, receive, answer)
        except Exception:
            log.exception("%s %s broke", scope["method"], exchange.route())
            if exchange.status:
                raise
            detail = "internal error; it was logged under this request's id"
            problem = answer_problem(500, "InternalError", detail)
            await problem(scope, receive, answer)

    def _note(self, exchange: _Exchange) -> None:
        took_s = time.perf_counter() - exchange.started
        if exchange.streams:
            took_s = exchange.answered_s
        method, route, status = exchange.scope["method"], exchange.route(), exchange.status
        key = (method, route, status)
        timer = self._timers.get(key)
        if timer is None:
            # methods are the client's words, and names of series must not be
            known = method if route != "(none)" else "(any)"
            timer = metrics.REQUESTS.labels(known, route, str(status))
            self._timers[key] = timer
        timer.observe(took_s)
        if self._log_all or status >= 500 or took_s >= self._slow_s:
            level = logging.ERROR if status >= 500 else logging.INFO
            extra = {"method": method, "route": route, "status": status, "took_s": round(took_s, 4)}
            log.log(level, "request", extra=extra)

    def _bounded(self, exchange: _Exchange, receive: Receive) -> Receive:
        """Return a `receive` that bounds a body in time, and in bytes where no route does."""
        scope = exchange.scope
        if scope["method"] not in _WITH_BODY:
            return receive
        paced = pace_body(receive, self._pace)
        kind = exchange.given.get(b"content-type", b"")
        path, is_json = scope["path"], kind.startswith(b"application/json")
        raw = path.startswith(_FILES) or (path.startswith(_RAW_BODIES) and not is_json)
        return paced if raw else cap_body(paced, JSON_BYTES)


def _complete(exchange: _Exchange, message: Message) -> None:
    """Add the headers that every answer has; what the answer brings itself stays."""
    exchange.status = message["status"]
    exchange.answered_s = time.perf_counter() - exchange.started
    headers = message["headers"] = [*message["headers"], *_ALWAYS]
    headers.append((b"x-request-id", exchange.request_id))
    names = dict(headers)
    kind = names.get(b"content-type", b"")
    exchange.streams = kind.startswith(b"text/event-stream")
    if b"content-security-policy" not in names:
        headers.append((b"content-security-policy", _policy(kind)))
    if b"cache-control" not in names and exchange.scope["path"].startswith("/internal/"):
        headers.append(_NO_STORE)
    if exchange.given.get(b"x-forwarded-proto") == b"https":
        headers.append(_HSTS)


def _policy(kind: bytes) -> bytes:
    if not kind.startswith(b"text/html"):
        return _NOTHING
    return _PAGE
