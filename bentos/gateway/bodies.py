"""Reads request bodies without ever holding more than is allowed."""

from collections.abc import AsyncIterator

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from serving.errors import TooLarge

JSON_BYTES = 4 * 2**20  # of any body that is no file
_DRAINED_BYTES = 512 * 2**20


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body; TooLarge as soon as it is known to pass `max_bytes`.

    What is left of a body that is too large is read and dropped, so that a client that only
    listens after sending gets its answer; one that sent `Expect: 100-continue` is spared that.
    """
    return b"".join([chunk async for chunk in stream_body(request, max_bytes)])


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
