"""`POST /internal/webhooks/test`: whether callbacks arrive, tried with one that says nothing."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from bentos.gateway.dependencies import State, client_of
from bentos.problems import documented
from serving.jobs.receiver_check import check_receiver

router = APIRouter(prefix="/internal/webhooks", tags=["webhooks"])

_WAKE_S = 5.0  # a worker that is told looks at once; one that is not, every two seconds


class WebhookTest(BaseModel):
    """What the backend answered to the test event."""

    model_config = ConfigDict(from_attributes=True)

    delivery_id: str = Field(description="the `webhook-id` that was sent", examples=["msg_5f1c…"])
    delivered: bool = Field(description="whether it was answered with 2xx")
    status: int | None = Field(description="that was answered; null: nothing was", examples=[204])
    error: str | None = Field(description="what went wrong")
    took_s: float | None = Field(description="of the whole exchange", examples=[0.012])


@router.post("/test", responses=documented(401, 429, 503))
async def send_test_event(
    request: Request, state: State, client: Annotated[str, Depends(client_of)]
) -> WebhookTest:
    """Send the event `test`, signed, to `{BACKEND_URL}/webhooks/test` and say what came back.

    It goes the way of every callback, through the outbox and a worker, but is tried once only. Six
    times a minute at most.
    """
    state.receiver_checks.count(client, request.scope)
    wait_s = state.settings.webhook_timeout_s + _WAKE_S
    return WebhookTest.model_validate(
        await state.pools.callbacks.run(check_receiver, state.engine, client, wait_s)
    )
