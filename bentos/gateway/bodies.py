"""Reads request bodies without ever holding more, or waiting longer, than is allowed."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from serving.budget import BODIES, Budget
from serving.errors import TooLarge
from serving.settings import Settings

JSON_BYTES = 4 * 2**20  # of any body that is no file
_DRAINED_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Pace:
    """How slowly a body may arrive, however long all of it takes.

    Attributes
    ----------
    idle_s : in which nothing arrives
    window_s : of waiting for the client, over which its rate is averaged
    bytes_per_s : the least
    """

    idle_s: float = 20.0
    window_s: float = 30.0
    bytes_per_s: int = 1000

    @classmethod
    def of(cls, settings: Settings) -> "Pace":
        """Return what the settings say."""
        return cls(settings.body_idle_s, settings.body_window_s, settings.body_min_rate)


def pace_body(receive: Receive, pace: Pace) -> Receive:
    """Return a `receive` that ends in a 408 once a body comes more slowly than `pace`.

    Only the time that is spent waiting for the client counts: how long we take to deal with what
    has come is not its fault.
    """
    waited_s, size, whole = 0.0, 0, False

    async def paced() -> Message:
        nonlocal waited_s, size, whole
        if whole:  # what is waited for now is the client's end
            return await receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(pace.idle_s):
                message = await receive()
        except TimeoutError:
            raise _too_slow(f"nothing of the body arrived in {pace.idle_s:g} s") from None
        waited_s += time.monotonic() - began
        size += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if waited_s >= pace.window_s and not whole:
            if size < pace.bytes_per_s * waited_s:
                rate = f"{size / waited_s:,.0f} bytes a second"
                raise _too_slow(f"the body arrives at {rate}; {pace.bytes_per_s:,} are the least")
            waited_s, size = 0.0, 0
        return message

    return paced


def _too_slow(detail: str) -> HTTPException:
    # what is left of the body would be read as the next request
    return HTTPException(408, detail, {"Connection": "close", "Retry-After": "1"})


class HeldBody:
    """What one request's body holds of the memory that the process has for bodies."""

    key = "studio.body"  # where it is found in the scope

    def __init__(self, budget: Budget = BODIES) -> None:
        self._budget, self._size = budget, 0

    async def grow(self, size: int) -> None:
        """Hold so many bytes more; Busy if others hold them for too long."""
        if not self._budget.try_hold(size):
            turn = self._budget.ask(size)
            try:
                async with asyncio.timeout(self._budget.wait_s):
                    await asyncio.shield(asyncio.wrap_future(turn))
            except BaseException as error:
                self._budget.give_up(turn, size)
                if isinstance(error, TimeoutError):
                    raise self._budget.busy() from None
                raise
        self._size += size

    def release(self) -> None:
        """Give everything back: the request is answered."""
        self._budget.release(self._size)
        self._size = 0


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body; TooLarge as soon as it is known to pass `max_bytes`, Busy without memory.

    What is left of a body that is too large is read and dropped, so that a client that only
    listens after sending gets its answer; one that sent `Expect: 100-continue` is spared that.
    """
    held: HeldBody | None = request.scope.get(HeldBody.key)
    chunks = []
    async for chunk in stream_body(request, max_bytes):
        if held is not None:
            await held.grow(len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)


async def stream_body(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body as it arrives; TooLarge as `read_body` does."""
    stream = request.stream()
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        if request.headers.get("expect", "").lower() != "100-continue":
            await _drain(stream, 0)
        raise TooLarge("bytes of the body", int(declared), max_bytes)
    size = 0
    async for chunk in stream:
        size += len(chunk)
        if size > max_bytes:
            raise TooLarge("bytes of the body", await _drain(stream, size), max_bytes)
        yield chunk


def cap_body(receive: Receive, max_bytes: int) -> Receive:
    """Return a `receive` that ends in a 413 once a body passes `max_bytes`.

    For whatever reads a body without asking how large it is; the rest is read and dropped, as in
    `read_body`.
    """
    size = 0

    async def capped() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size <= max_bytes:
            return message
        while message.get("more_body") and size <= _DRAINED_BYTES:
            message = await receive()
            size += len(message.get("body", b""))
        raise HTTPException(413, str(TooLarge("bytes of the body", size, max_bytes)))

    return capped


async def _drain(stream: AsyncIterator[bytes], size: int) -> int:
    async for chunk in stream:
        size += len(chunk)
        if size > _DRAINED_BYTES:
            break
    return size
