"""The clients of soak.py: good ones, those who watch, and those who are slow, silent or hostile."""

import asyncio
import contextlib
import json
import socket
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from multiprocessing.connection import Connection
from random import Random
from urllib.parse import urlparse

import aiohttp

_THINK_S = 0.1


class Seen:
    """What all clients were answered.

    Attributes
    ----------
    seconds : of each good request, by when it ended
    foreign : answers that are not ours: without a request id, or an error that is no problem
    failed : good requests that were refused or broke off
    """

    def __init__(self) -> None:
        self.seconds: list[tuple[float, float]] = []
        self.statuses: Counter[str] = Counter()
        self.foreign: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def note(self, who: str, status: int, request_id: str | None, kind: str) -> None:
        """Count an answer."""
        self.statuses[f"{who} {status}"] += 1
        if not request_id or (status >= 400 and kind != "application/problem+json"):
            self.foreign[f"{who} {status} {kind}"] += 1


class GoodClient:
    """Asks for one thing after the other, as a backend does."""

    def __init__(self, url: str, key: str, photos: list[bytes], seen: Seen, number: int) -> None:
        self._url, self._photos, self._seen = url, photos, seen
        self._random = Random(number)
        self._headers = {"X-API-Key": key}
        self._job = ""

    async def run(self) -> None:
        """Ask until cancelled."""
        async with aiohttp.ClientSession(self._url, headers=self._headers) as session:
            asks = (self._raw, self._stored, self._make, self._read, self._list, self._sound)
            while True:
                await self._timed(self._random.choice((*asks, self._upload)), session)
                await asyncio.sleep(self._random.expovariate(1 / _THINK_S))

    async def _timed(
        self,
        ask: Callable[[aiohttp.ClientSession], Awaitable[aiohttp.ClientResponse | None]],
        session: aiohttp.ClientSession,
    ) -> None:
        began, name = time.perf_counter(), ask.__name__
        try:
            answer = await ask(session)
            if answer is None:
                return
            body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            self._seen.failed[f"{name} {type(error).__name__}"] += 1
            return
        now = time.perf_counter()
        self._seen.seconds.append((now, now - began))
        request_id = answer.headers.get("X-Request-Id")
        self._seen.note("good", answer.status, request_id, answer.content_type)
        if answer.status >= 400:
            self._seen.failed[f"{name} {answer.status}"] += 1
        elif answer.status == 202:
            self._job = json.loads(body)["job_id"]

    async def _raw(self, session: aiohttp.ClientSession) -> aiohttp.ClientResponse:
        # what follows an image is not looked at
        photo = self._photos[0] + self._random.randbytes(8)
        headers = {"Content-Type": "image/jpeg"}
        return await session.post("/internal/photos/classify", data=photo, headers=headers)

    async def _stored(self, session: aiohttp.ClientSession) -> aiohttp.ClientResponse:
        body = {"photos": [f"soak/{number}.jpg" for number in range(len(self._photos))]}
        return await session.post("/internal/photos/classify", json=body)

    async def _make(self, session: aiohttp.ClientSession) -> aiohttp.ClientResponse:
        body = {"photos": ["soak/0.jpg"], "async": True}
        return await session.post("/internal/photos/classify", json=body)

    async def _read(self, session: aiohttp.ClientSession) -> aiohttp.ClientResponse | None:
        return await session.get(f"/internal/jobs/{self._job}") if self._job else None

    async def _list(self, session: aiohttp.ClientSession) -> aiohttp.ClientResponse:
        return await session.get("/internal/jobs", params={"limit": 20})

    async def _sound(self, session: aiohttp.ClientSession) -> aiohttp.ClientResponse:
        return await session.post("/internal/audio/analyze", json={"track": "soak/song.wav"})

    async def _upload(self, session: aiohttp.ClientSession) -> aiohttp.ClientResponse:
        headers = {"Content-Type": "image/jpeg"}
        return await session.post("/internal/uploads", data=self._photos[0], headers=headers)


class Strangers:
    """Connections that no good client makes; each kind again and again."""

    def __init__(self, url: str, key: str, photo: bytes, seen: Seen) -> None:
        self._host, self._port = urlparse(url).hostname, urlparse(url).port
        self._key, self._photo, self._seen = key, photo, seen
        self._random = Random(1)

    def kinds(self) -> list[Callable[[], Awaitable[None]]]:
        """Return what they do."""
        return [
            self.half_head, self.silent, self.slow_body, self.aborted, self.slow_reader,
            self.garbage, self.long_head, self.bad_chunks, self.wrong_key,
        ]  # fmt: skip

    async def again(self, kind: Callable[[], Awaitable[None]]) -> None:
        """Do it until cancelled."""
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await kind()
            await asyncio.sleep(self._random.uniform(0.05, 0.3))

    async def watch(self, job: str) -> None:
        """Follow a job, again when the stream ends."""
        head = (
            f"GET /internal/jobs/{job}/events HTTP/1.1\r\nHost: x\r\nX-API-Key: {self._key}\r\n\r\n"
        )
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                async with self._connected() as (reader, writer):
                    writer.write(head.encode())
                    await self._answer("stream", reader)
                    while await reader.read(2**16):
                        pass
            await asyncio.sleep(1.0)

    async def half_head(self) -> None:
        """Send the beginning of a head, and wait."""
        await self._send("half head", b"GET /health HTTP/1.1\r\nHost: x\r\nX-Half: ")

    async def silent(self) -> None:
        """Connect, and wait."""
        await self._send("silent", b"")

    async def garbage(self) -> None:
        """Send bytes that mean nothing."""
        await self._send("garbage", self._random.randbytes(self._random.randrange(1, 4000)))

    async def long_head(self) -> None:
        """Send a header of 100 kB."""
        await self._send("long head", b"GET /health HTTP/1.1\r\nX-Long: " + b"x" * 100_000)

    async def bad_chunks(self) -> None:
        """Send chunks of which one has no size."""
        chunks = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"
        await self._send("bad chunks", self._post().encode() + chunks)

    async def wrong_key(self) -> None:
        """Ask with a key that is nobody's."""
        key = f"X-API-Key: {self._random.random()}\r\n\r\n"
        await self._send("wrong key", b"GET /internal/jobs HTTP/1.1\r\nHost: x\r\n" + key.encode())

    async def slow_body(self) -> None:
        """Send a photo at ten bytes a second."""
        async with self._connected() as (reader, writer):
            writer.write(f"{self._post()}Content-Length: 100000\r\n\r\n".encode())
            answer = asyncio.ensure_future(self._answer("slow body", reader))
            try:
                while not answer.done():
                    writer.write(b"x" * 10)
                    await asyncio.wait({answer}, timeout=1.0)
                await answer
            finally:
                answer.cancel()

    async def aborted(self) -> None:
        """Break off in the middle of a photo."""
        async with self._connected() as (_, writer):
            half = self._photo[: len(self._photo) // 2]
            size = f"Content-Length: {len(self._photo)}\r\n\r\n"
            writer.write(self._post().encode() + size.encode() + half)
            await asyncio.sleep(0.2)
            wire = writer.get_extra_info("socket")
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._seen.statuses["aborted"] += 1

    async def slow_reader(self) -> None:
        """Ask for much and read none of it."""
        async with self._connected(limit=1) as (_, writer):
            writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 12)
            await asyncio.sleep(20)
            self._seen.statuses["slow reader"] += 1

    def _post(self) -> str:
        return (
            "POST /internal/photos/classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
            f"X-API-Key: {self._key}\r\n"
        )

    async def _send(self, who: str, data: bytes) -> None:
        async with self._connected() as (reader, writer):
            writer.write(data)
            await self._answer(who, reader)

    @contextlib.asynccontextmanager
    async def _connected(
        self, limit: int = 2**16
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=limit)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def _answer(self, who: str, reader: asyncio.StreamReader) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        except (OSError, asyncio.IncompleteReadError):
            self._seen.statuses[f"{who} ended without a word"] += 1
            return
        first, *lines = head.split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines if ": " in line)
        kind = fields.get("content-type", "").partition(";")[0]
        self._seen.note(who, int(first.split()[1]), fields.get("x-request-id"), kind)


def be_strangers(  # noqa: PLR0913 - the arguments of a process
    url: str, key: str, photo: bytes, jobs: list[str], streams: int, of_each: int, told: Connection
) -> None:
    """Run the others in a process of their own until told to end; then tell what they saw.

    In the good clients' process they would be measured with them.
    """
    seen = Seen()

    async def run() -> None:
        strangers = Strangers(url, key, photo, seen)
        doing = [strangers.watch(job) for job in jobs for _ in range(streams // len(jobs))]
        doing += [strangers.again(kind) for kind in strangers.kinds() for _ in range(of_each)]
        tasks = [asyncio.create_task(each) for each in doing]
        while not told.poll():
            await asyncio.sleep(0.2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
    told.send((seen.statuses, seen.foreign))
