"""Erasing at a client's request: `DELETE /internal/listings/{id}`, and a job with all it made."""

from datetime import datetime
from typing import Annotated, Self
from urllib.parse import unquote
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from bentos.gateway.dependencies import GatewayState, State, client_of
from bentos.problems import documented
from serving.db.tables import Erasure
from serving.jobs.erasure import Eraser, read_erasure, request_erasure
from serving.requests.base import NO_NUL

router = APIRouter(prefix="/internal", tags=["erasure"])

Client = Annotated[str, Depends(client_of)]
_WAIT_S = 5.0  # then workers go on with it


class ErasureView(BaseModel):
    """How far an erasure is."""

    erasure_id: UUID
    url: str
    listing_id: str | None
    job_id: UUID | None
    finished: bool
    erased: dict[str, int] = Field(
        description="how many jobs, objects, uploads, clips, answers, predictions, exposures, "
        "bad_events, kept_photos, feedback so far",
        examples=[{"jobs": 3, "objects": 12, "uploads": 20, "clips": 31, "answers": 20}],
    )
    requested_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: Erasure) -> Self:
        """Put an erasure into the wire's shape."""
        return cls(
            erasure_id=row.id,
            url=f"{router.prefix}/erasures/{row.id}",
            listing_id=row.listing_id,
            job_id=row.job_id,
            finished=row.finished_at is not None,
            erased=row.erased,
            requested_at=row.requested_at,
            finished_at=row.finished_at,
        )


async def listing_of(
    request: Request,
    listing_id: Annotated[
        str,
        Path(min_length=1, max_length=200, pattern=NO_NUL, description="a slash in it is `%2F`"),
    ],
) -> str:
    """Return the listing that the address names, of whatever characters.

    A path is matched after `%2F` has become a slash, by which `7%2Fdata` would be the data of 7.
    Segments are told apart before that, whichever of their letters were sent as such a code.
    """
    del listing_id
    segments = [unquote(segment) for segment in request.scope["raw_path"].decode().split("/")]
    _, *named = segments[segments.index("listings") :]
    return "/".join(named[:-1] if len(named) > 1 and named[-1] == "data" else named)


TheListing = Annotated[str, Depends(listing_of)]

ACCEPTED: dict[int | str, dict[str, object]] = {
    202: {"model": ErasureView, "description": "It goes on; ask at `Location`"}
}


# the longer one first: the other would match it too
@router.delete(
    "/listings/{listing_id:path}/data",
    response_model=ErasureView,
    responses=documented(401, 422, 429, 503) | ACCEPTED,
)
async def erase_listing_data(state: State, client: Client, listing_id: TheListing) -> Response:
    """Forget a listing, as `DELETE /internal/listings/{listing_id}` does."""
    return await erase_listing(state, client, listing_id)


@router.delete(
    "/listings/{listing_id:path}",
    response_model=ErasureView,
    responses=documented(401, 422, 429, 503) | ACCEPTED,
)
async def erase_listing(state: State, client: Client, listing_id: TheListing) -> Response:
    """Forget a listing: jobs, their films, callbacks and events, uploads, what was observed of it.

    What was observed: its answers, small pictures, feedback, and what went wrong with it. Jobs that
    have not ended are cancelled first, and nothing is called back any more. What is cached of its
    photos goes too, as far as they can still be read. `200` with the counts once it is done; `202`
    if that takes longer than some seconds. What is sent after this is kept.
    """
    make = state.pools.database.run(request_erasure, state.engine, client, listing_id=listing_id)
    return await carry_out(state, await make)


@router.get("/erasures/{erasure_id}", responses=documented(401, 404, 422, 429, 503))
async def read_one_erasure(erasure_id: UUID, state: State, client: Client) -> ErasureView:
    """Say how far an erasure is."""
    return ErasureView.of(
        await state.pools.database.run(read_erasure, state.engine, erasure_id, client)
    )


async def carry_out(state: GatewayState, erasure_id: UUID) -> Response:
    """Erase for a moment; answer 200 if that was enough, else 202."""
    eraser = Eraser(state.settings, state.engine, state.storage)
    view = ErasureView.of(await state.pools.uploads.run(eraser.carry_on, erasure_id, _WAIT_S))
    status = 200 if view.finished else 202
    return Response(view.model_dump_json(), status, {"Location": view.url}, "application/json")
