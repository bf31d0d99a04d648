"""Connections, below the app: how many there may be, how long each may be silent, what is no HTTP.

uvicorn has one timer, for a connection between two requests, and answers what it cannot read as
plain text. Here a look at all connections, once a second, ends those that send no whole head of a
request or take no answer, and every refusal is a problem of ours. A timer for each request would
cost more than the look.
"""

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import uvicorn.config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bentos.problems import Refusal, raw_problem
from serving.metrics import CONNECTIONS, REFUSED
from serving.settings import Settings

_LOOK_EVERY_S = 1.0
# how long a refused client may go on sending, so that it reads why before its connection breaks
_LINGER_S = 2.0
_LINGERING = 64  # refused above the limit, and not yet gone
# what is left of a body after its request was answered is read and dropped for so long
_LEFTOVER_S = 30.0
_PIPELINED = 16
_GOING_DOWN_S = 10
_LONGEST_MS = 2**31 - 1  # that a socket's option holds

_MALFORMED = Refusal(400, "BadRequest", "what was sent is no HTTP/1.1 request")
_PIPELINE = Refusal(400, "BadRequest", f"more than {_PIPELINED} requests wait on this connection")
_HEAD_TOO_LARGE = Refusal(
    431, "HeadTooLarge", "the request's first line and headers are longer than is accepted"
)
_HEAD_TOO_SLOW = Refusal(408, "TooSlow", "the request's headers did not arrive in time", 1)
_FULL = Refusal(503, "TooManyConnections", "all connections are in use", 2)


@dataclass(frozen=True)
class ConnectionLimits:
    """What a client's connections may take.

    Attributes
    ----------
    count : of connections at once; above it the longest idle one makes room
    head_s : from the first byte of a request, or from connecting, to the end of its headers
    head_bytes : of the first line and the headers
    keep_alive_s : between two requests
    stall_s : in which nothing of a waiting answer was taken
    """

    count: int = 2048
    head_s: float = 10.0
    head_bytes: int = 32 * 2**10
    keep_alive_s: float = 75.0
    stall_s: float = 60.0

    @classmethod
    def of(cls, settings: Settings) -> "ConnectionLimits":
        """Return what the settings say."""
        return cls(
            settings.max_connections,
            settings.header_timeout_s,
            settings.max_header_bytes,
            settings.keep_alive_s,
            settings.send_stall_s,
        )


class LimitedConnection(HttpToolsProtocol):
    """uvicorn's connection with limits.

    Attributes
    ----------
    head_since : when the head of a request that is not whole yet began; None between requests
    unsent_since : since when an answer waits without any of it being taken
    idle_since : when the last answer ended; None while a request is being answered
    """

    limits: ClassVar[ConnectionLimits]
    looking: ClassVar["asyncio.TimerHandle | None"] = None

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - as uvicorn calls it
        super().__init__(*given, **named)
        self.ws_protocol_class = None  # there are no WebSockets here
        self.timeout_keep_alive = self.limits.keep_alive_s  # type: ignore[assignment] # to call_later
        if (
            self.config.timeout_graceful_shutdown is None
        ):  # who watches a job stays until told to go
            self.config.timeout_graceful_shutdown = _GOING_DOWN_S
        self.head_since: float | None = None
        self.unsent_since: float | None = None
        self.idle_since: float | None = None
        self.leftover_since: float | None = None
        self.refused_at: float | None = None
        self._open = False  # in the middle of a message
        self._head_bytes = self._quiet_bytes = 0
        self._head_room = self.limits.head_bytes
        self._wrong = _MALFORMED

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it if there are too many that work."""
        super().connection_made(transport)
        self.head_since = self.idle_since = self.loop.time()
        self._end_when_unacknowledged()
        self._look_soon()
        over = len(self.connections) - self.limits.count
        if over > 0 and not self._make_room():
            if over > _LINGERING:
                transport.abort()
            else:
                self.refuse(_FULL)

    def _end_when_unacknowledged(self) -> None:
        """Let the kernel end a connection whose other end is gone without a word."""
        wire = self.transport.get_extra_info("socket")
        if wire is not None and wire.family in (socket.AF_INET, socket.AF_INET6):
            with suppress(OSError):
                # later than our own look, which counts it
                timeout_ms = min(round((self.limits.stall_s + 10) * 1e3), _LONGEST_MS)
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout_ms)

    def _make_room(self) -> bool:
        """End the connection that has been without a request for longest; False if all work."""
        idle = [
            (other.idle_since, id(other), other)
            for other in self.connections
            if other is not self
            and isinstance(other, LimitedConnection)
            and other.idle_since is not None
            and other.refused_at is None
        ]
        if not idle:
            return False
        longest = min(idle)[2]
        REFUSED.labels("IdleConnection").inc()
        longest.transport.abort()
        return True

    def data_received(self, data: bytes) -> None:
        """Read; what makes a head too long, or is none, is refused."""
        if self.refused_at is not None:
            return
        if self.head_since is None and not self._open:
            self.head_since = self.loop.time()
        self._head_bytes += len(data)
        self._quiet_bytes += len(data)
        super().data_received(data)
        if self.refused_at is not None or self._quiet_bytes <= self.limits.head_bytes:
            return
        if self.head_since is not None and self._head_bytes > self.limits.head_bytes:
            self.refuse(_HEAD_TOO_LARGE)
        elif self._open:  # trailers without an end
            self.refuse(_MALFORMED)

    def on_message_begin(self) -> None:
        """Begin a request's head."""
        super().on_message_begin()
        self._open = True
        if self.head_since is None:  # it came with the end of the one before
            self.head_since = self.loop.time()
        self._head_room = self.limits.head_bytes

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._take_room(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer."""
        self._take_room(len(name) + len(value) + 4)
        super().on_header(name, value)

    def _take_room(self, size: int) -> None:
        self._head_room -= size
        if self._head_room < 0:
            self._wrong = _HEAD_TOO_LARGE
            raise ValueError(_HEAD_TOO_LARGE.detail)

    def on_headers_complete(self) -> None:
        """Let the app begin."""
        self.head_since = self.idle_since = None
        self._head_bytes = self._quiet_bytes = 0
        super().on_headers_complete()
        if len(self.pipeline) > _PIPELINED:
            self._wrong = _PIPELINE
            raise ValueError(_PIPELINE.detail)

    def on_body(self, body: bytes) -> None:
        """Take a part of a body; where nothing waits to be read, without copying it twice."""
        self._quiet_bytes = 0
        cycle = self.cycle
        if not cycle.body and not cycle.response_complete:
            cycle.body, body = body, b""  # type: ignore[assignment] # joined and given on as bytes
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._open = False
        self._quiet_bytes = 0
        self.leftover_since = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for what comes next."""
        self.idle_since = self.loop.time()
        self.leftover_since = self.idle_since if self._open else None
        super().on_response_complete()
        if self.cycle is not None and not self.cycle.response_complete:
            self.idle_since = None  # the next was waiting already

    def pause_writing(self) -> None:
        """Note since when nothing is taken."""
        self.unsent_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on: something was taken."""
        self.unsent_since = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser could not read."""
        del msg
        self.refuse(self._wrong)

    def _unsupported_upgrade_warning(self) -> None:
        """Answer as if nothing else had been asked for, and close: what follows is no HTTP."""
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def refuse(self, refusal: Refusal) -> None:
        """Say why, and end the connection; without a word where an answer is on its way already."""
        if self.refused_at is not None or self.transport.is_closing():
            return
        self.refused_at = self.loop.time()
        if self.pipeline or not self._nothing_said():
            REFUSED.labels(refusal.title).inc()
            self.transport.abort()
            return
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._unset_keepalive_if_required()
        self.transport.write(raw_problem(refusal, self.server_state.default_headers))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _nothing_said(self) -> bool:
        cycle = self.cycle
        return cycle is None or cycle.response_complete or not cycle.response_started

    def _look_soon(self) -> None:
        kind = type(self)
        if kind.looking is None:
            kind.looking = self.loop.call_later(_LOOK_EVERY_S, self._look_at_all)

    def _look_at_all(self) -> None:
        type(self).looking = None
        CONNECTIONS.set(len(self.connections))
        for connection in list(self.connections):
            if isinstance(connection, LimitedConnection):
                connection.look(self.loop.time())
        if self.connections:
            self._look_soon()

    def look(self, now: float) -> None:
        """End the connection if it has been waited for too long."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent:
            self.unsent_since = None
        elif self.unsent_since is None:
            self.unsent_since = now
        if _over(self.unsent_since, now, self.limits.stall_s):
            REFUSED.labels("SlowReader").inc()
            self.transport.abort()
        elif _over(self.refused_at, now, _LINGER_S):
            self.transport.abort()
        elif _over(self.leftover_since, now, _LEFTOVER_S):
            REFUSED.labels("LeftoverBody").inc()
            self.transport.abort()
        elif self.refused_at is None and _over(self.head_since, now, self.limits.head_s):
            self._end_silent()

    def _end_silent(self) -> None:
        if self._open or self._head_bytes:
            self.refuse(_HEAD_TOO_SLOW)
        else:  # connected, and never said anything
            REFUSED.labels("SilentConnection").inc()
            self.transport.close()


def _over(since: float | None, now: float, limit_s: float) -> bool:
    return since is not None and now - since > limit_s


def limited(limits: ConnectionLimits) -> type[LimitedConnection]:
    """Return the class of connections that uvicorn is to make: `uvicorn.Config(http=…)`."""
    return type("Connection", (LimitedConnection,), {"limits": limits, "looking": None})


def limit_by_default(limits: ConnectionLimits) -> None:
    """Let a uvicorn that somebody else starts in this process make such connections.

    `bentoml serve` gives no way to say which.
    """
    uvicorn.config.HTTP_PROTOCOLS["auto"] = limited(limits)  # type: ignore[assignment] # as imported
