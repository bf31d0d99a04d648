"""`GET /internal/jobs/{id}/files/{name}`: what a job has made, to be played and looked at."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from typing import Annotated
from urllib.parse import unquote, urlparse

import httpx
from fastapi import APIRouter, Header, Path, Request
from fastapi.exceptions import HTTPException
from fastapi.responses import FileResponse, Response, StreamingResponse
from starlette.background import BackgroundTask

from bentos.gateway.dependencies import GatewayState, State
from bentos.gateway.links import Reading
from bentos.problems import documented
from serving.db.tables import Job
from serving.errors import ObjectNotFound, StorageUnavailable
from serving.jobs.kinds import kind_of
from serving.jobs.manage import read_job

router = APIRouter(prefix="/internal/jobs", tags=["jobs"])

_NAME = re.compile(r"(preview/)?[A-Za-z0-9][A-Za-z0-9_.-]{0,80}")
_MAP = re.compile(r'(?<=^#EXT-X-MAP:URI=")[^"?]+|^[^#?\s][^?\s]*$', re.MULTILINE)
_PLAYLIST, _PLAYLIST_BYTES = ".m3u8", 2**20
_CACHED = {
    "Cache-Control": "private, max-age=3600",
    # so that a browser shows the file in a tab of its own
    "Content-Security-Policy": "default-src 'none'; media-src 'self'; img-src 'self'; "
    "style-src 'unsafe-inline'; frame-ancestors 'none'",
}
_LINK_S, _ANSWER_S = 600, 30.0
_PASSED_ON = ("content-length", "content-range", "last-modified")
_BINARY = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/{job_id}/files/{name:path}",
    response_class=Response,
    responses=documented(401, 404, 422, 429, 503)
    | {
        200: {"description": "the file", "content": {"video/mp4": _BINARY, "image/jpeg": _BINARY}},
        206: {"description": "a part of it"},
        304: {"description": "it is the one you have"},
    }
    | documented(416),
)
async def show_file(  # noqa: PLR0913 - FastAPI reads the headers from the arguments
    request: Request,
    reader: Reading,
    state: State,
    name: Annotated[str, Path(max_length=100, examples=["16x9-1080p30.mp4"])],
    part: Annotated[str | None, Header(alias="Range", max_length=200)] = None,
    if_range: Annotated[str | None, Header(max_length=200)] = None,
    if_none_match: Annotated[str | None, Header(max_length=1000)] = None,
) -> Response:
    """Return a film, its poster or a part of its preview; parts of a file can be asked for.

    It comes from here wherever it is stored: a page that plays it may load from nowhere else.
    """
    job = await state.pools.database.run(read_job, state.engine, reader.job_id, reader.client)
    try:
        key = _key_of(job, name)
        if name.endswith(_PLAYLIST):
            return await _playlist(key, state, reader.query)
        asked = _Asked(part, if_range, if_none_match)
        return await _file(request, key, state, asked)
    except ObjectNotFound:
        raise HTTPException(404, f"job {reader.job_id} has no file '{name}' (yet)") from None


def _key_of(job: Job, name: str) -> str:
    """Return where the file would be; ObjectNotFound where no file has such a name."""
    kind = kind_of(job.type)
    if kind.folder is None or not _NAME.fullmatch(name):
        raise ObjectNotFound(name)
    return f"{kind.folder_of(job.id)}/{name}"


async def _playlist(key: str, state: GatewayState, query: str) -> Response:
    """Return a playlist, which grows, its parts' names as the same reader opens them."""
    data = await state.pools.storage.run(state.storage.read, key, _PLAYLIST_BYTES)
    text = data.decode()
    if query:
        text = _MAP.sub(lambda found: f"{found[0]}?{query}", text)
    return Response(text, 200, {"Cache-Control": "no-store"}, "application/vnd.apple.mpegurl")


@dataclass(frozen=True)
class _Asked:
    """What a request says of the parts that it wants, and of the file that it has."""

    part: str | None
    if_range: str | None
    known: str | None

    def parts(self, tag: str, modified: datetime, size: int) -> str | None:
        """Return the parts to answer with: None is the whole file, and empty is none."""
        same = (None, tag, format_datetime(modified.astimezone(UTC), usegmt=True))
        if self.part is None or self.if_range not in same:
            return None
        return parts_within(self.part, size)


async def _file(request: Request, key: str, state: GatewayState, asked: _Asked) -> Response:
    found = await state.pools.storage.run(state.storage.stat, key)
    # what a job has made is written once: its time and size name it
    tag = f'"{found.modified.timestamp():.0f}-{found.size}"'
    headers = _CACHED | {"ETag": tag}
    if asked.known is not None and (tag in asked.known or asked.known.strip() == "*"):
        return Response(status_code=304, headers=headers)
    part = asked.parts(tag, found.modified, found.size)
    if part == "":
        detail = f"the file has {found.size:,} bytes; '{asked.part}' lies behind them"
        raise HTTPException(416, detail, {"Content-Range": f"bytes */{found.size}"})
    url = await state.pools.storage.run(state.storage.url_for, key, _LINK_S)
    if urlparse(url).scheme == "file":
        _ask_for(request, part)
        path = unquote(urlparse(url).path)
        return FileResponse(path, headers=headers, media_type=found.content_type)
    wanted = {"Accept-Encoding": "identity"} | ({"Range": part} if part else {})
    return await _pass_on(key, url, wanted, found.content_type, headers)


def _ask_for(request: Request, part: str | None) -> None:
    """Let Starlette, which answers others than problems, find a range that it can only answer."""
    others = [pair for pair in request.scope["headers"] if pair[0] not in (b"range", b"if-range")]
    request.scope["headers"] = others + ([(b"range", part.encode())] if part else [])


def parts_within(ranges: str, size: int) -> str | None:
    """Return a well-formed `Range` without those parts that lie behind a file of that size.

    It is empty if all do, and None where one ends before it begins: such a header counts for
    nothing (RFC 9110, 14.1.1).

    Examples
    --------
    >>> parts_within("bytes=0-", 100), parts_within("bytes=99-, 100-", 100)
    ('bytes=0-', 'bytes=99-')
    >>> [parts_within(f"bytes={part}", 100) for part in ("100-", "200-300", "-0", "5-2")]
    ['', '', '', None]
    """
    kept = []
    for part in map(str.strip, ranges.partition("=")[2].split(",")):
        first, _, last = part.partition("-")
        if first and last and int(last) < int(first):
            return None
        if int(first) < size if first else size and int(last):
            kept.append(part)
    return f"bytes={','.join(kept)}" if kept else ""


async def _pass_on(
    key: str, url: str, wanted: Mapping[str, str], kind: str, given: Mapping[str, str]
) -> Response:
    """Answer with what the storage answers, piece by piece."""
    client = httpx.AsyncClient(verify=_tls(), timeout=_ANSWER_S)
    try:
        answer = await client.send(client.build_request("GET", url, headers=wanted), stream=True)
    except httpx.HTTPError as error:
        await client.aclose()
        raise StorageUnavailable(f"'{key}': {error}") from error
    if answer.status_code not in (200, 206):
        await client.aclose()
        if answer.status_code == 404:
            raise ObjectNotFound(key)
        raise StorageUnavailable(f"'{key}': answered {answer.status_code}")
    headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
    headers |= {"Accept-Ranges": "bytes", **given}
    end = BackgroundTask(client.aclose)
    return StreamingResponse(answer.aiter_raw(), answer.status_code, headers, kind, end)


@cache
def _tls() -> ssl.SSLContext:
    """Read the certificates once: that takes longer than a small file."""
    return httpx.create_ssl_context()
