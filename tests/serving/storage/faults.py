"""A proxy before an S3 that does to requests what networks and servers do on a bad day."""

import http.client
import itertools
import random
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# a server's errors; the connection's; the body's on the way back; the body's on the way there
ANSWERS = ("500", "503")
CONNECTION = ("reset", "hang", "lost")
READING = ("cut", "short", "flip")
WRITING = ("flip sent",)
ALL = ANSWERS + CONNECTION + READING + WRITING

_ERROR = b'<?xml version="1.0"?><Error><Code>%s</Code><Message>on a bad day</Message></Error>'


class Faults:
    """What goes wrong next, and what did."""

    def __init__(self, hang_s: float = 0.6) -> None:
        self.hang_s = hang_s
        self.done: Counter[str] = Counter()
        self.choose: Callable[[str], str | None] = lambda _: None
        self._lock = threading.Lock()

    def next(self, *names: str) -> None:
        """Let these happen to the coming requests that they fit, in this order."""
        waiting = deque(names)

        def choose(method: str) -> str | None:
            return waiting.popleft() if waiting and fits(waiting[0], method) else None

        self.choose = choose

    def at_random(self, rate: float, names: tuple[str, ...] = ALL, seed: int = 0) -> None:
        """Let one of these happen to that share of requests."""
        rng = random.Random(seed)

        def choose(method: str) -> str | None:
            name = rng.choice([name for name in names if fits(name, method)] or [""])
            return name if name and rng.random() < rate else None

        self.choose = choose

    def take(self, method: str) -> str | None:
        """Return what happens to a request."""
        with self._lock:
            name = self.choose(method)
            self.done.update([name] if name else [])
            return name


def fits(name: str, method: str) -> bool:
    """Say whether a fault can happen to such a request."""
    if name in READING:
        return method == "GET"
    return method == "PUT" if name in WRITING else True


@contextmanager
def bad_way(upstream: str, faults: Faults) -> Iterator[str]:
    """Run the proxy; yield its URL."""

    class Handler(_Handler):
        pass

    Handler.faults, Handler.upstream = faults, urlsplit(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # it is meant to break
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faults: Faults
    upstream = urlsplit("")

    def handle_any(self) -> None:
        """Pass a request on, and its answer back, unless something happens to one of them."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.faults.take(self.command)
        if fault in ANSWERS:
            code = b"SlowDown" if fault == "503" else b"InternalError"
            self._answer(int(fault), {"Content-Type": "application/xml"}, _ERROR % code)
        elif fault in CONNECTION:
            self._break(fault, body)
        else:
            self._pass_on(_flip(body) if fault == "flip sent" else body, fault)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

    def _break(self, fault: str, body: bytes) -> None:
        if fault == "hang":
            time.sleep(self.faults.hang_s)
        if fault == "lost":  # it was done, and nobody hears of it
            self._ask(body)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _pass_on(self, body: bytes, fault: str | None) -> None:
        status, fields, content = self._ask(body)
        if fault in READING and status == 200 and content and b"<" not in content[:1]:
            if fault == "flip":
                content = _flip(content)
            elif fault == "short":
                content = content[: len(content) // 2]
                fields["Content-Length"] = str(len(content))
            else:
                self.close_connection = True
                return self._answer(status, fields, content[: len(content) // 2])
        return self._answer(status, fields, content)

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        upstream = http.client.HTTPConnection(self.upstream.netloc, timeout=10)
        try:
            upstream.request(self.command, self.path, body, dict(self.headers.items()))
            answer = upstream.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            upstream.close()

    def _answer(self, status: int, fields: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        fields.setdefault("Content-Length", str(len(content)))
        for name, value in fields.items():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _flip(content: bytes) -> bytes:
    """Change one bit, each time another: two on one way would make it right again."""
    if not content:
        return content
    at = next(_places) % len(content)
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


_places = itertools.count(1, 7919)
