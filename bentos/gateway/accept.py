"""From a request to an accepted job: `202`, and the work is no longer the client's worry."""

import logging
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.responses import Response

from bentos.gateway.dependencies import GatewayState, client_of
from bentos.gateway.media_types import type_to_keep
from bentos.gateway.middleware import REQUEST_ID_KEY
from bentos.gateway.schema import JobAccepted
from serving import logs, metrics, traces
from serving.db.tables import Json
from serving.errors import BadImage, BadInput
from serving.image import hash_photo
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.requests.options import JobOptions
from serving.storage.uploads import NewUpload, key_of_upload

log = logging.getLogger(__name__)

LISTING_ID_CHARS = 200
_LONGEST_CHAR_BYTES = 4  # in UTF-8; a header's length is told in bytes


@dataclass(frozen=True)
class Caller:
    """Who asks, and what its headers say about the request."""

    client: str
    idempotency_key: str | None
    listing_id: str | None
    request_id: str


async def caller_of(
    request: Request,
    client: Annotated[str, Depends(client_of)],
    idempotency_key: Annotated[
        str | None,
        Header(max_length=200, description="the same key, the same job: repeat without fear"),
    ] = None,
    x_listing_id: Annotated[
        str | None,
        Header(
            max_length=LISTING_ID_CHARS * _LONGEST_CHAR_BYTES,
            description="the listing, with a raw body (UTF-8, 200 characters): all its photos are "
            "answered by the same model version",
        ),
    ] = None,
) -> Caller:
    """Read the headers that concern jobs."""
    listing_id = _to_text(x_listing_id) if x_listing_id else None
    if listing_id:
        check_listing_id("X-Listing-Id", listing_id)
        logs.bind(listing_id=listing_id)
    request_id = request.scope[REQUEST_ID_KEY]
    return Caller(client, idempotency_key or None, listing_id, request_id)


def check_listing_id(where: str, listing_id: str) -> None:
    """Raise BadInput where it is longer than any: cut off, it could be another listing's."""
    if len(listing_id) > LISTING_ID_CHARS:
        raise BadInput(f"{where}: a listing's id has at most {LISTING_ID_CHARS} characters")


def _to_text(header: str) -> str:
    r"""Return a header's value as UTF-8: the listing is the same that JSON names.

    Examples
    --------
    >>> _to_text("Z\xc3\xbcrich")
    'Zürich'
    """
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:  # it was meant as it is
        return header


CurrentCaller = Annotated[Caller, Depends(caller_of)]


async def keep_upload(state: GatewayState, caller: Caller, data: bytes, content_type: str) -> str:
    """Store a body that a job will read, as an upload of the client; return its key."""
    new = NewUpload(caller.client, type_to_keep(content_type), caller.listing_id)
    write = partial(state.storage.write, data=data, content_type=new.content_type)
    kept, _ = await state.pools.uploads.run(
        state.uploads.keep, new, hash_photo(data), len(data), write
    )
    return key_of_upload(kept.id)


async def keep_photo(state: GatewayState, caller: Caller, data: bytes, kind: str) -> str:
    """Store a photo that came as a body for a job to read; return its key; BadImage if empty."""
    if not data:
        raise BadImage("the file is empty")
    return await keep_upload(state, caller, data, kind)


async def accept(
    state: GatewayState,
    caller: Caller,
    type_: str,
    work: Json,
    options: JobOptions,
    resolved: Json | None = None,
) -> Response:
    """Accept a job and answer `202` with where to find it.

    Parameters
    ----------
    resolved : as `NewJob` has it

    Raises
    ------
    KeyReused
        The client used this idempotency key for another request.
    QueueFull
        Too much is waiting in that queue.
    """
    new = NewJob(
        kind=KINDS[type_],
        input=work,
        client=caller.client,
        listing_id=options.listing_id or caller.listing_id,
        priority=options.priority,
        idempotency_key=caller.idempotency_key,
        run_at=options.run_at,
        traceparent=traces.traceparent(),
        request_id=caller.request_id,
        resolved=resolved,
    )
    accepted = await state.pools.database.run(submit, state.engine, new, state.settings.max_queued)
    if accepted.created:
        metrics.ACCEPTED.labels(type_).inc()
    logs.bind(job_id=str(accepted.job_id))
    log.info("job accepted" if accepted.created else "job known", extra={"type": type_})
    answer = JobAccepted.of(accepted.job_id, type_)
    headers = {"Location": answer.url}
    if not accepted.created:
        headers["Idempotency-Replayed"] = "true"
    return Response(answer.model_dump_json(), 202, headers, "application/json")
