"""`GET /internal/jobs/{id}/files/{name}`: what a job has made, to be played and looked at."""

import asyncio
import re
from typing import Annotated
from urllib.parse import unquote, urlparse

from fastapi import APIRouter, Path
from fastapi.exceptions import HTTPException
from fastapi.responses import FileResponse, RedirectResponse, Response

from bentos.gateway.doors import Opened
from bentos.gateway.links import Reading
from bentos.problems import documented
from serving.errors import ObjectNotFound
from serving.jobs.control import read_job

router = APIRouter(prefix="/internal/jobs", tags=["jobs"])

FOLDER = "films"
_NAME = re.compile(r"(preview/)?[A-Za-z0-9][A-Za-z0-9_.-]{0,80}")
_LINK_S = 3600
_BINARY = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/{job_id}/files/{name:path}",
    response_class=Response,
    responses=documented(401, 404, 422, 429, 503)
    | {
        200: {"description": "the file", "content": {"video/mp4": _BINARY, "image/jpeg": _BINARY}},
        206: {"description": "a part of it"},
        307: {"description": "where the storage has it"},
    },
)
async def show_file(
    reader: Reading,
    doors: Opened,
    name: Annotated[str, Path(max_length=100, examples=["16x9-1080p30.mp4"])],
) -> Response:
    """Return a film, its poster or a part of its preview; parts of a file can be asked for."""
    await asyncio.to_thread(read_job, doors.engine, reader.job_id, reader.client)
    if not _NAME.fullmatch(name):
        raise HTTPException(404, f"job {reader.job_id} has no file of that name")
    key = f"{FOLDER}/{reader.job_id}/{name}"
    try:
        found = await asyncio.to_thread(doors.storage.stat, key)
    except ObjectNotFound:
        raise HTTPException(404, f"job {reader.job_id} has no file '{name}' (yet)") from None
    # a playlist grows while the film is rendered; all else is written once
    cached = "no-store" if name.endswith(".m3u8") else "private, max-age=3600"
    url = await asyncio.to_thread(doors.storage.url_for, key, _LINK_S)
    if urlparse(url).scheme != "file":
        return RedirectResponse(url, 307, {"Cache-Control": "private, max-age=600"})
    headers = {"Cache-Control": cached}
    return FileResponse(unquote(urlparse(url).path), headers=headers, media_type=found.content_type)
