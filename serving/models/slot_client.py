"""How the process of a slot is asked, over HTTP."""

from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import TypeAdapter, ValidationError

from serving.errors import ModelUnavailable, NotFinite, StudioError
from serving.models.fallback import Broken, Reason
from serving.models.local import ModelVersion
from serving.models.plausible import NOT_FINITE, fault_of
from serving.models.predictor import Prediction, Prepared
from serving.models.slot_address import SlotAddress
from serving.models.wire import Item, PinnedVersion, Reply, VersionReply
from serving.tasks import AnyTask

_HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
_PredictRequest = TypeAdapter(dict[str, list[Item]])
_FindRequest = TypeAdapter(dict[str, PinnedVersion])
_Replies = TypeAdapter(list[Reply])
# large maps and pictures lie in the object storage, and only their keys are in a reply
_REPLY_BYTES = 4 * 2**20
# a socket is opened in no time, and one that was idle may have been closed under way
_KEEP_ALIVE_S = 2.0


@dataclass(frozen=True)
class Question:
    """A source for a version; `beside`: nobody waits for the answer."""

    task: AnyTask
    version: ModelVersion
    prepared: Prepared
    beside: bool
    asked_at: float


def client_of(address: SlotAddress, connections: int) -> httpx.AsyncClient:
    """Return a client that keeps at most so many connections."""
    socket = str(address.socket) if address.socket is not None else None
    limits = httpx.Limits(max_connections=connections, keepalive_expiry=_KEEP_ALIVE_S)
    return httpx.AsyncClient(
        base_url=address.url,
        timeout=None,  # the whole question has a deadline
        trust_env=False,
        transport=httpx.AsyncHTTPTransport(
            # reading the certificates of all authorities takes longer than an answer
            verify=address.url.startswith("https:"),
            uds=socket,
            limits=limits,
        ),
    )


async def predict(client: httpx.AsyncClient, question: Question) -> Prediction[Any]:
    """Return what the version answers; Broken."""
    item = Item.of(question.prepared, question.version)
    body = _PredictRequest.dump_json({"items": [item]})
    return _read(question, await _post(client, f"/{question.task.name}/predict", body))


async def find(client: httpx.AsyncClient, question: Question) -> None:
    """Ask whether the version is there, without its model: a process that loads says nothing."""
    pin = PinnedVersion(**question.version.pin)
    body = _FindRequest.dump_json({"pin": pin})
    found = await _post(client, f"/{question.task.name}/find", body)
    try:
        VersionReply.model_validate_json(found).version(question.task.name)
    except (ModelUnavailable, ValidationError) as error:
        raise Broken(Reason.UNAVAILABLE, str(error)) from error


async def _post(client: httpx.AsyncClient, path: str, body: bytes) -> bytes:
    """Return what the service answers; asked once: what broke it would break it again."""
    try:
        return await _post_once(client, path, body)
    except httpx.ConnectError as error:
        raise Broken(Reason.UNAVAILABLE, str(error)) from error
    except httpx.HTTPError as error:
        raise Broken(Reason.ERROR, str(error) or type(error).__name__) from error


async def _post_once(client: httpx.AsyncClient, path: str, body: bytes) -> bytes:
    request = client.build_request("POST", path, content=body, headers=_HEADERS)
    answer = await client.send(request, stream=True)
    try:
        if answer.status_code != httpx.codes.OK:
            raise Broken(Reason.ERROR, f"it answers {answer.status_code}")
        content = bytearray()
        async for chunk in answer.aiter_raw():
            content += chunk
            if len(content) > _REPLY_BYTES:
                raise Broken(Reason.TOO_LARGE, f"it answers with more than {_REPLY_BYTES} bytes")
        return bytes(content)
    finally:
        await answer.aclose()


def _read(question: Question, content: bytes) -> Prediction[Any]:
    """Return what a reply says, if it is an answer of the version that was asked; Broken."""
    version = question.version
    try:
        (reply,) = _Replies.validate_json(content)
        if reply.error is None and reply.identity != version.identity:
            raise Broken(Reason.WRONG_VERSION, f"{reply.identity or 'nobody'} answered")
        result = reply.result(question.task, version, question.prepared)
    except ModelUnavailable as error:
        raise Broken(Reason.UNAVAILABLE, error.reason) from error
    except ValidationError as error:
        raise Broken(Reason.NONSENSE, f"{error.error_count()} parts are no answer") from error
    except ValueError as error:  # not one reply
        raise Broken(Reason.NONSENSE, str(error)) from error
    if isinstance(result, StudioError):
        reason = Reason.NOT_FINITE if isinstance(result, NotFinite) else Reason.ERROR
        raise Broken(reason, str(result))
    fault = fault_of(result.answer, version.card)
    if fault is not None:
        reason = Reason.NOT_FINITE if fault == NOT_FINITE else Reason.NONSENSE
        raise Broken(reason, "its answer is none")
    return result
