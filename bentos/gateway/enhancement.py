"""`POST /internal/photos/enhance`: a better version of one photo at once, of many as a job."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import ConfigDict, Field

from bentos.gateway import media_types
from bentos.gateway.accept import Caller, CurrentCaller, accept, keep_upload
from bentos.gateway.bodies import JSON_BYTES, read_body
from bentos.gateway.dependencies import GatewayState, State
from bentos.gateway.document import body_of
from bentos.gateway.schema import JobAccepted
from bentos.problems import documented, parse_body
from serving.errors import BadImage, ModelUnavailable, TooLarge
from serving.image import PhotoFile
from serving.models.predictor import Prediction, Predictor
from serving.photos.quality.task import PHOTO_QUALITY, QualityAnswer
from serving.requests.options import JobOptions
from serving.requests.photos import EnhanceInput, Enhancement
from serving.storage.interface import Storage

if TYPE_CHECKING:
    from serving.photos.enhance.upscale import Upscaling

router = APIRouter(prefix="/internal/photos", tags=["photos"])

TOLD = "X-Enhancement"
_ENLARGED_AT_ONCE = 3_000_000  # pixels: a million takes a core a second, and x4 five times that


class EnhanceRequest(EnhanceInput, JobOptions):
    """Photos to make better, by key or URL."""


class EnhanceQuery(Enhancement):
    """How the photo in a raw body is made better."""

    model_config = ConfigDict(populate_by_name=True)

    in_background: bool = Field(
        False, alias="async", description="answer 202 at once and call back when it is done"
    )


_BODIES = body_of(
    *media_types.PHOTOS,
    json=EnhanceRequest,
    example={"photos": ["listings/42/kitchen.jpg", "listings/42/bath.jpg"], "preset": "bright"},
)
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_PICTURE = {
    "description": "The better photo, or the very bytes that came where nothing was to be done",
    "content": {f"image/{kind}": _BINARY for kind in ("jpeg", "webp", "avif", "png")},
    "headers": {
        TOLD: {
            "description": "what was done, what was not and why, and the quality before and after, "
            "as JSON in ASCII",
            "schema": {"type": "string"},
        }
    },
}


@router.post(
    "/enhance",
    response_class=Response,
    responses=documented(401, 404, 413, 415, 422, 429, 502, 503)
    | {200: _PICTURE, 202: {"model": JobAccepted, "description": "Accepted as a job"}},
    openapi_extra=_BODIES,
)
async def enhance_photos(
    request: Request,
    state: State,
    caller: CurrentCaller,
    query: Annotated[EnhanceQuery, Query()],
) -> Response:
    """Make a better version of a photo: upright, well lit, without cast and noise.

    One photo, its bytes as the body or its key as JSON, is answered at once with the picture
    itself; the header `X-Enhancement` tells what was done. More photos, several exposures of a
    view, or `async` become a job: `202`, an event with a small version of each photo, and a
    callback when all are done. Nothing is added that the photo does not show.
    """
    kind = media_types.check_media_type(request, media_types.JSON, *media_types.PHOTOS)
    if kind == media_types.JSON:
        asked = parse_body(EnhanceRequest, await read_body(request, JSON_BYTES))
        return await _enhance_named(asked, state, caller, query.in_background)
    data = await read_body(request, state.settings.max_body_bytes)
    if not data:
        raise BadImage("the file is empty")
    if not query.in_background:
        return await _enhance_at_once(data, query, state)
    key = await keep_upload(state, caller, data, kind)
    how = query.model_dump(include=set(Enhancement.model_fields), exclude_unset=True)
    return await accept(state, caller, "enhance_photos", {"photos": [key]} | how, JobOptions())


async def _enhance_named(
    asked: EnhanceRequest, state: GatewayState, caller: Caller, in_background: bool
) -> Response:
    if len(asked.photos) > state.settings.max_job_photos:
        most = state.settings.max_job_photos
        raise TooLarge("photos in one request", len(asked.photos), most)
    photo = asked.photos[0]
    if in_background or asked.in_background or len(asked.photos) > 1 or not isinstance(photo, str):
        return await accept(state, caller, "enhance_photos", _work_of(asked), asked)
    await state.mark_uploads_used(caller.client, [photo])
    async with state.turn(photo):
        data = await state.read(photo)
        return await _enhance_at_once(data, asked, state)


def _work_of(asked: EnhanceRequest) -> dict[str, object]:
    fields = set(EnhanceInput.model_fields)
    return asked.model_dump(mode="json", include=fields, exclude_unset=True)


async def _enhance_at_once(data: bytes, asked: Enhancement, state: GatewayState) -> Response:
    predictor = state.predictor.from_thread(asyncio.get_running_loop())
    # seconds of a core: photos that are only classified do not wait behind it
    run = state.pools.analysis.run
    most = state.settings.max_pixels
    return await run(_enhance, data, asked, predictor, state.storage, most)


def _enhance(
    data: bytes, asked: Enhancement, predictor: Predictor, storage: Storage, max_pixels: int
) -> Response:
    # OpenCV comes with them
    from serving.models.finishing import curves_for
    from serving.models.privacy import hiding_of
    from serving.photos.enhance.file import Wanted, describe, enhance_file
    from serving.photos.enhance.presets import LEARNED

    def judge(photo: PhotoFile) -> QualityAnswer | None:
        try:
            found = predictor.predict(PHOTO_QUALITY, [photo])[0]
        except ModelUnavailable:
            return None
        finally:
            photo.release()
        return found.answer if isinstance(found, Prediction) else None

    photo = PhotoFile(data, max_pixels)
    photo.header  # noqa: B018 - what is no photo is refused by name, whatever the judge says
    upscaling = _upscaling(photo, asked, predictor, storage, max_pixels)
    hiding = hiding_of(photo, predictor) if asked.privacy else None
    curves = curves_for(photo, predictor, storage) if asked.preset == LEARNED else None
    wanted = Wanted(
        asked.preset, asked.format, asked.quality, asked.remove_gps, upscaling, hiding, curves
    )
    made = enhance_file(photo, wanted, judge, max_pixels, judge(photo))
    told = {TOLD: json.dumps(describe(made), separators=(",", ":"))}
    return Response(made.data, headers=told, media_type=made.content_type)


def _upscaling(
    photo: PhotoFile, asked: Enhancement, predictor: Predictor, storage: Storage, max_pixels: int
) -> "Upscaling | None":
    from serving.models.upscaling import PredictedUpscaler
    from serving.perception.upscale import UPSCALER
    from serving.photos.enhance.upscale import Upscaling

    if asked.upscale is None:
        return None
    pixels, most = photo.header.pixels, _ENLARGED_AT_ONCE
    if pixels > most:
        raise TooLarge("pixels to enlarge at once, without `async`", pixels, most)
    model = PredictedUpscaler(predictor, predictor.find(UPSCALER), storage)
    return Upscaling(asked.upscale, model, max_pixels)
