"""`POST /internal/models/{task}/rollback`: an operator takes a model version back, at once."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from bentos.gateway import media_types
from bentos.gateway.bodies import JSON_BYTES, read_body
from bentos.gateway.dependencies import State, client_of
from bentos.gateway.document import body_of
from bentos.problems import documented, parse_body
from serving.errors import NotPermitted, UnknownTask
from serving.models.routing import CHALLENGER
from serving.operations.rollback import roll_back
from serving.requests.base import NO_NUL
from serving.tasks import TASKS

router = APIRouter(prefix="/internal/models", tags=["models"])

_SLOT = r"^(champion|challenger|arm-[A-Za-z0-9._-]+)$"


class RollbackRequest(BaseModel):
    """Which version is to be taken back, and why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(
        min_length=1,
        max_length=1000,
        pattern=NO_NUL,
        description="kept with the version, for whoever wonders later",
        examples=["kitchens became pools"],
    )
    slot: str = Field(
        CHALLENGER,
        pattern=_SLOT,
        max_length=100,
        description="`challenger`: it answers nobody any more, and what it answered is answered "
        "again; `champion`: the champion before answers instead; `arm-NAME` of an experiment",
    )
    version: str | None = Field(
        None,
        max_length=50,
        pattern=NO_NUL,
        description="if given, nothing happens unless the slot holds this one; repeating the "
        "request is safe",
        examples=["7"],
    )


class RollbackResult(BaseModel):
    """What was taken back."""

    model_config = ConfigDict(from_attributes=True)

    task: str
    slot: str
    version: str = Field(description="the version that answers no more")
    target: str | None = Field(description="the version that answers instead of a champion")


async def operator_of(state: State, client: Annotated[str, Depends(client_of)]) -> str:
    """Return the client whose key was sent, if it may do what operators do.

    Raises
    ------
    NotPermitted
        It is not named in `OPERATOR_CLIENTS` (403).
    """
    if client not in state.settings.operator_clients:
        raise NotPermitted(f"the client '{client}' is none of OPERATOR_CLIENTS")
    return client


@router.post(
    "/{task}/rollback",
    responses=documented(401, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=body_of(json=RollbackRequest),
)
async def roll_back_model(
    request: Request,
    task: Annotated[str, Path(max_length=200, pattern=NO_NUL)],
    state: State,
    operator: Annotated[str, Depends(operator_of)],
) -> RollbackResult:
    """Take a model version back, within seconds and without the registry.

    For the keys of `OPERATOR_CLIENTS` only. Gateways and workers follow as fast as they hear of any
    other change of models; the registry's aliases follow when it can be reached.
    """
    media_types.check_media_type(request, media_types.JSON)
    wanted = parse_body(RollbackRequest, await read_body(request, JSON_BYTES))
    if task not in TASKS:
        raise UnknownTask(task)
    take_back = partial(
        roll_back, state.engine, task, wanted.slot, wanted.reason, operator, wanted.version
    )
    return RollbackResult.model_validate(await state.pools.database.run(take_back))
