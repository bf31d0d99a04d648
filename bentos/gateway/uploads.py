"""`/internal/uploads`: files for a backend that cannot write to the storage itself."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.exceptions import HTTPException
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from bentos.gateway.accept import CurrentCaller
from bentos.gateway.body_files import (
    BodyFile,
    check_digests,
    read_pieces,
    scratch_folder,
    wanted_digests,
)
from bentos.gateway.dependencies import GatewayState, State, client_of
from bentos.gateway.media_types import media_type_of, type_to_keep
from bentos.problems import documented
from serving.db.tables import Upload
from serving.errors import BadInput, UploadInUse
from serving.jobs.manage import read_cursor, write_cursor
from serving.jobs.uploads import live_job_using
from serving.requests.base import NO_NUL
from serving.settings import Settings
from serving.storage.uploads import NewUpload, key_of_upload

router = APIRouter(prefix="/internal/uploads", tags=["uploads"])

Client = Annotated[str, Depends(client_of)]
_FORMS = ("multipart/", "application/x-www-form-urlencoded")
_BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_KINDS = ("image/jpeg", "audio/mpeg", "application/octet-stream")
_ANY_BYTES: dict[str, Any] = {
    "requestBody": {"required": True, "content": dict.fromkeys(_KINDS, _BYTES)}
}


class UploadView(BaseModel):
    """An upload as it stands."""

    upload_id: UUID
    key: str = Field(
        description="name it wherever a key is taken, once it is ready", examples=["uploads/…"]
    )
    url: str
    ready: bool = Field(description="whether all of it has arrived")
    listing_id: str | None
    name: str | None
    content_type: str
    bytes: int
    received: int
    sha256: str | None = Field(description="of all of it, once it is ready")
    created_at: datetime
    used_at: datetime = Field(description="when a part of it arrived, or a request named it last")
    expires_at: datetime | None = Field(
        description="if nothing uses it until then; null: never, or not while a job needs it"
    )

    @classmethod
    def of(cls, row: Upload, settings: Settings) -> Self:
        """Put an upload into the wire's shape."""
        return cls(
            upload_id=row.id,
            key=key_of_upload(row.id),
            url=f"{router.prefix}/{row.id}",
            bytes=row.size,
            sha256=row.sha256 if row.ready else None,
            expires_at=expiry(row, settings),
            **{name: getattr(row, name) for name in _AS_THEY_ARE},
        )


_AS_THEY_ARE = ("ready", "listing_id", "name", "content_type", "received", "created_at", "used_at")


class UploadList(BaseModel):
    """Uploads, newest first."""

    uploads: list[UploadView]
    next_cursor: str | None = Field(description="send it as `cursor` for the next ones")


class UploadQuery(BaseModel):
    """Which uploads to list."""

    model_config = ConfigDict(extra="forbid")

    listing_id: str | None = Field(None, max_length=200, pattern=NO_NUL)
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=400)


def expiry(row: Upload, settings: Settings) -> datetime | None:
    """Return when an upload goes, if nothing uses it until then; None: it does not."""
    age_s = settings.uploads_max_age_s if row.ready else settings.uploads_unfinished_age_s
    return row.used_at + timedelta(seconds=age_s) if age_s else None


async def upload_of(upload_id: UUID, state: State, client: Client) -> Upload:
    """Return the client's upload of that id; UnknownUpload."""
    return await state.pools.database.run(state.uploads.read, upload_id, client)


TheUpload = Annotated[Upload, Depends(upload_of)]


@router.post(
    "",
    status_code=201,
    response_model=UploadView,
    responses=documented(401, 413, 415, 422, 429, 503, 507)
    | {200: {"model": UploadView, "description": "These bytes are known already"}},
    openapi_extra=_ANY_BYTES,
)
async def upload_file(
    request: Request,
    state: State,
    caller: CurrentCaller,
    name: Annotated[str | None, Query(max_length=300, pattern=NO_NUL)] = None,
) -> Response:
    """Keep a photo, a track or any other file: its bytes as the body.

    `key` in the answer names it wherever a key is taken. The same bytes for the same listing are
    the same upload. `Content-Digest` (RFC 9530: sha-256, sha-512), `x-amz-checksum-sha256` or
    `Content-MD5` is compared with what arrived. A large file, or one over a bad line, better goes
    by `/internal/uploads/tus`.
    """
    kind = media_type_of(request)
    if kind.startswith(_FORMS):
        raise HTTPException(415, "send the file as the raw body, with its own content type")
    wanted = wanted_digests(request.headers)
    new = NewUpload(
        caller.client, type_to_keep(kind), caller.listing_id, name, caller.idempotency_key
    )
    declared = request.headers.get("content-length", "")
    most = state.settings.max_upload_bytes
    need = min(int(declared), most) if declared.isdigit() else 0
    async with scratch_folder(state, need) as folder:
        file = BodyFile(folder / "body")
        async for piece in read_pieces(request, most):
            await state.pools.disk.run(file.append, piece)
        row, created = await state.pools.uploads.run(_keep, state, new, file, wanted)
    return _answer(UploadView.of(row, state.settings), created)


def _keep(
    state: GatewayState, new: NewUpload, file: BodyFile, wanted: Mapping[str, bytes]
) -> tuple[Upload, bool]:
    if not file.size:
        raise BadInput("the body is empty")
    check_digests(file.path, wanted)
    write = partial(_store, state, file.path, new.content_type)
    return state.uploads.keep(new, file.sha256, file.size, write)


def _store(state: GatewayState, path: Path, content_type: str, key: str) -> None:
    state.storage.write_from(path, key, content_type)


def _answer(view: UploadView, created: bool) -> Response:
    headers = {"Location": view.url} | ({} if created else {"Idempotency-Replayed": "true"})
    return Response(view.model_dump_json(), 201 if created else 200, headers, "application/json")


@router.get("", responses=documented(401, 422, 429, 503))
async def list_uploads(
    state: State, client: Client, query: Annotated[UploadQuery, Query()]
) -> UploadList:
    """List your uploads, newest first, unfinished ones too."""
    after = read_cursor(query.cursor) if query.cursor else None
    rows = await state.pools.database.run(
        state.uploads.list, client, query.listing_id, query.limit + 1, after
    )
    shown = rows[: query.limit]
    more = write_cursor(shown[-1].created_at, shown[-1].id) if len(rows) > len(shown) else None
    views = [UploadView.of(row, state.settings) for row in shown]
    return UploadList(uploads=views, next_cursor=more)


@router.get("/{upload_id}", responses=documented(401, 404, 422, 429, 503))
async def read_upload(row: TheUpload, state: State) -> UploadView:
    """Return an upload as it stands."""
    return UploadView.of(row, state.settings)


@router.delete("/{upload_id}", status_code=204, responses=documented(401, 404, 409, 422, 429, 503))
async def delete_upload(row: TheUpload, state: State) -> None:
    """Delete an upload and its bytes; one that a waiting or running job names is refused (409)."""
    await state.pools.uploads.run(remove_upload, state, row.id)


def remove_upload(state: GatewayState, upload_id: UUID) -> None:
    """Remove an upload; UploadInUse while a job needs it."""
    job_id = live_job_using(state.engine, upload_id)
    if job_id is not None:
        raise UploadInUse(upload_id, job_id)
    state.uploads.remove([upload_id])
