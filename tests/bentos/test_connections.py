"""Connections that are slow, silent, hostile or too many: each ends, with a word of ours."""

import asyncio
import http.client
import threading
import time
from collections.abc import Iterator

import pytest
from starlette.types import Receive, Scope, Send

from bentos.gateway.connections import ConnectionLimits
from serving.metrics import REGISTRY
from tests.bentos.app_server import connected, ended, read_answer, serving

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
LIMITS = ConnectionLimits(count=20, head_s=0.5, head_bytes=4096, keep_alive_s=3.0, stall_s=1.5)


class App:
    """Answers `/a` with a word, `/big` with 32 MB, `/stream` without an end; reads what it gets."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await self._answer(scope, receive, send)
        finally:
            if scope["path"] in ("/big", "/stream"):
                self.ended.set()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST" and scope["path"] != "/early":
            while (message := await receive()).get("more_body"):
                pass
            if message["type"] == "http.disconnect":
                return
        if scope["path"] == "/stream":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while not self.ended.is_set():
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                await asyncio.sleep(0.1)
            return
        body = b"x" * (32 * 2**20 if scope["path"] == "/big" else 2)
        size = str(len(body)).encode()
        headers = [(b"content-length", size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def app() -> App:
    return App()


@pytest.fixture(scope="module")
def address(app: App) -> Iterator[tuple[str, int]]:
    with serving(app, LIMITS) as address:
        yield address


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("studio_refused_total", {"reason": reason}) or 0.0


def test_a_good_client_is_served_again_and_again(address: tuple[str, int]) -> None:
    with connected(address) as wire:
        for _ in range(3):
            wire.sendall(GET)
            assert read_answer(wire).body == b"xx"
        wire.sendall(GET + GET)
        assert read_answer(wire).status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /a HTTP/1.1\r\nHost: x\r\nX-Half: ",
        b"G",
        b"\r\n",
        GET + b"GET /a",
    ],
    ids=["headers", "a letter", "blank lines", "the second request"],
)
def test_half_a_head_ends_with_a_problem(address: tuple[str, int], sent: bytes) -> None:
    before = refused("TooSlow")
    with connected(address) as wire:
        wire.sendall(sent)
        answer = read_answer(wire)
        if answer.status == 200:
            answer = read_answer(wire)
        assert (answer.status, answer.problem()["title"]) == (408, "TooSlow")
        assert answer.headers["retry-after"]
        assert ended(wire)
    assert refused("TooSlow") == before + 1


def test_headers_that_trickle_end_too(address: tuple[str, int]) -> None:
    with connected(address) as wire:
        wire.sendall(b"GET /a HTTP/1.1\r\nX: ")
        wire.settimeout(0.1)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                wire.sendall(b"y")
                if not wire.recv(1):
                    return
                break
            except TimeoutError:
                continue
            except OSError:
                return
        assert time.monotonic() < until, "it went on for ever"


def test_a_silent_connection_ends_whether_or_not_it_asked_before(address: tuple[str, int]) -> None:
    before = refused("SilentConnection")
    with connected(address) as silent, connected(address) as kept:
        kept.sendall(GET)
        assert read_answer(kept).status == 200
        assert ended(silent)
        assert ended(kept)
    assert refused("SilentConnection") == before + 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"hello\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\nHo st: x\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello", 400),
        (b"GET /a HTTP/1.1\r\n" + b"X-A: b\r\n" * 1000 + b"\r\n", 431),
        (b"GET /a HTTP/1.1\r\nX-A: " + b"b" * 100_000, 431),
        (b"GET /" + b"a" * 100_000, 431),
    ],
    ids=[
        "TLS", "HTTP/2", "words", "a header's name", "an address", "CONNECT", "a chunk's size",
        "a negative length", "two lengths", "length and chunks", "many headers", "a long header",
        "a long address",
    ],
)  # fmt: skip
def test_what_is_no_request_is_a_problem(
    address: tuple[str, int], sent: bytes, status: int
) -> None:
    with connected(address) as wire:
        wire.sendall(sent)
        answer = read_answer(wire)
        assert answer.status == status
        assert answer.problem()["title"] in ("BadRequest", "HeadTooLarge")
        assert answer.headers["connection"] == "close"
        assert ended(wire)


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_another_protocol_that_is_asked_for_is_not_spoken(
    address: tuple[str, int], protocol: str
) -> None:
    with connected(address) as wire:
        asked = f"Connection: Upgrade\r\nUpgrade: {protocol}\r\nSec-WebSocket-Key: eA==\r\n"
        wire.sendall(f"GET /a HTTP/1.1\r\nHost: x\r\n{asked}\r\n".encode())
        answer = read_answer(wire)
        assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_trailers_without_an_end_are_refused(address: tuple[str, int]) -> None:
    with connected(address) as wire:
        wire.sendall(b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ")
        time.sleep(0.3)  # what comes at once is bounded by what is read at once
        for _ in range(4):
            wire.sendall(b"y" * 10_000)
            time.sleep(0.1)
        assert read_answer(wire).status == 400


def test_requests_that_pile_up_on_a_connection_end_it(address: tuple[str, int]) -> None:
    with connected(address) as wire:
        wire.sendall(GET.replace(b"/a", b"/big") + GET * 1000)
        assert ended(wire)


def test_who_takes_nothing_of_an_answer_is_cut(address: tuple[str, int]) -> None:
    before = refused("SlowReader")
    with connected(address) as wire:
        wire.sendall(GET.replace(b"/a", b"/big"))
        until = time.monotonic() + 30
        while refused("SlowReader") == before and time.monotonic() < until:
            time.sleep(0.05)
        assert refused("SlowReader") == before + 1
        assert ended(wire)


def test_who_takes_an_answer_slowly_but_steadily_gets_it(address: tuple[str, int]) -> None:
    with connected(address) as wire:
        wire.sendall(GET.replace(b"/a", b"/big"))
        got = 0
        while got < 32 * 2**20:
            piece = wire.recv(2**20)
            assert piece, f"cut after {got}"
            got += len(piece)
            time.sleep(0.05)


def test_an_answer_that_takes_longer_than_a_silence_may_is_not_silence(
    address: tuple[str, int], app: App
) -> None:
    app.ended.clear()
    with connected(address) as wire:
        wire.sendall(GET.replace(b"/a", b"/stream"))
        time.sleep(4.5)  # three times what ends any silence here
        wire.settimeout(10)
        assert wire.recv(2**16)
        assert wire.recv(2**16)
        app.ended.set()


def test_above_the_limit_the_longest_idle_connection_makes_room(
    address: tuple[str, int], app: App
) -> None:
    app.ended.clear()
    held = [connected(address) for _ in range(LIMITS.count)]
    wires = [each.__enter__() for each in held]
    try:
        for wire in wires[1:]:
            wire.sendall(GET.replace(b"/a", b"/stream"))
        for wire in wires[1:]:
            assert wire.recv(100)
        with connected(address) as one_more:
            one_more.sendall(GET.replace(b"/a", b"/stream"))
            assert one_more.recv(100)
            assert ended(wires[0]), "it had asked for nothing"
            with connected(address) as too_many:
                answer = read_answer(too_many)
                assert (answer.status, answer.problem()["title"]) == (503, "TooManyConnections")
                assert answer.headers["retry-after"]
    finally:
        app.ended.set()
        for each in held:
            each.__exit__(None, None, None)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with connected(address) as wire:
            wire.sendall(GET)
            if read_answer(wire).status == 200:
                return
    raise AssertionError("no room was made by those that went")


def test_what_is_left_of_a_body_that_nobody_wants_is_dropped(address: tuple[str, int]) -> None:
    with connected(address) as wire:
        wire.sendall(b"POST /early HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 1000)
        assert read_answer(wire).status == 200
        wire.sendall(b"x" * 2_999_000 + GET)
        assert read_answer(wire).status == 200


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with its body, looked for only when some parts of it may be waiting."""
    if scope["type"] != "http":
        return
    parts, more = [], True
    while more:
        await asyncio.sleep(0.02)
        message = await receive()
        assert isinstance(message["body"], bytes)
        parts.append(message["body"])
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"".join(parts)})


def test_a_body_arrives_whole_in_however_many_parts() -> None:
    parts = [bytes([number]) * size for number, size in enumerate([1, 70_000, 3, 200_000, 5])]
    with serving(echo, LIMITS) as (host, port):
        client = http.client.HTTPConnection(host, port, timeout=20)
        for part_wait_s in (0.0, 0.005):

            def slowly(wait_s: float = part_wait_s) -> Iterator[bytes]:
                for part in parts:
                    time.sleep(wait_s)
                    yield part

            client.request("POST", "/a", body=slowly(), encode_chunked=True)
            assert client.getresponse().read() == b"".join(parts)
            client.request("POST", "/a", body=b"".join(parts))
            assert client.getresponse().read() == b"".join(parts)


def test_a_reader_may_be_given_longer_than_a_socket_counts(app: App) -> None:
    with serving(app, ConnectionLimits(stall_s=1e9)) as address, connected(address) as wire:
        wire.sendall(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n")
        assert read_answer(wire).status == 200
