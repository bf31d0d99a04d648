"""`/internal/design-kits`: what rooms are furnished with, the studio's kits and clients' own."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from bentos.gateway import kit_schema, media_types
from bentos.gateway.bodies import JSON_BYTES, read_body
from bentos.gateway.dependencies import GatewayState, State, client_of
from bentos.gateway.document import body_of
from bentos.gateway.kit_links import KitId, KitReading, page_link
from bentos.gateway.kit_schema import (
    AnyObject,
    KitAssets,
    KitList,
    KitSummary,
    KitView,
    Palette,
    PaletteRequest,
)
from bentos.gateway.page import HtmlErrorRoute, render_page
from bentos.problems import documented, parse_body
from serving.errors import BadInput
from serving.image import PhotoFile
from serving.jobs.kit_pictures import draw_later
from serving.kits.assets.prepare import MOST_BYTES, Asset, Source, Unit, prepare_asset
from serving.kits.store import KitStore, StoredKit
from serving.staging.kit import Licence
from serving.staging.palette import Swatch, palette_of

router = APIRouter(prefix=kit_schema.PREFIX, tags=["staging"], route_class=HtmlErrorRoute)

Client = Annotated[str, Depends(client_of)]
Version = Annotated[
    int | None, Query(ge=1, lt=2**31, description="unset: the newest; deleted ones are not shown")
]
AssetName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{1,39}$", examples=["velvet_sofa"])]
Known = Annotated[str | None, Header(max_length=1000)]

_TAG = re.compile(r'(?:W/)?"(\d{1,9})-[0-9a-f]{16}"')
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_SENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": dict.fromkeys(
            (
                "application/octet-stream",
                "model/gltf-binary",
                "model/obj",
                "image/png",
                "image/jpeg",
                "image/webp",
            ),
            _BINARY,
        ),
    }
}
_NEW: dict[int | str, dict[str, Any]] = {
    201: {"model": KitView, "description": "A new version"},
    200: {"description": "The newest version has this content already"},
}
_SAME: dict[int | str, dict[str, Any]] = {304: {"description": "it is the one you have"}}
_CACHED = {
    "Cache-Control": "private, max-age=3600",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


@router.get("", responses=documented(401, 422, 429, 503))
async def list_kits(state: State, client: Client) -> KitList:
    """List the kits that you may name, each in its newest version."""
    found = await state.pools.database.run(state.kits.list, client)
    summaries = await state.pools.storage.run(_summarise, state.kits, found)
    return KitList(kits=summaries)


@router.post(
    "/palette",
    response_model=Palette,
    responses=documented(401, 404, 413, 415, 422, 429, 503),
    openapi_extra=body_of(
        *media_types.PHOTOS, json=PaletteRequest, example={"photo": "styles/oak.jpg", "colours": 5}
    ),
)
async def read_palette(
    request: Request,
    state: State,
    client: Client,
    colours: Annotated[int, Query(ge=3, le=8, description="of a raw body")] = 5,
) -> Palette:
    """Say which colours tell a picture's style: its bytes as the body, or its key as JSON.

    The same picture has the same palette, which a kit may carry as it is.
    """
    kind = media_types.check_media_type(request, media_types.JSON, *media_types.PHOTOS)
    if kind == media_types.JSON:
        asked = parse_body(PaletteRequest, await read_body(request, JSON_BYTES))
        await state.mark_uploads_used(client, [asked.photo])
        async with state.turn(asked.photo):
            data, colours = await state.read(asked.photo), asked.colours
    else:
        data = await read_body(request, state.settings.max_body_bytes)
    photo = PhotoFile(data, state.settings.max_pixels)
    swatches = await state.pools.other_photos.run(_palette, photo, colours)
    return Palette.of(swatches)


def _palette(photo: PhotoFile, colours: int) -> tuple[Swatch, ...]:
    return palette_of(photo.pixels(min_side=96), colours)


@router.get(
    "/{kit_id}",
    response_model=KitView,
    responses=documented(401, 404, 422, 429, 503) | _SAME,
)
async def read_kit(
    kit_id: KitId,
    state: State,
    client: Client,
    version: Version = None,
    if_none_match: Known = None,
) -> Response:
    """Return a kit; its `ETag` stands for the version."""
    stored = await state.pools.database.run(state.kits.read, client, kit_id, version)
    if if_none_match is not None and _tag(stored) in if_none_match:
        return Response(status_code=304, headers={"ETag": _tag(stored)})
    return await _answer(state, client, stored, 200)


@router.put(
    "/{kit_id}",
    response_model=KitView,
    responses=documented(401, 409, 412, 413, 415, 422, 429, 503, 507) | _NEW,
    openapi_extra=body_of(json=kit_schema.KitDocument),
)
async def write_kit(
    request: Request,
    kit_id: KitId,
    state: State,
    client: Client,
    if_match: Annotated[
        str | None, Header(max_length=100, description="the `ETag` of the version that you change")
    ] = None,
) -> Response:
    """Keep a kit as its next version; earlier ones stay, and jobs that name them.

    The same content as the newest version is that version. Meshes and textures that it names are
    sent before, or come with the studio; each version keeps those that there were.
    """
    media_types.check_media_type(request, media_types.JSON)
    body = parse_body(AnyObject, await read_body(request, JSON_BYTES)).root
    expected = _version_of(if_match) if if_match not in (None, "*") else None
    stored, new = await state.pools.uploads.run(state.kits.put, client, kit_id, body, expected)
    if stored.kit.rooms.keys() - state.kits.previews(stored):
        version = stored.kit.version
        await state.pools.database.run(draw_later, state.engine, client, kit_id, version)
    return await _answer(state, client, stored, 201 if new else 200)


@router.delete("/{kit_id}", status_code=204, responses=documented(401, 404, 409, 422, 429, 503))
async def delete_kit(kit_id: KitId, state: State, client: Client) -> None:
    """Delete a kit of yours, all its versions; jobs that name one still find it."""
    await state.pools.database.run(state.kits.remove, client, kit_id)


@router.get("/{kit_id}/assets", responses=documented(401, 422, 429, 503))
async def list_kit_assets(kit_id: KitId, state: State, client: Client) -> KitAssets:
    """List what the kit's next version may name, beside what comes with the studio."""
    found = await state.pools.database.run(state.kits.read_assets, client, kit_id)
    return KitAssets(assets=dict(found))


@router.put(
    "/{kit_id}/assets/{name}",
    response_model=Asset,
    responses=documented(401, 409, 413, 415, 422, 429, 503, 507),
    openapi_extra=_SENT,
)
async def write_kit_asset(  # noqa: PLR0913 - FastAPI reads the query from the arguments
    request: Request,
    kit_id: KitId,
    name: AssetName,
    state: State,
    client: Client,
    licence: Annotated[Licence, Query()],
    source: Annotated[Source, Query(description="who made it, and where it is from")],
    unit: Annotated[Unit, Query(description="of a mesh's numbers; glTF has metres")] = "m",
) -> Asset:
    """Keep a mesh (binary glTF or OBJ) or a picture (JPEG, PNG, WebP) for the kit's next version.

    A mesh has y upwards and its front towards +z, at most 60,000 triangles, and parts by its
    materials. Its textures are the kit's: those in the file are not read. A picture called
    `preview_living_room` shows the kit in a living room on its page.
    """
    media_types.check_media_type(
        request, "model/gltf-binary", "model/*", "text/plain", *media_types.PHOTOS
    )
    data = await read_body(request, MOST_BYTES)
    prepared = await state.pools.other_photos.run(prepare_asset, data, unit)
    asset = prepared.asset(licence, source)
    await state.pools.uploads.run(state.kits.put_asset, client, kit_id, name, prepared, asset)
    return asset


@router.delete(
    "/{kit_id}/assets/{name}", status_code=204, responses=documented(401, 404, 422, 429, 503)
)
async def delete_kit_asset(kit_id: KitId, name: AssetName, state: State, client: Client) -> None:
    """Keep an asset no more for versions to come; those that there are keep theirs."""
    await state.pools.database.run(state.kits.remove_asset, client, kit_id, name)


@router.get(
    "/{kit_id}/assets/{name}",
    response_class=Response,
    responses=documented(401, 404, 422, 429, 503)
    | {200: {"content": {"image/jpeg": _BINARY, "application/octet-stream": _BINARY}}}
    | _SAME,
)
async def read_kit_asset(
    name: AssetName,
    reader: KitReading,
    state: State,
    version: Version = None,
    if_none_match: Known = None,
) -> Response:
    """Return a picture of a version of a kit as JPEG, or a mesh as NumPy's `.npz`."""
    read = state.kits.read
    stored = await state.pools.database.run(read, reader.client, reader.kit_id, version)
    tag = f'"{stored.sha256[:16]}-{name}"'
    headers = _CACHED | {"ETag": tag}
    if if_none_match is not None and tag in if_none_match:
        return Response(status_code=304, headers=headers)
    data = await state.pools.storage.run(state.kits.read_asset, stored, name)
    kind = "image/jpeg" if data.startswith(b"\xff\xd8") else "application/octet-stream"
    return Response(data, headers=headers, media_type=kind)


@router.get(
    "/{kit_id}/page",
    response_class=HTMLResponse,
    responses=documented(401, 404, 422, 429, 503),
)
async def show_kit_page(reader: KitReading, state: State, version: Version = None) -> HTMLResponse:
    """Show a kit to people: its colours, its rooms, its furniture with sizes and licences."""
    read = state.kits.read
    stored = await state.pools.database.run(read, reader.client, reader.kit_id, version)
    versions = await state.pools.database.run(state.kits.versions, reader.client, reader.kit_id)
    pictures = await state.pools.storage.run(state.kits.previews, stored)
    values: Mapping[str, object] = {
        "stored": stored, "kit": stored.kit, "reader": reader, "versions": versions,
        "pictures": pictures,
    }  # fmt: skip
    return await state.pools.pages.run(render_page, "kit.html.j2", 200, **values)


def _summarise(kits: KitStore, found: Sequence[StoredKit]) -> list[KitSummary]:
    return [KitSummary.of(stored, kits.previews(stored)) for stored in found]


async def _answer(state: GatewayState, client: str, stored: StoredKit, status: int) -> Response:
    kit = stored.kit
    versions = await state.pools.database.run(state.kits.versions, client, kit.id)
    link = page_link(state.settings, client, kit.id, kit.version)
    pictures = await state.pools.storage.run(state.kits.previews, stored)
    view = kit_schema.view_of(stored, pictures, list(versions), link)
    headers = {"ETag": _tag(stored)} | ({"Location": view.url} if status == 201 else {})
    return Response(view.model_dump_json(), status, headers, "application/json")


def _tag(stored: StoredKit) -> str:
    content = f"{stored.sha256}{sorted(stored.drawn.items())}"
    return f'"{stored.kit.version}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"'


def _version_of(tag: str) -> int:
    match = _TAG.fullmatch(tag.strip())
    if match is None:
        raise BadInput('If-Match is the ETag of a version, such as "3-0123456789abcdef"')
    return int(match[1])
