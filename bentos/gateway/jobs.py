"""`/internal/jobs`: look, list, watch and cancel."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query
from fastapi.exceptions import HTTPException
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from bentos.gateway.dependencies import State, client_of
from bentos.gateway.erasures import ACCEPTED, ErasureView, carry_out
from bentos.gateway.job_feeds import DELETED
from bentos.gateway.links import Reading
from bentos.gateway.schema import JobChange, JobList, JobQuery, JobView
from bentos.problems import documented
from serving.db.status import ENDED_JOB
from serving.db.tables import Job
from serving.jobs import manage
from serving.jobs.erasure import request_erasure
from serving.jobs.events import read_snapshot

router = APIRouter(prefix="/internal/jobs", tags=["jobs"])

_ENDED = (*ENDED_JOB, DELETED)
_STILL_HERE_S = 10.0

Client = Annotated[str, Depends(client_of)]


async def job_of(job_id: UUID, state: State, client: Client) -> Job:
    """Return the client's job of that id; UnknownJob if there is none."""
    return await state.pools.database.run(manage.read_job, state.engine, job_id, client)


TheJob = Annotated[Job, Depends(job_of)]


async def seen_job_of(reader: Reading, state: State) -> Job:
    """Return the job that somebody may look at, by key or by link."""
    return await state.pools.database.run(
        manage.read_job, state.engine, reader.job_id, reader.client
    )


SeenJob = Annotated[Job, Depends(seen_job_of)]


async def one_stream(reader: Reading, state: State) -> AsyncIterator[None]:
    """Count the event stream; TooManyStreams or Overloaded if it is one too many."""
    if reader.client is None:
        whose, most = f"links to {reader.job_id}", state.settings.max_streams_per_link
    else:
        whose, most = f"'{reader.client}'", state.settings.max_streams_per_client
    with state.streams.opened(whose, most):
        yield


@router.get("", responses=documented(401, 422, 429, 503))
async def list_jobs(state: State, client: Client, query: Annotated[JobQuery, Query()]) -> JobList:
    """List your jobs, newest first, without their results."""
    wanted = manage.Filter(client, query.status, query.type, query.listing_id)
    page = await state.pools.database.run(
        manage.list_jobs, state.engine, wanted, query.limit, query.cursor
    )
    jobs = [JobView.of(job, with_result=False) for job in page.jobs]
    return JobList(jobs=jobs, next_cursor=page.next_cursor)


@router.get("/{job_id}", responses=documented(401, 404, 422, 429, 503))
async def read_job(job: SeenJob, reader: Reading) -> JobView:
    """Return a job as it stands, with its result once it is completed."""
    return JobView.of(job, page_link=reader.new_link())


@router.delete(
    "/{job_id}",
    response_model=JobView | ErasureView,
    responses=documented(401, 404, 422, 429, 503) | ACCEPTED,
)
async def cancel_job(
    job_id: UUID,
    state: State,
    client: Client,
    erase: Annotated[
        bool, Query(description="forget the job and all that it made; cancel it first if it lives")
    ] = False,
) -> JobView | Response:
    """Cancel a job: at once while it waits, within moments while it runs.

    One that has ended stays as it is; look at `status` in the answer. With `erase` it is removed,
    with its films, events and callbacks, and the answer counts what went (`ErasureView`).
    """
    database = state.pools.database
    if erase:
        make = database.run(request_erasure, state.engine, client, job_id=job_id)
        return await carry_out(state, await make)
    return JobView.of(await database.run(manage.cancel, state.engine, job_id, client))


@router.post("/{job_id}/redrive", status_code=202, responses=documented(401, 404, 422, 429, 503))
async def redrive_job(job: TheJob, state: State) -> JobView:
    """Run a failed job again, from what it has made so far."""
    return JobView.of(await state.pools.database.run(manage.redrive, state.engine, job.id))


async def last_event_of(
    job: SeenJob,
    state: State,
    last_event_id: Annotated[
        str | None, Header(pattern="^[0-9]{1,19}$", description="the id of an event that was sent")
    ] = None,
) -> int:
    """Return the id of the event to go on after.

    Raises
    ------
    HTTPException
        204 where nothing can follow: a browser's EventSource opens a stream that ended again and
        again until it hears that.
    """
    if last_event_id is None:
        return 0
    seen = min(int(last_event_id), 2**63 - 1)
    if job.status in _ENDED:
        now = await state.pools.database.run(read_snapshot, state.engine, job.id, seen)
        if not now.events:
            raise HTTPException(204)
    return seen


@router.get(
    "/{job_id}/events",
    response_class=EventSourceResponse,
    dependencies=[Depends(one_stream)],
    responses=documented(401, 404, 422, 429, 503)
    | {204: {"description": "the job has ended and nothing follows that event"}},
)
async def watch_job(
    job: SeenJob, state: State, seen: Annotated[int, Depends(last_event_of)]
) -> AsyncIterator[ServerSentEvent]:
    """Follow a job: its history so far, then each change and its progress, until its end.

    `Last-Event-ID` goes on after that event; `progress` has no id, only the newest counts.
    """
    sent = None
    with state.job_feeds.subscribe(job.id, seen) as subscriber:
        while True:
            change = await subscriber.next(_STILL_HERE_S)
            if change is None:
                yield ServerSentEvent(comment="still here")
                continue
            for event in change.events:
                yield ServerSentEvent(event=event.kind, id=str(event.id), data=JobChange.of(event))
            if change.status in _ENDED:
                return
            if change.progress is not None and change.progress != sent:
                sent = change.progress
                yield ServerSentEvent(event="progress", data=sent)
