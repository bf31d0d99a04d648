"""`POST /internal/photos/classify`: which room each photo shows, and how good it is."""

import asyncio
import time
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from bentos.gateway import media_types
from bentos.gateway.accept import Caller, CurrentCaller, accept, keep_photo
from bentos.gateway.bodies import JSON_BYTES, read_body
from bentos.gateway.dependencies import GatewayState, State
from bentos.gateway.document import body_of
from bentos.gateway.model_versions import DOCUMENTED, model_versions
from bentos.gateway.schema import ClassifyAnswer, ClassifyRequest, JobAccepted
from bentos.problems import documented, parse_body
from serving import metrics
from serving.errors import StudioError, TooLarge
from serving.image import PhotoFile, hash_photo
from serving.models.asker import Asker
from serving.models.predictor import or_raise
from serving.models.results import FailedResult, RoomResult
from serving.photos.classify import ROOM_CLASSIFIER
from serving.photos.quality.task import PHOTO_QUALITY
from serving.problems import problem_of
from serving.requests.options import JobOptions

router = APIRouter(prefix="/internal/photos", tags=["photos"])

_BODIES = body_of(
    *media_types.PHOTOS,
    json=ClassifyRequest,
    example={"photos": ["listings/42/kitchen.jpg", "listings/42/bath.jpg"]},
)
_BACKGROUND = Query(alias="async", description="answer 202 at once and call back when it is done")


@router.post(
    "/classify",
    response_model=ClassifyAnswer,
    responses=documented(401, 413, 415, 422, 429, 503)
    | {
        200: {"headers": DOCUMENTED},
        202: {"model": JobAccepted, "description": "Accepted as a job"},
    },
    openapi_extra=_BODIES,
)
async def classify_photos(
    request: Request,
    state: State,
    caller: CurrentCaller,
    in_background: Annotated[bool, _BACKGROUND] = False,
) -> Response:
    """Name the room in one photo (its bytes as the body) or in many (their keys as JSON).

    The body may be a JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC or AVIF. With JSON, a photo that cannot
    be read has an `error` beside the others' results; with a single raw photo, the answer is that
    error. With `async`, or with more than 64 photos, it becomes a job: `202`, and a callback when
    it is done.
    """
    kind = media_types.check_media_type(request, media_types.JSON, *media_types.PHOTOS)
    if kind == media_types.JSON:
        body = await read_body(request, JSON_BYTES)
        return await _classify_keys(body, state, caller, in_background)
    data = await read_body(request, state.settings.max_body_bytes)
    if in_background:
        return await _classify_later(data, state, caller, kind)
    sha256 = hash_photo(data)
    asker = Asker(caller.client, caller.listing_id)
    return _answer([await _classify_bytes(f"sha256:{sha256}", data, state, asker, sha256)])


async def _classify_keys(
    body: bytes, state: GatewayState, caller: Caller, in_background: bool
) -> Response:
    asked = parse_request(body, state.settings.max_job_photos)
    if in_background or asked.in_background or len(asked.photos) > state.settings.max_photos:
        return await accept(state, caller, "classify_photos", {"photos": asked.photos}, asked)
    await state.mark_uploads_used(caller.client, asked.photos)
    asker = Asker(caller.client, asked.listing_id or caller.listing_id)
    waiting = (_classify_stored(photo, state, asker) for photo in asked.photos)
    return _answer(list(await asyncio.gather(*waiting)))


async def _classify_later(data: bytes, state: GatewayState, caller: Caller, kind: str) -> Response:
    key = await keep_photo(state, caller, data, kind)
    return await accept(state, caller, "classify_photos", {"photos": [key]}, JobOptions())


def parse_request(body: bytes, max_photos: int) -> ClassifyRequest:
    """Return what a JSON body asks for; BadInput or TooLarge if it is not what the schema says."""
    asked = parse_body(ClassifyRequest, body)
    if len(asked.photos) > max_photos:
        raise TooLarge("photos in one request", len(asked.photos), max_photos)
    return asked


async def _classify_stored(
    photo: str, state: GatewayState, asker: Asker
) -> RoomResult | FailedResult:
    try:
        async with state.turn(photo):
            data = await state.read(photo)
            return await _classify_bytes(photo, data, state, replace(asker, photo=photo))
    except StudioError as error:
        return FailedResult(photo=photo, error=problem_of(error))


async def _classify_bytes(
    photo: str, data: bytes, state: GatewayState, asker: Asker, sha256: str | None = None
) -> RoomResult:
    started = time.perf_counter()
    read = PhotoFile(data, state.settings.max_pixels, sha256 or "")
    room, quality = await state.predictor.predict((ROOM_CLASSIFIER, PHOTO_QUALITY), read, asker)
    prediction = or_raise(room)
    took_s = time.perf_counter() - started
    metrics.CLASSIFICATIONS.labels(state.predictor.serving, prediction.cached).observe(took_s)
    return RoomResult.of(photo, prediction, took_s * 1e3, quality)


def _answer(results: list[RoomResult | FailedResult]) -> Response:
    # straight from pydantic to bytes; FastAPI's own way would walk and check the answer again
    content = ClassifyAnswer(results=results).model_dump_json()
    return Response(content, headers=model_versions(results), media_type="application/json")
