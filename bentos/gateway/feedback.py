"""`POST /internal/feedback`: what people say of answers."""

import contextlib
from dataclasses import replace
from typing import Self

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, RootModel

from bentos.gateway import media_types
from bentos.gateway.accept import CurrentCaller
from bentos.gateway.bodies import JSON_BYTES, read_body
from bentos.gateway.dependencies import GatewayState, State
from bentos.gateway.document import body_of
from bentos.problems import documented, parse_body
from serving.errors import BadInput, StudioError
from serving.image import hash_photo
from serving.models.feedback import Said, Stored, photos_without_answer, store_feedback
from serving.problems import Problem, problem_of
from serving.requests.feedback import FeedbackItem, FeedbackRequest
from serving.storage.references import is_external
from serving.tasks import TASKS

# photos are read one after the other; of more, the client can tell the content
_READ_AT_MOST = 50

router = APIRouter(prefix="/internal", tags=["feedback"])


class FeedbackBody(RootModel[FeedbackRequest | FeedbackItem]):
    """What is said of one answer, or of many in `items`."""


class FeedbackResult(BaseModel):
    """What was stored of an item, and which answer it was about; `error`: nothing was."""

    task: str
    photo: str | None
    content_sha256: str | None = None
    version: str | None = Field(
        None, description="that answered; null while only a sample of answers is kept"
    )
    slot: str | None = None
    answered: str | None = Field(None, description="the label that it answered")
    accepted: bool | None = None
    repeated: bool = Field(False, description="this was said before and is stored once")
    error: Problem | None = None

    @classmethod
    def of(cls, item: FeedbackItem, result: Stored | StudioError) -> Self:
        """Put a result into the wire's shape."""
        if isinstance(result, StudioError):
            return cls(task=item.task, photo=item.photo, error=problem_of(result))
        return cls(task=item.task, photo=item.photo, **vars(result))


class FeedbackAnswer(BaseModel):
    """One result per item, in the order sent."""

    results: list[FeedbackResult]


@router.post(
    "/feedback",
    response_model=FeedbackAnswer,
    responses=documented(401, 404, 413, 415, 422, 429, 503),
    openapi_extra=body_of(
        json=FeedbackBody,
        example={"task": "room-classifier", "photo": "listings/42/bath.jpg", "correct": "kitchen"},
    ),
)
async def give_feedback(request: Request, state: State, caller: CurrentCaller) -> Response:
    """Say which answers were right and what the others should have been.

    An item names the photo as it was asked about, or the SHA-256 of its bytes, and says what is
    `correct` or whether the answer is `accepted`. It is joined to the last answer that you got
    about that photo, or to that of a job or a listing. One item that cannot be joined is `404`;
    among several it has an `error` beside the others' results. Repeat without fear: the same said
    again, or with the same `Idempotency-Key`, is stored once.
    """
    media_types.check_media_type(request, media_types.JSON)
    body = parse_body(FeedbackBody, await read_body(request, JSON_BYTES)).root
    items = body.items if isinstance(body, FeedbackRequest) else [body]
    _check_tasks(items)
    await state.mark_uploads_used(caller.client, [item.photo for item in items if item.photo])
    said = await _with_contents(Said(caller.client, items, caller.idempotency_key), state)
    results = await state.pools.database.run(store_feedback, state.engine, said)
    if isinstance(body, FeedbackItem) and isinstance(results[0], StudioError):
        raise results[0]
    answer = [FeedbackResult.of(*pair) for pair in zip(items, results, strict=True)]
    content = FeedbackAnswer(results=answer).model_dump_json()
    return Response(content, media_type="application/json")


def _check_tasks(items: list[FeedbackItem]) -> None:
    unknown = sorted({item.task for item in items} - TASKS.keys())
    if unknown:
        raise BadInput(f"there is no task '{unknown[0]}'; there are {', '.join(sorted(TASKS))}")


async def _with_contents(said: Said, state: GatewayState) -> Said:
    """Tell the content of photos in our storage that no answer names."""
    missing = await state.pools.database.run(photos_without_answer, state.engine, said)
    contents = {}
    for photo in missing[:_READ_AT_MOST]:
        if is_external(photo, state.storage):
            continue
        with contextlib.suppress(StudioError):  # it is gone; then nothing is known of it
            async with state.turn(photo):
                contents[photo] = hash_photo(await state.read(photo))
    return replace(said, contents=contents)
