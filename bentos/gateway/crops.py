"""`POST /internal/photos/crop`: where to look in photos, and how to crop them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from bentos.gateway import media_types
from bentos.gateway.accept import Caller, CurrentCaller, accept, keep_photo
from bentos.gateway.bodies import JSON_BYTES, read_body
from bentos.gateway.crop_schema import CropRequest, CropsAnswer
from bentos.gateway.dependencies import GatewayState, State
from bentos.gateway.document import body_of
from bentos.gateway.model_versions import DOCUMENTED, write_versions
from bentos.gateway.pools import PhotoPools
from bentos.gateway.schema import JobAccepted
from bentos.problems import documented, parse_body
from serving.errors import BadInput, StudioError, TooLarge
from serving.image import PhotoFile, hash_photo
from serving.image.writing import CONTENT_TYPES, encode_photo
from serving.models.asker import Asker
from serving.models.crop_results import CropResult
from serving.models.cropping import TASKS, Seen, Wanted, crop_seen, look_at
from serving.models.results import FailedResult
from serving.photos.crop.crop import Crop, CropAnswer
from serving.photos.crop.picture import draw_crop
from serving.photos.crop.ratios import read_ratios
from serving.problems import problem_of
from serving.requests.crop import MOST_RATIOS, CropInput, Pixels
from serving.requests.options import JobOptions
from serving.requests.photos import PhotoFormat

router = APIRouter(prefix="/internal/photos", tags=["photos"])


class CropQuery(BaseModel):
    """How the photo in a raw body is cropped."""

    model_config = ConfigDict(populate_by_name=True)

    ratios: str = Field(
        "",
        max_length=MOST_RATIOS * 21,
        description="width:height of each crop, with commas; unset: the usual five",
        examples=["1:1,9:16"],
    )
    min_width: Pixels = 1
    min_height: Pixels = 1
    render: bool = Field(
        False,
        description="of one ratio: answer the cropped picture itself, as does an `Accept` that "
        "names a kind of picture",
    )
    width: Pixels | None = Field(None, description="of the picture")
    format: PhotoFormat | None = Field(
        None, description="of the picture; unset: what `Accept` names, or JPEG"
    )
    in_background: bool = Field(
        False, alias="async", description="answer 202 at once and call back when it is done"
    )

    def input(self, photo: str) -> CropInput:
        """Return what is asked of one photo, as a job takes it; BadInput or TooLarge."""
        names = self.ratios.split(",") if self.ratios else []
        if len(names) > MOST_RATIOS:
            raise TooLarge("ratios of one request", len(names), MOST_RATIOS)
        read_ratios(names)
        least = {"min_width": self.min_width, "min_height": self.min_height}
        return CropInput(photos=[photo], ratios=[name.strip() for name in names], **least)


_BODIES = body_of(
    *media_types.PHOTOS,
    json=CropRequest,
    example={"photos": ["listings/42/kitchen.jpg"], "ratios": ["1:1", "9:16"]},
)
_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_ACCEPT = Header(
    alias="accept", include_in_schema=False
)  # OpenAPI has it among the answer's media types


@router.post(
    "/crop",
    response_model=CropsAnswer,
    responses=documented(401, 404, 413, 415, 422, 429, 503)
    | {
        200: {
            "headers": DOCUMENTED,
            "content": {kind: _PICTURE for kind in CONTENT_TYPES.values()},
        },
        202: {"model": JobAccepted, "description": "Accepted as a job"},
    },
    openapi_extra=_BODIES,
)
async def crop_photos(
    request: Request,
    state: State,
    caller: CurrentCaller,
    query: Annotated[CropQuery, Query()],
    accepted: Annotated[str, _ACCEPT] = "",
) -> Response:
    """Say where to look in one photo (its bytes as the body) or many (their keys as JSON).

    Each gets focus points and one crop per ratio that keeps what matters whole: what is salient
    and, where models answer, the things that were found and what stands before walls and floor.
    With JSON, a photo that cannot be read has an `error` beside the others' results; with a single
    raw photo, the answer is that error. With `render`, or an `Accept` that names a kind of picture,
    the answer is the picture, never enlarged, without the photo's metadata. With `async`, or with
    more than 64 photos, it becomes a job: `202`, and a callback when it is done.
    """
    kind = media_types.check_media_type(request, media_types.JSON, *media_types.PHOTOS)
    if kind == media_types.JSON:
        asked = parse_body(CropRequest, await read_body(request, JSON_BYTES))
        return await _crop_keys(asked, state, caller, query)
    wanted_type = media_types.preferred(accepted, tuple(CONTENT_TYPES.values()))
    data = await read_body(request, state.settings.max_body_bytes)
    if query.in_background:
        return await _crop_later(data, query, state, caller, kind)
    return await _crop_raw(data, query, wanted_type, state, Asker(caller.client, caller.listing_id))


async def _crop_raw(
    data: bytes, query: CropQuery, media_type: str | None, state: GatewayState, asker: Asker
) -> Response:
    render = query.render or media_type is not None
    sha256 = hash_photo(data)
    wanted = _wanted(query.input(f"sha256:{sha256}"))
    if render and len(wanted.ratios) != 1:
        raise BadInput("a picture is rendered of one ratio; name it in `ratios`")
    photo = PhotoFile(data, state.settings.max_pixels, sha256)
    result, answer = await _crop(f"sha256:{sha256}", photo, wanted, state, asker)
    if not render:
        return _answer([result])
    kind = query.format or _FORMATS.get(media_type or "", "jpeg")
    pool = PhotoPools(state.pools.photos, state.pools.other_photos).of(photo)
    file = await pool.run(_render, photo, answer.crops[0], query.width, kind)
    headers = _versions([result]) | {"Vary": "Accept"}
    return Response(file, headers=headers, media_type=CONTENT_TYPES[kind])


async def _crop_later(
    data: bytes, query: CropQuery, state: GatewayState, caller: Caller, kind: str
) -> Response:
    if query.render:
        raise BadInput("a picture is rendered at once, without `async`")
    query.input("body")  # what cannot be meant is refused now
    key = await keep_photo(state, caller, data, kind)
    work = query.input(key).model_dump(mode="json", exclude_defaults=True)
    return await accept(state, caller, "crop_photos", work, JobOptions())


async def _crop_keys(
    asked: CropRequest, state: GatewayState, caller: Caller, query: CropQuery
) -> Response:
    if query.render:
        raise BadInput("a picture is rendered of a photo that is sent as the raw body")
    wanted, most = _wanted(asked), state.settings.max_job_photos
    if len(asked.photos) > most:
        raise TooLarge("photos in one request", len(asked.photos), most)
    in_background = query.in_background or asked.in_background
    if in_background or len(asked.photos) > state.settings.max_photos:
        fields = set(CropInput.model_fields)
        work = asked.model_dump(mode="json", include=fields, exclude_unset=True)
        return await accept(state, caller, "crop_photos", work, asked)
    await state.mark_uploads_used(caller.client, asked.photos)
    asker = Asker(caller.client, asked.listing_id or caller.listing_id)
    waiting = (_crop_stored(name, wanted, state, asker) for name in asked.photos)
    return _answer(list(await asyncio.gather(*waiting)))


async def _crop_stored(
    name: str, wanted: Wanted, state: GatewayState, asker: Asker
) -> CropResult | FailedResult:
    """Crop a photo that is named; one that cannot be read has an error of its own."""
    try:
        async with state.turn(name):
            photo = PhotoFile(await state.read(name), state.settings.max_pixels)
            result, _ = await _crop(name, photo, wanted, state, replace(asker, photo=name))
            return result
    except StudioError as error:
        return FailedResult(photo=name, error=problem_of(error))


async def _crop(
    name: str, photo: PhotoFile, wanted: Wanted, state: GatewayState, asker: Asker
) -> tuple[CropResult, CropAnswer]:
    pool = PhotoPools(state.pools.photos, state.pools.other_photos).of(photo)
    look = await pool.run(look_at, photo)
    said = await state.predictor.predict(TASKS, photo, asker)
    seen = Seen(photo.size, look, said)
    return await state.pools.photos.run(crop_seen, name, seen, wanted, state.storage)


def _wanted(asked: CropInput) -> Wanted:
    return Wanted(read_ratios(asked.ratios), (asked.min_height, asked.min_width))


_FORMATS: dict[str, PhotoFormat] = {kind: name for name, kind in CONTENT_TYPES.items()}


def _render(photo: PhotoFile, crop: Crop, width: int | None, kind: PhotoFormat) -> bytes:
    try:  # the memory is held until the file is written: a crop may be the whole photo
        return encode_photo(draw_crop(photo.pixels(), crop, width), kind)
    finally:
        photo.release()


def _answer(results: list[CropResult | FailedResult]) -> Response:
    content = CropsAnswer(results=results).model_dump_json()
    headers = _versions(results) | {"Vary": "Accept"}
    return Response(content, headers=headers, media_type=media_types.JSON)


def _versions(results: Sequence[CropResult | FailedResult]) -> dict[str, str]:
    used = (
        (model.name, model.version, model.slot)
        for result in results
        if isinstance(result, CropResult)
        for model in result.models
    )
    return write_versions(tuple(dict.fromkeys(used)))
