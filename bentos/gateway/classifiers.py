"""From a photo's bytes to its room: the model in this process, or in a service of its own."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, Protocol

from bentos.gateway.schema import ModelStatus
from serving.errors import ModelFailed
from serving.image import Image, decode
from serving.models.local import LocalModels
from serving.models.rooms import TASK, Classified, LocalRooms
from serving.models.wire import Pixels, RoomReply
from serving.photos.classify import to_pixels


class Classifier(Protocol):
    """Whoever turns a photo's bytes into its room."""

    serving: Literal["inline", "service"]

    async def classify(self, data: bytes) -> Classified:
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

    def __init__(self, models: LocalModels, pool: ThreadPoolExecutor, max_pixels: int) -> None:
        self._models, self._rooms = models, LocalRooms(models)
        self._pool, self._max_pixels = pool, max_pixels

    async def classify(self, data: bytes) -> Classified:
        """Answer; BadImage, TooLarge, ModelUnavailable or ModelFailed if that cannot be."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._work, data)

    async def status(self) -> list[ModelStatus]:
        """Return the models that answer now."""
        return [
            ModelStatus(task=task, version=model.version, slot=model.slot, demo=model.card.demo)
            for task, model in self._models.all().items()
        ]

    def _work(self, data: bytes) -> Classified:
        size = self._models.get(TASK).card.input
        pixels = read_pixels(data, self._max_pixels, size.height, size.width)
        return _or_raise(self._rooms.classify([pixels])[0])


class ServiceClassifier:
    """Decodes here and infers in the model service, which batches over all who ask.

    The model's input size is learnt from its last answer; after a swap to another size the first
    photo is resized once more over there.
    """

    serving: Literal["inline", "service"] = "service"

    def __init__(self, service: RoomService, pool: ThreadPoolExecutor, max_pixels: int) -> None:
        self._service, self._pool, self._max_pixels = service, pool, max_pixels
        self._size = (224, 224)

    async def classify(self, data: bytes) -> Classified:
        """Answer; BadImage, TooLarge, ModelUnavailable or ModelFailed if that cannot be."""
        pixels = await asyncio.get_running_loop().run_in_executor(
            self._pool, read_pixels, data, self._max_pixels, *self._size
        )
        (reply,) = await self._service.classify([Pixels.of(pixels)])
        classified = _or_raise(reply.result())
        self._size = (classified.height, classified.width)
        return classified

    async def status(self) -> list[ModelStatus]:
        """Return the models that answer now."""
        return [await self._service.status()]


def read_pixels(data: bytes, max_pixels: int, height: int, width: int) -> Image:
    """Decode a photo no larger than needed and bring it to the model's input size."""
    return to_pixels(decode(data, max_pixels, min_side=max(height, width)), height, width)


def _or_raise(result: Classified | ModelFailed) -> Classified:
    if isinstance(result, ModelFailed):
        raise result
    return result
