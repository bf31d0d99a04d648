"""Sound and film: `/internal/audio/analyze`, `/internal/video/render`, `/internal/video/clips`."""

import asyncio
import hashlib
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from bentos.gateway import media_types
from bentos.gateway.accept import CurrentCaller, accept, keep_upload
from bentos.gateway.bodies import JSON_BYTES, read_body
from bentos.gateway.dependencies import GatewayState, State
from bentos.gateway.document import body_of
from bentos.gateway.model_versions import DOCUMENTED, write_versions
from bentos.gateway.schema import JobAccepted
from bentos.problems import documented, parse_body
from serving.models.asker import Asker
from serving.models.local import ModelVersion
from serving.models.pinned import PinnedModel
from serving.models.predictor import Predictor
from serving.requests.audio import AudioInput
from serving.requests.clip import ClipInput
from serving.requests.film import FilmInput
from serving.requests.options import JobOptions
from serving.requests.timeline import TimelineSpec

router = APIRouter(tags=["sound and film"])

_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": JobAccepted, "description": "Accepted as a job"}
}


class AudioRequest(AudioInput, JobOptions):
    """A track to analyse, by key or URL."""


class FilmRequest(FilmInput, JobOptions):
    """A film to render; always a job."""


class ClipRequest(ClipInput, JobOptions):
    """A clip to render; always a job."""


class TemplateView(BaseModel):
    """A style that films come in."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["calm"])
    title: str
    description: str
    suits: str


@router.post(
    "/internal/audio/analyze",
    response_model=dict[str, Any],
    responses=documented(401, 404, 413, 415, 422, 429, 502, 503)
    | _ACCEPTED
    | {200: {"headers": DOCUMENTED}},
    openapi_extra=body_of(
        *media_types.SOUNDS, json=AudioRequest, example={"track": "music/song.mp3"}
    ),
)
async def analyze_audio(
    request: Request,
    state: State,
    caller: CurrentCaller,
    in_background: Annotated[bool, Query(alias="async")] = False,
) -> Response:
    """Find tempo, beats, bars, sections, loudness and waveform of a track.

    The body is the sound file, or JSON with its key; a track that was analysed before is answered
    at once, another in seconds. With `async` it becomes a job.
    """
    kind = media_types.check_media_type(request, media_types.JSON, *media_types.SOUNDS)
    if kind == media_types.JSON:
        spec = parse_body(AudioRequest, await read_body(request, JSON_BYTES))
        if in_background or spec.in_background:
            return await accept(state, caller, "analyze_audio", {"track": spec.track}, spec)
        await state.mark_uploads_used(caller.client, [spec.track])
        data = await state.read(spec.track, state.settings.max_audio_bytes)
        listing = spec.listing_id or caller.listing_id
        return await _analyze(data, state, Asker(caller.client, listing, photo=spec.track))
    data = await read_body(request, state.settings.max_audio_bytes)
    if in_background:
        key = await keep_upload(state, caller, data, kind)
        return await accept(state, caller, "analyze_audio", {"track": key}, JobOptions())
    return await _analyze(data, state, Asker(caller.client, caller.listing_id))


@router.post(
    "/internal/video/render",
    status_code=202,
    response_model=JobAccepted,
    responses=documented(401, 413, 415, 422, 429, 503),
    openapi_extra=body_of(json=FilmRequest),
)
async def render_film(request: Request, state: State, caller: CurrentCaller) -> Response:
    """Render a film from photos and a song: cut on the beat, titled, branded, in several formats.

    Progress comes by frames with the time to go, as events and as `video-progress`; the films'
    keys come with `video-complete`. While it renders, a small version plays on the job's page.
    """
    media_types.check_media_type(request, media_types.JSON)
    spec = parse_body(FilmRequest, await read_body(request, JSON_BYTES))
    _check(spec.template, spec.timeline)
    return await accept(state, caller, "render_video", _work_of(spec, FilmInput), spec)


@router.post(
    "/internal/video/clips",
    status_code=202,
    response_model=JobAccepted,
    responses=documented(401, 413, 415, 422, 429, 503),
    openapi_extra=body_of(json=ClipRequest),
)
async def render_clip(request: Request, state: State, caller: CurrentCaller) -> Response:
    """Render one photo as a clip of its own; `clip-complete` brings its key."""
    media_types.check_media_type(request, media_types.JSON)
    spec = parse_body(ClipRequest, await read_body(request, JSON_BYTES))
    _check(spec.template)
    return await accept(state, caller, "generate_clip", _work_of(spec, ClipInput), spec)


@router.get("/internal/video/templates", responses=documented(401, 422, 429, 503))
async def list_templates(caller: CurrentCaller) -> list[TemplateView]:
    """List the styles that films come in."""
    del caller
    from serving.render.template_files import shipped_templates

    return [TemplateView.model_validate(template) for template in shipped_templates().values()]


def _check(template: str | dict[str, Any], timeline: TimelineSpec | None = None) -> None:
    """Say at once what is wrong with a template or a timeline; BadInput."""
    from serving.render.check_request import check_request  # OpenCV comes with it

    check_request(template, timeline)


def _work_of(spec: BaseModel, kind: type[BaseModel]) -> dict[str, Any]:
    """Return what the workflow is told: the request without the options of its job."""
    return spec.model_dump(mode="json", include=set(kind.model_fields), exclude_unset=True)


async def _analyze(data: bytes, state: GatewayState, asker: Asker) -> Response:
    predictor = state.predictor.from_thread(asyncio.get_running_loop())
    run = state.pools.analysis.run
    found, model = await run(_analyze_in_thread, data, state, predictor, asker)
    used = (model.card.task, model.version, model.slot)
    return JSONResponse(found, headers=write_versions((used,)))


def _analyze_in_thread(
    data: bytes, state: GatewayState, predictor: Predictor, asker: Asker
) -> tuple[dict[str, Any], ModelVersion]:
    # the libraries of sound cost a second to load: only who is asked for it pays
    from serving.audio.beat_tracker import BEAT_TRACKER
    from serving.models.beats import route_beats
    from serving.render.analysis import analyze_track
    from serving.render.audio_files import AudioLimits

    router = state.predictor.router
    route = router.routes.of(BEAT_TRACKER.name) if router is not None else None
    model = PinnedModel(predictor.find(BEAT_TRACKER), route)
    by = replace(asker, content_sha256=hashlib.sha256(data).hexdigest())
    beats = route_beats(predictor, router, state.storage, model, by)
    limits = AudioLimits(state.settings.max_audio_bytes, state.settings.max_audio_s)
    return beats.analyse(lambda model: analyze_track(data, state.storage, model, limits))
