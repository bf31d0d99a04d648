"""`GET /health` and `GET /readyz` for everybody, `GET /internal/status` for who has a key."""

from fastapi import APIRouter, Depends, Request

from bentos.gateway.dependencies import State, client_of
from bentos.gateway.schema import Health, QueueStatus, Status, WorkerStatus
from bentos.problems import documented
from serving.errors import NotReady
from serving.jobs.liveness import SilenceLimits

router = APIRouter(tags=["status"])


@router.get("/health")
async def read_health() -> Health:
    """Say that the gateway answers."""
    return Health()


@router.get("/readyz", responses=documented(503))
async def read_readiness(state: State) -> Health:
    """Say that the gateway can do its work: a model answers, and so does the database.

    The database is left out where none was given: models pinned and no `DATABASE_URL`.
    """
    settings = state.settings
    wanted = settings.slots == "follow" or settings.database_url is not None
    if wanted and await state.read_queue_stats() is None:
        raise NotReady("the database does not answer")
    if not await state.predictor.status():
        raise NotReady("no model is published, and none is baked in")
    return Health()


@router.get("/internal/status", dependencies=[Depends(client_of)], responses=documented(401, 503))
async def read_status(request: Request, state: State) -> Status:
    """Say which model versions answer, what waits and who works."""
    models = await state.predictor.status()
    stats = await state.read_queue_stats()
    limits = SilenceLimits.of(state.settings)
    return Status(
        release=request.app.version,
        serving=state.predictor.serving,
        models=models,
        database=stats is not None,
        queues=[QueueStatus.of(queue) for queue in stats.queues] if stats else [],
        workers=[WorkerStatus.of(worker, limits) for worker in stats.workers] if stats else [],
    )
