"""`GET /health` for everybody, `GET /internal/status` for who has a key."""

from fastapi import APIRouter, Depends, Request

from bentos.gateway.doors import Opened, client_of
from bentos.gateway.schema import Health, Status
from bentos.problems import documented

router = APIRouter(tags=["status"])


@router.get("/health")
async def health() -> Health:
    """Say that the gateway answers."""
    return Health()


@router.get("/internal/status", dependencies=[Depends(client_of)], responses=documented(401, 503))
async def status(request: Request, doors: Opened) -> Status:
    """Say which model versions answer, and how."""
    models = await doors.classifier.status()
    return Status(release=request.app.version, serving=doors.classifier.serving, models=models)
