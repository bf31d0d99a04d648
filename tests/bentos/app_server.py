"""Apps as uvicorn serves them with our connections, on a port of their own; raw sockets to them."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from bentos.gateway.connections import ConnectionLimits, limited


@contextmanager
def serving(app: ASGIApp, limits: ConnectionLimits | None = None) -> Iterator[tuple[str, int]]:
    """Serve an app with our connections; yield its address."""
    config = uvicorn.Config(
        app,
        port=0,
        http=limited(limits or ConnectionLimits()),
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 60
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        thread.join(30)


@dataclass(frozen=True)
class Answer:
    """What came over a raw connection until it ended, or the first answer of it was whole."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def problem(self) -> dict[str, Any]:
        """Return the problem; every one says the same in all its places."""
        assert self.headers["content-type"] == "application/problem+json", self
        assert self.headers["x-request-id"]
        problem: dict[str, Any] = json.loads(self.body)
        assert problem["status"] == self.status
        return problem


@contextmanager
def connected(address: tuple[str, int], timeout_s: float = 30.0) -> Iterator[socket.socket]:
    """Yield a connection."""
    with socket.create_connection(address, timeout=timeout_s) as wire:
        yield wire


def read_answer(wire: socket.socket) -> Answer:
    """Read one answer; an empty one if the connection ended without."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = _receive(wire)
        if not piece:
            return Answer()
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        piece = _receive(wire)
        if not piece:
            break
        body += piece
    return Answer(int(first.split()[1]), headers, body)


def ended(wire: socket.socket) -> bool:
    """Say whether the other side ends the connection, whatever it still sends."""
    try:
        while _receive(wire):
            pass
    except TimeoutError:
        return False
    return True


def _receive(wire: socket.socket) -> bytes:
    try:
        return wire.recv(2**16)
    except (ConnectionResetError, BrokenPipeError):
        return b""
