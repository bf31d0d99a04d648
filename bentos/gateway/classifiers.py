"""From a photo's bytes to its room: the model in this process, or in a service of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal, Protocol, TypeVar

import httpx
from bentoml.exceptions import BentoMLException
from prometheus_client import generate_latest

from bentos.gateway.pools import Pool
from bentos.gateway.schema import ModelStatus
from serving import metrics
from serving.errors import ModelFailed, ModelUnavailable, Overloaded
from serving.image import hash_photo
from serving.models.known import KnownRooms, find, or_raise, read_pixels, remember
from serving.models.local import LocalModels
from serving.models.remote import TOO_MUCH
from serving.models.rooms import TASK, Classified
from serving.models.wire import Pixels, RoomReply
from serving.storage.cache import Answers

T = TypeVar("T")

_RESTART_S, _RETRY_S = 0.3, 2.0


def _pool_for(data: bytes, jpegs: Pool, others: Pool) -> Pool:
    """Keep what is decoded elsewhere, or waits for much memory, out of the way of JPEGs."""
    return jpegs if data.startswith(b"\xff\xd8") else others


class Classifier(Protocol):
    """Whoever turns a photo's bytes into its room."""

    serving: Literal["inline", "service"]

    async def classify(self, data: bytes, sha256: str | None = None) -> Classified:
        """Answer; BadImage, TooLarge, ModelUnavailable or ModelFailed if that cannot be."""
        ...

    async def status(self) -> list[ModelStatus]:
        """Return the models that answer now."""
        ...

    async def measures(self) -> bytes:
        """Return what is measured of the models, as Prometheus reads it."""
        ...


class RoomService(Protocol):
    """`bentos.room_classifier`, as its asynchronous client shows it."""

    async def classify(self, photos: list[Pixels]) -> list[RoomReply]:
        """Answer each photo."""
        ...

    async def status(self) -> ModelStatus:
        """Return which version answers."""
        ...

    async def measures(self) -> str:
        """Return what is measured of models and batches."""
        ...


class InlineClassifier:
    """Decodes and infers in one hop to a worker thread: the cheapest way on a CPU."""

    serving: Literal["inline", "service"] = "inline"

    def __init__(
        self, models: LocalModels, rooms: KnownRooms, pool: Pool, others: Pool | None = None
    ) -> None:
        self._models, self._rooms = models, rooms
        self._pool, self._others = pool, others or pool

    async def classify(self, data: bytes, sha256: str | None = None) -> Classified:
        """Answer; BadImage, TooLarge, ModelUnavailable or ModelFailed if that cannot be."""
        pool = _pool_for(data, self._pool, self._others)
        return await pool.run(self._rooms.classify, data, None, sha256)

    async def status(self) -> list[ModelStatus]:
        """Return the models that answer now."""
        return [
            ModelStatus(task=task, version=model.version, slot=model.slot, demo=model.card.demo)
            for task, model in self._models.all().items()
        ]

    async def measures(self) -> bytes:
        """Return what is measured of the models, as Prometheus reads it."""
        return generate_latest(metrics.MODELS)


class ServiceClassifier:
    """Decodes here and infers in the model service, which batches over all who ask.

    The model's input size is learnt from its last answer; after a swap to another size the first
    photo is resized once more over there.
    """

    serving: Literal["inline", "service"] = "service"

    def __init__(
        self,
        service: RoomService,
        answers: Answers | None,
        pool: Pool,
        max_pixels: int,
        others: Pool | None = None,
    ) -> None:
        self._service, self._answers = service, answers
        self._pool, self._others, self._max_pixels = pool, others or pool, max_pixels
        self._identity, self._size = "", (224, 224)

    async def classify(self, data: bytes, sha256: str | None = None) -> Classified:
        """Answer; BadImage, TooLarge, ModelUnavailable or ModelFailed if that cannot be."""
        pool = _pool_for(data, self._pool, self._others)
        ready = await pool.run(self._prepare, data, sha256)
        if isinstance(ready, Classified):
            return ready
        sha256, pixels = ready
        (reply,) = await _asked(partial(self._service.classify, [pixels]))
        classified = or_raise(reply.result())
        self._identity, self._size = classified.identity, (classified.height, classified.width)
        remember(self._answers, sha256, classified)
        return classified

    def _prepare(self, data: bytes, sha256: str | None) -> Classified | tuple[str, Pixels]:
        sha256 = sha256 or (hash_photo(data) if self._answers else "")
        known = find(self._answers, sha256, self._identity)
        return known or (sha256, Pixels.of(read_pixels(data, self._max_pixels, *self._size)))

    async def status(self) -> list[ModelStatus]:
        """Return the models that answer now."""
        try:
            return [await _asked(self._service.status)]
        except (ModelUnavailable, ModelFailed, Overloaded):
            return []

    async def measures(self) -> bytes:
        """Return what the service measures; nothing while it does not answer."""
        try:
            return (await _asked(self._service.measures)).encode()
        except (ModelUnavailable, ModelFailed, Overloaded):
            return b""


async def _asked(ask: Callable[[], Awaitable[T]]) -> T:
    """Return what the model service answers, asked once more if its connection broke.

    Raises
    ------
    Overloaded
        It has more to do than it can in time.
    ModelUnavailable
        It does not answer, or has no model.
    ModelFailed
        It broke.
    """
    try:
        try:
            return await ask()
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            await asyncio.sleep(_RESTART_S)  # perhaps it begins anew
            return await ask()
    except httpx.TimeoutException as error:
        raise Overloaded("the model service does not answer in time", _RETRY_S) from error
    except httpx.HTTPError as error:
        raise ModelUnavailable(TASK, "the model service does not answer") from error
    except BentoMLException as error:
        if error.error_code in TOO_MUCH:
            said = "the model service has more to do than it can"
            raise Overloaded(said, _RETRY_S) from error
        raise ModelFailed(f"the model service answers {error.error_code}") from error
