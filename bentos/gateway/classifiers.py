"""From a photo's bytes to its room: the model in this process, or in a service of its own."""

from typing import Literal, Protocol

from bentos.gateway.pools import Pool
from bentos.gateway.schema import ModelStatus
from serving.models.known import KnownRooms, find, hash_photo, or_raise, read_pixels, remember
from serving.models.local import LocalModels
from serving.models.rooms import Classified
from serving.models.wire import Pixels, RoomReply
from serving.storage.cache import Answers


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


class RoomService(Protocol):
    """`bentos.room_classifier`, as its asynchronous client shows it."""

    async def classify(self, photos: list[Pixels]) -> list[RoomReply]:
        """Answer each photo."""
        ...

    async def status(self) -> ModelStatus:
        """Return which version answers."""
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
        (reply,) = await self._service.classify([pixels])
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
        return [await self._service.status()]
