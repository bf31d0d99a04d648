"""`/internal/uploads/tus`: uploads that go on where they broke off (https://tus.io, version 1.0).

The core protocol and the extensions creation, creation-with-upload, checksum, expiration and
termination. What has come is in the storage every few megabytes and its length in the database, so
that any gateway goes on, whichever died.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.exceptions import HTTPException
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from bentos.gateway.accept import Caller, CurrentCaller, check_listing_id
from bentos.gateway.body_files import BodyFile, read_pieces, scratch_folder
from bentos.gateway.dependencies import GatewayState, State
from bentos.gateway.media_types import type_to_keep
from bentos.gateway.uploads import TheUpload, expiry, remove_upload
from bentos.problems import answer_problem
from serving.db.tables import Upload
from serving.errors import BadInput, DigestMismatch, OffsetConflict
from serving.storage.uploads import NewUpload

# not in the OpenAPI document: it is a protocol with clients of its own, and no generated one is any
router = APIRouter(prefix="/internal/uploads/tus", include_in_schema=False)

VERSION = "1.0.0"
TUS_SENT = (
    "Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Checksum",
    "X-HTTP-Method-Override",
)  # fmt: skip
TUS_SEEN = (
    "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm",
    "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Expires",
)  # fmt: skip
_EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
_ALGORITHMS = ("sha256", "sha1", "md5")
_BODY = "application/offset+octet-stream"
_PART_BYTES = 16 * 2**20  # what a death may cost
_MISMATCH = 460  # tus' own
_LONGEST_METADATA = 4096
_SHA256 = re.compile("[0-9a-f]{64}")


async def same_version(
    tus_resumable: Annotated[str | None, Header()] = None,
) -> None:
    """Refuse a client of another version of the protocol (412)."""
    if tus_resumable != VERSION:
        detail = f"send the header Tus-Resumable: {VERSION}"
        raise HTTPException(412, detail, {"Tus-Version": VERSION})


_SAME_VERSION = [Depends(same_version)]


@dataclass(frozen=True)
class Checksum:
    """What a part has to hash to."""

    algorithm: str
    digest: bytes


@router.options("", status_code=204)
async def tus_options(state: State) -> Response:
    """Say what of tus is understood."""
    said = {
        "Tus-Version": VERSION,
        "Tus-Extension": _EXTENSIONS,
        "Tus-Max-Size": str(state.settings.max_upload_bytes),
        "Tus-Checksum-Algorithm": ",".join(_ALGORITHMS),
    }
    return _answer(204, said)


@router.post(
    "",
    status_code=201,
    dependencies=_SAME_VERSION,
)
async def create_upload(
    request: Request,
    state: State,
    caller: CurrentCaller,
    upload_length: Annotated[int, Header(ge=1, le=2**53, description="bytes in all")],
    upload_metadata: Annotated[
        str,
        Header(
            max_length=_LONGEST_METADATA,
            description="`filename`, `filetype`, `listing_id` and `sha256`, each in base64",
        ),
    ] = "",
    upload_checksum: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Begin an upload of so many bytes; its first ones may come along."""
    new, sha256 = _read_upload(caller, read_metadata(upload_metadata))
    row = await state.pools.database.run(state.uploads.begin, new, upload_length, sha256)
    headers = {"Location": f"{router.prefix}/{row.id}"}
    if request.headers.get("content-type", "") == _BODY:
        appending = _Appending(request, state, row, row.received)
        return await _append(appending, upload_checksum, headers)
    return _answer(201, headers | _offset(row, row.received, state))


# GET too: HEAD is asked of every route as that
@router.api_route("/{upload_id}", methods=["GET", "HEAD"], dependencies=_SAME_VERSION)
async def upload_offset(row: TheUpload, state: State) -> Response:
    """Say where to go on."""
    if row.received == row.size and not row.ready:  # who was to make it whole has died
        row = await _finish(state, row)
    length = {"Upload-Length": str(row.size), "Cache-Control": "no-store"}
    return _answer(200, length | _offset(row, row.received, state))


@router.patch(
    "/{upload_id}",
    status_code=204,
    dependencies=_SAME_VERSION,
)
async def append_to_upload(
    request: Request,
    row: TheUpload,
    state: State,
    upload_offset: Annotated[int, Header(ge=0, le=2**53)],
    upload_checksum: Annotated[
        str | None, Header(max_length=200, description="such as `sha256 …base64…`")
    ] = None,
) -> Response:
    """Send the bytes from that offset on; whatever of them arrives is kept.

    Once all are there, `uploads/{upload_id}` can be named wherever a key is taken.
    """
    if request.headers.get("content-type", "") != _BODY:
        raise HTTPException(415, f"send the bytes as {_BODY}")
    if upload_offset != row.received:
        raise OffsetConflict(upload_offset, row.received)
    return await _append(_Appending(request, state, row, upload_offset), upload_checksum)


@router.delete(
    "/{upload_id}",
    status_code=204,
    dependencies=_SAME_VERSION,
)
async def end_upload(row: TheUpload, state: State) -> Response:
    """End an upload, finished or not; what has come is deleted."""
    await state.pools.uploads.run(remove_upload, state, row.id)
    return _answer(204, {})


class _Appending:
    """One body on its way into an upload."""

    def __init__(self, request: Request, state: GatewayState, row: Upload, offset: int) -> None:
        self.request, self.state, self.row, self.offset = request, state, row, offset

    async def run(self, checksum: Checksum | None) -> int:
        """Keep the body; return where the upload then stands.

        With a checksum the body is kept whole or not at all, else all of it that arrives.
        """
        async with scratch_folder(self.state, 0) as folder:
            file = BodyFile(folder / "part")
            try:
                async for piece in read_pieces(self.request, self.row.size - self.offset):
                    await self.state.pools.disk.run(file.append, piece)
                    if checksum is None and file.size >= _PART_BYTES:
                        file = await self._keep(file)
            except (ClientDisconnect, HTTPException):
                if checksum is None:
                    await self._keep(file)
                raise
            if checksum is not None:
                await self.state.pools.disk.run(_check, file.path, checksum)
            await self._keep(file)
        return self.offset

    async def _keep(self, file: BodyFile) -> BodyFile:
        """Append what was written so far; return the file for what follows."""
        if file.size:
            add = self.state.uploads.add_part
            self.offset = await self.state.pools.uploads.run(
                add, self.row.id, self.offset, file.path
            )
            file.path.unlink()
        return BodyFile(file.path)


async def _append(
    appending: _Appending, checksum: str | None, created: Mapping[str, str] | None = None
) -> Response:
    row, state = appending.row, appending.state
    try:
        offset = await appending.run(read_checksum(checksum))
        if offset == row.size:
            await _finish(state, row)
    except DigestMismatch as error:
        return answer_problem(_MISMATCH, "DigestMismatch", str(error), {"Tus-Resumable": VERSION})
    headers = dict(created or {}) | _offset(row, offset, state)
    return _answer(204 if created is None else 201, headers)


async def _finish(state: GatewayState, row: Upload) -> Upload:
    async with scratch_folder(state, 2 * row.size) as folder:
        return await state.pools.uploads.run(state.uploads.finish, row.id, folder)


def _read_upload(caller: Caller, said: Mapping[str, str]) -> tuple[NewUpload, str | None]:
    """Return what the metadata say of an upload, and the SHA-256 that it must have.

    BadInput now for what could not hold once all has been sent.
    """
    listing_id, sha256 = said.get("listing_id", ""), said.get("sha256", "").lower()
    check_listing_id("Upload-Metadata", listing_id)
    if sha256 and not _SHA256.fullmatch(sha256):
        raise BadInput("Upload-Metadata: 'sha256' is not 64 hexadecimal digits")
    new = NewUpload(
        caller.client,
        type_to_keep(said.get("filetype", "")),
        caller.listing_id or listing_id or None,
        said.get("filename", "")[:300] or None,
        caller.idempotency_key,
    )
    return new, sha256 or None


def read_metadata(header: str) -> dict[str, str]:
    """Return the pairs of `Upload-Metadata`; BadInput where a value is not UTF-8 in base64.

    Examples
    --------
    >>> read_metadata("filename c29uZy5tcDM=, is_confidential")
    {'filename': 'song.mp3', 'is_confidential': ''}
    """
    said: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        name, _, value = pair.partition(" ")
        try:
            said[name] = base64.b64decode(value, validate=True).decode().replace("\0", "")
        except (binascii.Error, ValueError) as error:
            raise BadInput(f"Upload-Metadata: '{name}' is not UTF-8 in base64") from error
    return said


def read_checksum(header: str | None) -> Checksum | None:
    """Return what `Upload-Checksum` says; BadInput if it is of a kind that is not checked."""
    if header is None:
        return None
    algorithm, _, value = header.partition(" ")
    if algorithm not in _ALGORITHMS:
        raise BadInput(f"Upload-Checksum: send one of {', '.join(_ALGORITHMS)}")
    try:
        return Checksum(algorithm, base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadInput("Upload-Checksum: this is not base64") from error


def _check(path: Path, checksum: Checksum) -> None:
    path.touch()  # an empty body wrote nothing
    with path.open("rb") as file:
        if hashlib.file_digest(file, checksum.algorithm).digest() != checksum.digest:
            raise DigestMismatch(f"the part's {checksum.algorithm} is not the one that you sent")


def _offset(row: Upload, offset: int, state: GatewayState) -> dict[str, str]:
    headers, expires = {"Upload-Offset": str(offset)}, expiry(row, state.settings)
    if expires is not None:
        headers["Upload-Expires"] = format_datetime(expires.astimezone(UTC), usegmt=True)
    return headers


def _answer(status: int, headers: Mapping[str, str]) -> Response:
    return Response(None, status, {"Tus-Resumable": VERSION} | dict(headers))
