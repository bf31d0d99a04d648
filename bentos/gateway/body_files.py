"""Bodies that go to a disk instead of the memory, and the checksums that their senders give."""

import base64
import binascii
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from bentos.gateway.bodies import stream_body
from bentos.gateway.dependencies import GatewayState
from serving.errors import BadInput, DigestMismatch
from serving.storage.disk import disk_errors

_AT_ONCE_BYTES = 2**20
_FIELD = re.compile(r"\s*([a-z0-9-]+)\s*=\s*:([A-Za-z0-9+/=]*):\s*")
# as RFC 9530 names them, and hashlib
_DIGESTS = {"sha-256": "sha256", "sha-512": "sha512"}
_OF_S3 = {"x-amz-checksum-sha256": "sha256", "x-amz-checksum-sha1": "sha1", "content-md5": "md5"}
CHECKSUMS = ("content-digest", "repr-digest", *_OF_S3)  # the headers that may bring one
_SAYS_NOTHING = ("x-amz-checksum-mode", "x-amz-checksum-type", "x-amz-checksum-algorithm")


@contextlib.asynccontextmanager
async def scratch_folder(state: GatewayState, need_bytes: int) -> AsyncIterator[Path]:
    """Give a folder for the request, gone at its end; StorageFull if there is no room."""
    job = state.scratch.job(need_bytes)
    folder = await state.pools.disk.run(job.__enter__)
    try:
        yield folder
    finally:
        await state.pools.disk.run(job.__exit__, None, None, None)


@dataclass
class BodyFile:
    """A file that a body is written to, piece by piece."""

    path: Path
    size: int = 0
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written."""
        return self._digest.hexdigest()

    def append(self, data: bytes) -> None:
        """Write more; StorageFull if the disk has no room."""
        with disk_errors("a body"), self.path.open("ab") as file:
            file.write(data)
        self._digest.update(data)
        self.size += len(data)


async def read_pieces(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body in pieces of about a megabyte, so that few of them go to a thread.

    What came before the client went away or was too slow is yielded too, before that is raised.
    """
    held = bytearray()
    try:
        async for chunk in stream_body(request, max_bytes):
            held += chunk
            if len(held) >= _AT_ONCE_BYTES:
                yield bytes(held)
                held.clear()
    except (ClientDisconnect, HTTPException):
        if held:
            yield bytes(held)
        raise
    if held:
        yield bytes(held)


def wanted_digests(headers: Mapping[str, str]) -> dict[str, bytes]:
    """Return what the body has to hash to, by hashlib's names.

    Raises
    ------
    BadInput
        A checksum is none, or of a kind that is not checked: silence would look like a check.
    """
    wanted: dict[str, bytes] = {}
    for name, value in headers.items():
        if name in ("content-digest", "repr-digest"):
            wanted |= _read_digests(name, value)
        elif name in _OF_S3:
            wanted[_OF_S3[name]] = _decode(name, value)
        elif name.startswith("x-amz-checksum-") and name not in _SAYS_NOTHING:
            raise BadInput(f"{name} is not checked here; send x-amz-checksum-sha256")
    return wanted


def check_digests(path: Path, wanted: Mapping[str, bytes]) -> None:
    """Raise DigestMismatch unless the file hashes to all of these."""
    for algorithm, digest in wanted.items():
        with path.open("rb") as file:
            found = hashlib.file_digest(file, algorithm).digest()
        if found != digest:
            raise DigestMismatch(
                f"the body's {algorithm} is {found.hex()}, and you say {digest.hex()}"
            )


def _read_digests(name: str, value: str) -> dict[str, bytes]:
    """Read a dictionary of byte sequences (RFC 8941) as far as digests need it."""
    found: dict[str, bytes] = {}
    for part in value.split(","):
        match = _FIELD.fullmatch(part)
        if match is None:
            raise BadInput(f"{name} is not such as sha-256=:…base64…: (RFC 9530)")
        if match[1] in _DIGESTS:
            found[_DIGESTS[match[1]]] = _decode(name, match[2])
    if not found:
        raise BadInput(f"{name}: only sha-256 and sha-512 are checked here")
    return found


def _decode(name: str, value: str) -> bytes:
    try:
        return base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise BadInput(f"{name} is not base64") from None
