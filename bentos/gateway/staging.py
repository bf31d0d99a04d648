"""`POST /internal/staging/process`: rooms, cleared and furnished."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bentos.gateway import media_types
from bentos.gateway.accept import CurrentCaller, accept
from bentos.gateway.bodies import JSON_BYTES, read_body
from bentos.gateway.dependencies import State
from bentos.gateway.document import body_of
from bentos.gateway.schema import JobAccepted
from bentos.problems import documented, parse_body
from serving.errors import TooLarge
from serving.requests.options import JobOptions
from serving.requests.staging import StageInput

router = APIRouter(prefix="/internal/staging", tags=["staging"])


class StageRequest(StageInput, JobOptions):
    """Photos of rooms to stage, by key or URL."""


@router.post(
    "/process",
    status_code=202,
    response_model=JobAccepted,
    responses=documented(401, 404, 413, 415, 422, 429, 503),
    openapi_extra=body_of(
        json=StageRequest,
        example={
            "photos": ["listings/42/living.jpg", "listings/42/bedroom.jpg"],
            "kit": "scandinavian",
            "listing_id": "42",
        },
    ),
)
async def stage_photos(request: Request, state: State, caller: CurrentCaller) -> Response:
    """Furnish rooms, clear them, or show them in another style; always a job.

    A small version of each photo comes first, as an event. Architecture stays as it is: outside of
    the mask that comes with each picture every pixel is the photo's. What cannot be staged, such as
    a garden, is left as it came, with the reason. Each file says that it was staged, in its
    metadata and in a signed manifest beside it.
    """
    media_types.check_media_type(request, media_types.JSON)
    asked = parse_body(StageRequest, await read_body(request, JSON_BYTES))
    most = state.settings.max_job_photos
    pictures = len(asked.photos) * asked.variants
    if pictures > most:
        raise TooLarge("pictures in one request", pictures, most)
    fields = set(StageInput.model_fields)
    work = asked.model_dump(mode="json", include=fields, exclude_unset=True)
    find = state.kits.read
    stored = await state.pools.database.run(find, caller.client, asked.kit, asked.kit_version)
    kit = {"kit": stored.kit.id, "kit_version": stored.kit.version}
    return await accept(state, caller, "stage_photos", work, asked, kit)
