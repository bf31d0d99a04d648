"""From a photo to what models say of it: in this process, or in services of their own."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol, TypeVar

import httpx
from bentoml.exceptions import BentoMLException
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bentos.gateway.gathering import Gathering
from bentos.gateway.pools import PhotoPools, Pool
from bentos.gateway.schema import ModelStatus
from serving import metrics
from serving.errors import ModelFailed, ModelUnavailable, Overloaded, StudioError
from serving.image import PhotoFile
from serving.models.cached import recall, remember
from serving.models.local import Models, ModelVersion, Pin
from serving.models.predictor import Prediction, Predictor, or_raise
from serving.models.remote import TOO_MUCH, KnownVersions, pack
from serving.models.wire import Item, PinnedVersion, Reply, VersionReply
from serving.storage.cache import Answers
from serving.task import SourceT, Task

T = TypeVar("T")
PhotoTask = Task[PhotoFile, Any]
Outcome = Prediction[Any] | StudioError

_RESTART_S, _RETRY_S = 0.3, 2.0


class PhotoPredictor(Protocol):
    """Whoever asks models about photos."""

    serving: Literal["inline", "service"]

    async def predict(self, tasks: Sequence[PhotoTask], photo: PhotoFile) -> list[Outcome]:
        """Return what each task's model says, decoding the photo once; one may fail alone."""
        ...

    def from_thread(self, loop: asyncio.AbstractEventLoop) -> Predictor:
        """Return the same models for another thread, which may wait; `loop` is the gateway's."""
        ...

    async def status(self) -> list[ModelStatus]:
        """Return the models that answer now."""
        ...

    async def measures(self) -> bytes:
        """Return what is measured of the models, as Prometheus reads it."""
        ...


class ModelService(Protocol):
    """`bentos.model_service`, as its asynchronous client shows it."""

    async def predict(self, items: list[Item]) -> list[Reply]:
        """Answer each item."""
        ...

    async def find(self, pin: PinnedVersion | None = None) -> VersionReply:
        """Return which version answers."""
        ...

    async def measures(self) -> str:
        """Return what is measured of models and batches."""
        ...


class InlinePredictor:
    """Decodes and infers in one hop to a worker thread: the cheapest way on a CPU."""

    serving: Literal["inline", "service"] = "inline"

    def __init__(
        self, models: Models, predictor: Predictor, pool: Pool, others: Pool | None = None
    ) -> None:
        self._models, self._predictor = models, predictor
        self._pools = PhotoPools(pool, others)

    async def predict(self, tasks: Sequence[PhotoTask], photo: PhotoFile) -> list[Outcome]:
        """Return what each task's model says, decoding the photo once; one may fail alone."""
        return await self._pools.of(photo).run(self._predict, tasks, photo)

    def _predict(self, tasks: Sequence[PhotoTask], photo: PhotoFile) -> list[Outcome]:
        try:
            return [self._predict_one(task, photo) for task in tasks]
        finally:
            photo.release()

    def _predict_one(self, task: PhotoTask, photo: PhotoFile) -> Outcome:
        try:
            return self._predictor.predict(task, [photo])[0]
        except ModelUnavailable as error:
            return error

    def from_thread(self, loop: asyncio.AbstractEventLoop) -> Predictor:
        """Return the models of this process: they may be asked by any thread."""
        del loop
        return self._predictor

    async def status(self) -> list[ModelStatus]:
        """Return the models that answer now."""
        return [_status_of(model) for model in self._models.all().values()]

    async def measures(self) -> bytes:
        """Return what is measured of the models, as Prometheus reads it."""
        return generate_latest(metrics.MODELS)


class ServicePredictor:
    """Decodes here and infers in the model services, which batch over all who ask.

    Each request names the version that it was prepared for: the one that the service said a moment
    ago answers now. One that the service no longer has is asked for anew, once.

    Parameters
    ----------
    services : by the name of the task
    fresh_s : for how long it counts that a version answers now
    requests : to each service at once, each with all items that wait
    """

    serving: Literal["inline", "service"] = "service"

    def __init__(
        self,
        services: Mapping[str, ModelService],
        answers: Answers | None,
        pool: Pool,
        others: Pool | None = None,
        fresh_s: float = 2.0,
        requests: int = 1,
    ) -> None:
        self._services, self._answers = services, answers
        self._gathered = {
            task: Gathering[Item, Reply](partial(_predict, service), at_once=requests)
            for task, service in services.items()
        }
        self._pools, self._versions = PhotoPools(pool, others), KnownVersions(fresh_s)
        self._finding = {task: asyncio.Lock() for task in services}

    async def predict(self, tasks: Sequence[PhotoTask], photo: PhotoFile) -> list[Outcome]:
        """Return what each task's model says, decoding the photo once; one may fail alone."""
        asked = [(task, await self._find(task.name)) for task in tasks]
        ready = await self._pools.of(photo).run(self._prepare, asked, photo)
        answering = (self._answer(task, photo, r) for task, r in zip(tasks, ready, strict=True))
        return list(await asyncio.gather(*answering))

    def _prepare(
        self, asked: Sequence[tuple[PhotoTask, ModelVersion | StudioError]], photo: PhotoFile
    ) -> list["Outcome | _Ready"]:
        try:
            return [self._prepare_one(task, version, photo) for task, version in asked]
        finally:
            photo.release()

    def _prepare_one(
        self, task: Task[SourceT, Any], version: ModelVersion | StudioError, photo: SourceT
    ) -> "Outcome | _Ready":
        if isinstance(version, StudioError):
            return version
        known = recall(self._answers, task, photo, version)
        if known is not None:
            return known
        item = pack(task, [photo], version)[0]
        return _Ready(version, item) if isinstance(item, Item) else item

    async def _answer(
        self, task: PhotoTask, photo: PhotoFile, ready: "Outcome | _Ready"
    ) -> Outcome:
        if not isinstance(ready, _Ready):
            return ready
        result = await self._ask(task, ready)
        if isinstance(result, ModelUnavailable):
            self._versions.forget(task.name)
            now = await self._find(task.name)
            if isinstance(now, ModelVersion) and now.identity != ready.version.identity:
                again = await self._pools.of(photo).run(self._prepare_one, task, now, photo)
                result = await self._ask(task, again) if isinstance(again, _Ready) else again
        remember(self._answers, task, photo, result)
        return result

    async def _ask(self, task: Task[Any, Any], ready: "_Ready") -> Outcome:
        try:
            ask = partial(self._gathered[task.name], [ready.item])
            (reply,) = await _asked(task.name, ask)
            return reply.result(task, ready.version, ready.item.prepared())
        except StudioError as error:
            return error

    async def _find(self, task: str) -> ModelVersion | StudioError:
        """Return the version that answers now, asked for by one request at a time."""
        if task not in self._services:
            return ModelUnavailable(task, "no service runs it")
        known = self._versions.get(task, None)
        if known is not None:
            return known
        try:
            async with self._finding[task]:
                known = self._versions.get(task, None)
                if known is None:
                    reply = await _asked(task, self._services[task].find)
                    known = _version_of(task, reply)
                    self._versions.put(task, None, known)
                return known
        except StudioError as error:
            return error

    def from_thread(self, loop: asyncio.AbstractEventLoop) -> Predictor:
        """Return the services for another thread, which may wait; `loop` is the gateway's."""
        return _FromThread(self, loop)

    def ask_from_thread(
        self, task: Task[SourceT, Any], source: SourceT, version: ModelVersion, run: "_Run"
    ) -> Outcome:
        """Ask about anything that is no photo; `run` waits for what happens in the loop."""
        ready = self._prepare_one(task, version, source)
        if not isinstance(ready, _Ready):
            return ready
        result: Outcome = run(self._ask(task, ready))
        if isinstance(result, ModelUnavailable):
            self._versions.forget(task.name)
        remember(self._answers, task, source, result)
        return result

    async def find(self, task: Task[Any, Any], pin: Pin | None = None) -> ModelVersion:
        """Return the version that answers now, or the one that was pinned; ModelUnavailable."""
        if pin is None:
            return or_raise(await self._find(task.name))
        known = self._versions.get(task.name, pin)
        if known is None:
            ask = partial(self._services[task.name].find, PinnedVersion(**pin))
            known = (await _asked(task.name, ask)).version(task.name)
            self._versions.put(task.name, pin, known)
        return or_raise(known)

    async def status(self) -> list[ModelStatus]:
        """Return the models that answer now."""
        found = [await self._find(task) for task in self._services]
        return [_status_of(version) for version in found if isinstance(version, ModelVersion)]

    async def measures(self) -> bytes:
        """Return what the services measure; nothing of those that do not answer."""
        texts = []
        for task, service in self._services.items():
            with contextlib.suppress(ModelUnavailable, ModelFailed, Overloaded):
                texts.append(await _asked(task, service.measures))
        if len(texts) < 2:
            return "".join(texts).encode()
        registry = CollectorRegistry()
        registry.register(_Families(texts))
        return generate_latest(registry)


class _Run(Protocol):
    """Waits in a thread for what happens in the gateway's loop."""

    def __call__(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what the work returns."""
        ...


class _FromThread:
    """The model services, for a thread that waits for the gateway's loop; a `Predictor`."""

    def __init__(self, services: ServicePredictor, loop: asyncio.AbstractEventLoop) -> None:
        self._services, self._loop = services, loop

    def find(self, task: Task[Any, Any], pin: Pin | None = None) -> ModelVersion:
        """Return the version that answers now, or the one that was pinned; ModelUnavailable."""
        return self._run(self._services.find(task, pin))

    def predict(
        self, task: Task[Any, Any], sources: Sequence[Any], version: ModelVersion | None = None
    ) -> list[Outcome]:
        """Answer each source, in order; one that cannot be read or breaks the model fails alone."""
        version = version or self.find(task)
        return [self._services.ask_from_thread(task, s, version, self._run) for s in sources]

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@dataclass(frozen=True)
class _Ready:
    """A photo as a version's input."""

    version: ModelVersion
    item: Item


class _Families:
    """What several services measure, each metric with the samples of all."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._found: dict[str, Metric] = {}
        for text in texts:
            for family in text_string_to_metric_families(text):
                same = self._found.setdefault(family.name, family)
                if same is not family:
                    same.samples += family.samples

    def collect(self) -> Iterable[Metric]:
        """Give each metric once, as Prometheus wants it."""
        return self._found.values()


def _version_of(task: str, reply: VersionReply) -> ModelVersion | ModelUnavailable:
    try:
        return reply.version(task)
    except ModelUnavailable as error:
        return error


def _status_of(model: ModelVersion) -> ModelStatus:
    card = model.card
    return ModelStatus(task=card.task, version=model.version, slot=model.slot, demo=card.demo)


async def _predict(service: ModelService, items: list[Item]) -> list[Reply]:
    # BentoML's client learns its methods only when it is first asked
    return await service.predict(items)


async def _asked(task: str, ask: Callable[[], Awaitable[T]]) -> T:
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
        raise ModelUnavailable(task, "the model service does not answer") from error
    except BentoMLException as error:
        if error.error_code in TOO_MUCH:
            said = "the model service has more to do than it can"
            raise Overloaded(said, _RETRY_S) from error
        raise ModelFailed(f"the model service answers {error.error_code}") from error
