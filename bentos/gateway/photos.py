"""`POST /internal/photos/classify`: which room each photo shows."""

import asyncio
import hashlib
import time

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import HTTPException
from fastapi.responses import Response
from pydantic import ValidationError

from bentos.gateway.bodies import read_body
from bentos.gateway.doors import Doors, Opened, client_of
from bentos.gateway.schema import (
    ClassifyAnswer,
    ClassifyRequest,
    FailedResult,
    Problem,
    RoomResult,
)
from bentos.problems import describe_validation, documented, problem_of
from serving.errors import BadInput, ListingError, TooLarge
from serving.storage.objects import key_of

router = APIRouter(prefix="/internal/photos", tags=["photos"], dependencies=[Depends(client_of)])

_JSON_BYTES = 256 * 1024
_BODIES = {
    "requestBody": {
        "required": True,
        "content": {
            "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
            "application/json": {
                "schema": ClassifyRequest.model_json_schema(),
                "example": {"photos": ["listings/42/kitchen.jpg", "listings/42/bath.jpg"]},
            },
        },
    }
}


@router.post(
    "/classify",
    response_model=ClassifyAnswer,
    responses=documented(401, 413, 415, 422, 503),
    openapi_extra=_BODIES,
)
async def classify(request: Request, doors: Opened) -> Response:
    """Name the room in one photo (its bytes as the body) or in up to 64 (their keys as JSON).

    The body may be a JPEG, PNG, WebP, GIF, TIFF or BMP. With JSON, a photo that cannot be read has
    an `error` beside the others' results; with a single raw photo, the answer is that error.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        photos = parse_request(await read_body(request, _JSON_BYTES), doors.settings.max_photos)
        results = await asyncio.gather(*(_classify_stored(photo, doors) for photo in photos))
        return _answer(list(results))
    if kind.startswith("multipart/"):
        raise HTTPException(415, "send one photo as the raw body, or keys as application/json")
    data = await read_body(request, doors.settings.max_body_bytes)
    return _answer([await _classify_bytes(f"sha256:{_hash(data)}", data, doors)])


def parse_request(body: bytes, max_photos: int) -> list[str]:
    """Return the keys in a JSON body; BadInput or TooLarge if it is not what the schema says."""
    try:
        photos = ClassifyRequest.model_validate_json(body).photos
    except ValidationError as error:
        raise BadInput(describe_validation(error.errors())) from error
    if len(photos) > max_photos:
        raise TooLarge("photos in one request", len(photos), max_photos)
    return photos


async def _classify_stored(photo: str, doors: Doors) -> RoomResult | FailedResult:
    try:
        key = key_of(doors.storage, photo)
        async with doors.turns:
            limit = doors.settings.max_body_bytes
            data = await asyncio.to_thread(doors.storage.read, key, limit)
            return await _classify_bytes(photo, data, doors)
    except ListingError as error:
        return FailedResult(photo=photo, error=Problem.model_validate(problem_of(error)))


async def _classify_bytes(photo: str, data: bytes, doors: Doors) -> RoomResult:
    started = time.perf_counter()
    classified = await doors.classifier.classify(data)
    return RoomResult.of(photo, classified, (time.perf_counter() - started) * 1e3)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _answer(results: list[RoomResult | FailedResult]) -> Response:
    # straight from pydantic to bytes; FastAPI's own way would walk and check the answer again
    content = ClassifyAnswer(results=results).model_dump_json()
    return Response(content, media_type="application/json")
