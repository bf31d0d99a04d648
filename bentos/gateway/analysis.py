"""`POST /internal/photos/analyze`: all that is known of photos in one call."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from bentos.gateway import media_types
from bentos.gateway.accept import Caller, CurrentCaller, accept, keep_photo
from bentos.gateway.bodies import JSON_BYTES, read_body
from bentos.gateway.dependencies import GatewayState, State
from bentos.gateway.document import body_of
from bentos.gateway.model_versions import DOCUMENTED, model_versions
from bentos.gateway.pools import PhotoPools
from bentos.gateway.schema import JobAccepted
from bentos.problems import documented, parse_body
from serving.errors import StudioError, TooLarge
from serving.image import PhotoFile, hash_photo
from serving.models.analysis import (
    TASKS,
    Analysis,
    Seen,
    analyse,
    find_private_areas,
    look_at,
    within,
)
from serving.models.analysis_results import AnalysisResult
from serving.models.asker import Asker
from serving.models.listing import ListingResult, arrange_listing, as_seen
from serving.models.predictor import Prediction
from serving.models.results import FailedResult
from serving.perception.detect import DETECTOR
from serving.photos.quality.task import PHOTO_QUALITY
from serving.problems import problem_of
from serving.requests.options import JobOptions
from serving.requests.photos import Analysing, AnalyzeInput

router = APIRouter(prefix="/internal/photos", tags=["photos"])

_AT_ONCE = 8  # photos of a request; each takes half a second of a core


class AnalyzeRequest(AnalyzeInput, JobOptions):
    """Photos to analyse: keys or URLs of objects in the configured storage, or allowed URLs."""


class AnalyzeQuery(Analysing):
    """How the photo in a raw body is analysed."""

    model_config = ConfigDict(populate_by_name=True)

    in_background: bool = Field(
        False, alias="async", description="answer 202 at once and call back when it is done"
    )


class AnalyzeAnswer(BaseModel):
    """One result per photo, in the order sent, and the listing that they make together."""

    results: list[AnalysisResult | FailedResult]
    listing: ListingResult | None = Field(
        None, description="of several photos: views shown twice, a cover, an order"
    )


_BODIES = body_of(
    *media_types.PHOTOS,
    json=AnalyzeRequest,
    example={"photos": ["listings/42/kitchen.jpg", "listings/42/bath.jpg"]},
)


@router.post(
    "/analyze",
    response_model=AnalyzeAnswer,
    responses=documented(401, 404, 413, 415, 422, 429, 502, 503)
    | {
        200: {"headers": DOCUMENTED},
        202: {"model": JobAccepted, "description": "Accepted as a job"},
    },
    openapi_extra=_BODIES,
)
async def analyze_photos(
    request: Request,
    state: State,
    caller: CurrentCaller,
    query: Annotated[AnalyzeQuery, Query()],
) -> Response:
    """Say all that is known of one photo (its bytes as the body) or of a listing (keys as JSON).

    Room and quality as `classify` answers them; tags with what speaks for each; how much of the
    photo every class covers; things, and where to look. What no published model can tell is said
    to be missing, never guessed. With `async`, or with more than 8 photos, it becomes a job: `202`,
    a page with everything drawn on the photos, and a callback when it is done.
    """
    kind = media_types.check_media_type(request, media_types.JSON, *media_types.PHOTOS)
    if kind == media_types.JSON:
        asked = parse_body(AnalyzeRequest, await read_body(request, JSON_BYTES))
        return await _analyze_keys(asked, state, caller, query.in_background)
    data = await read_body(request, state.settings.max_body_bytes)
    if query.in_background:
        return await _analyze_later(data, query, state, caller, kind)
    sha256 = hash_photo(data)
    asker = Asker(caller.client, caller.listing_id)
    photo = PhotoFile(data, state.settings.max_pixels, sha256)
    _, found = await _analyze(f"sha256:{sha256}", photo, state, asker)
    return _answer([_result(found, query.maps)], None)


async def _analyze_keys(
    asked: AnalyzeRequest, state: GatewayState, caller: Caller, in_background: bool
) -> Response:
    most = state.settings.max_job_photos
    if len(asked.photos) > most:
        raise TooLarge("photos in one request", len(asked.photos), most)
    if in_background or asked.in_background or len(asked.photos) > _AT_ONCE:
        return await accept(state, caller, "analyze_photos", _work_of(asked), asked)
    await state.mark_uploads_used(caller.client, asked.photos)
    asker = Asker(caller.client, asked.listing_id or caller.listing_id)
    found = await asyncio.gather(*(_analyze_stored(name, state, asker) for name in asked.photos))
    results: list[AnalysisResult | FailedResult] = []
    shown = []
    for one in found:
        if isinstance(one, FailedResult):
            results.append(one)
            continue
        seen, analysis = one
        results.append(_result(analysis, asked.maps))
        quality = seen.said.get(PHOTO_QUALITY.name)
        answer = quality.answer if isinstance(quality, Prediction) else None
        shown.append(as_seen(analysis.result, answer))
    return _answer(results, arrange_listing(shown) if len(asked.photos) > 1 else None)


async def _analyze_later(
    data: bytes, query: AnalyzeQuery, state: GatewayState, caller: Caller, kind: str
) -> Response:
    key = await keep_photo(state, caller, data, kind)
    how = query.model_dump(include=set(Analysing.model_fields), exclude_unset=True)
    return await accept(state, caller, "analyze_photos", {"photos": [key]} | how, JobOptions())


def _work_of(asked: AnalyzeRequest) -> dict[str, object]:
    return asked.model_dump(mode="json", include=set(AnalyzeInput.model_fields), exclude_unset=True)


async def _analyze_stored(
    name: str, state: GatewayState, asker: Asker
) -> tuple[Seen, Analysis] | FailedResult:
    try:
        async with state.turn(name):
            data = await state.read(name)
            photo = PhotoFile(data, state.settings.max_pixels)
            return await _analyze(name, photo, state, replace(asker, photo=name))
    except StudioError as error:
        return FailedResult(photo=name, error=problem_of(error))


async def _analyze(
    name: str, photo: PhotoFile, state: GatewayState, asker: Asker
) -> tuple[Seen, Analysis]:
    """Ask every model about a photo; each scale of it is decoded once."""
    started = time.perf_counter()
    pool = PhotoPools(state.pools.photos, state.pools.other_photos).of(photo)
    look = await pool.run(look_at, photo)
    said = await state.predictor.predict(TASKS, photo, asker)
    by_name = {task.name: outcome for task, outcome in zip(TASKS, said, strict=True)}
    private = await pool.run(find_private_areas, photo, by_name[DETECTOR.name])
    seen = Seen(name, photo.size, look, by_name, private)
    took_ms = (time.perf_counter() - started) * 1e3
    return seen, await state.pools.photos.run(analyse, seen, state.storage, took_ms)


def _result(found: Analysis, maps: bool) -> AnalysisResult:
    result, drawn = found.result, found.layers.segmentation
    if maps and drawn is not None and result.segmentation is not None:
        result.segmentation.map = within(drawn)
    return result


def _answer(
    results: Sequence[AnalysisResult | FailedResult], listing: ListingResult | None
) -> Response:
    content = AnalyzeAnswer(results=list(results), listing=listing).model_dump_json()
    return Response(content, headers=model_versions(results), media_type=media_types.JSON)
