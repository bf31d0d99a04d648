"""Models behind plain HTTP: the same predictor, answered by model services."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import httpx
from cachetools import LRUCache
from pydantic import TypeAdapter, ValidationError

from serving.errors import ModelUnavailable, StudioError
from serving.models.local import ModelVersion, Pin
from serving.models.predictor import Prediction, Prepared, prepare
from serving.models.slots import Published
from serving.models.wire import Item, PinnedVersion, Reply, VersionReply
from serving.task import Answer, SourceT, Task

T = TypeVar("T")

# how a service says that more is waiting than can be answered in time
TOO_MUCH = (429, 503, 504)

_JSON = {"Content-Type": "application/json"}
_KEPT = 64
_PredictRequest = TypeAdapter(dict[str, list[Item]])
_FindRequest = TypeAdapter(dict[str, PinnedVersion | None])
_Replies = TypeAdapter(list[Reply])


class KnownVersions:
    """What model services said of their versions; which one answers now is asked again soon.

    Parameters
    ----------
    fresh_s : for how long it counts that a version answers now
    """

    def __init__(self, fresh_s: float) -> None:
        self._fresh_s, self._lock = fresh_s, threading.Lock()
        self._now: dict[str, tuple[float, ModelVersion | ModelUnavailable]] = {}
        self._pinned: LRUCache[tuple[str, str], ModelVersion] = LRUCache(_KEPT)

    def get(self, task: str, pin: Pin | None) -> ModelVersion | ModelUnavailable | None:
        """Return the version, or that the service has none; None if it has to be asked for."""
        with self._lock:
            if pin:
                return self._pinned.get((task, Published.pinned(task, pin).identity))
            asked_at, version = self._now.get(task, (float("-inf"), None))
            return version if time.monotonic() - asked_at < self._fresh_s else None

    def put(self, task: str, pin: Pin | None, version: ModelVersion | ModelUnavailable) -> None:
        """Remember a version, or for a while that the service has none to answer now."""
        with self._lock:
            if isinstance(version, ModelUnavailable):
                self._now[task] = time.monotonic(), version
                return
            self._pinned[task, version.identity] = version
            if not pin:
                self._now[task] = time.monotonic(), version

    def forget(self, task: str) -> None:
        """Forget which version answers now."""
        with self._lock:
            self._now.pop(task, None)


def pack(
    task: Task[SourceT, Answer], sources: Sequence[SourceT], version: ModelVersion
) -> list[Item | StudioError]:
    """Prepare the sources for that version; of those that cannot be read, say why."""
    prepared = (prepare(task, source, version) for source in sources)
    return [Item.of(p, version) if isinstance(p, Prepared) else p for p in prepared]


def unpack(
    task: Task[SourceT, Answer],
    items: Sequence[Item | StudioError],
    replies: Sequence[Reply],
    version: ModelVersion,
) -> list[Prediction[Answer] | StudioError]:
    """Put the replies to the items where these stood; ModelUnavailable if the service says so."""
    answers = iter(replies)
    return [
        item
        if isinstance(item, StudioError)
        else next(answers).result(task, version, item.prepared())
        for item in items
    ]


class RemotePredictor:
    """Asks the model services below `url`: `/TASK/predict` and `/TASK/find`.

    Each request names the version that is to answer: the one that was pinned, or the one that the
    service said a moment ago answers now. A service that begins anew, or has more to do than it
    can, is asked again, later each time.

    Parameters
    ----------
    waits_s : between the tries
    """

    def __init__(
        self,
        url: str,
        timeout_s: float = 30.0,
        waits_s: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
        fresh_s: float = 2.0,
    ) -> None:
        self._client = httpx.Client(base_url=url, timeout=timeout_s)
        self._waits_s, self._versions = waits_s, KnownVersions(fresh_s)

    def find(self, task: Task[SourceT, Answer], pin: Pin | None = None) -> ModelVersion:
        """Return the version that answers now, or the one that was pinned; ModelUnavailable."""
        known = self._versions.get(task.name, pin)
        if isinstance(known, ModelVersion):
            return known
        wanted = PinnedVersion(**pin) if pin else None
        body = _FindRequest.dump_json({"pin": wanted})
        reply = self._post(task.name, "find", body, VersionReply.model_validate_json)
        version = reply.version(task.name)
        self._versions.put(task.name, pin, version)
        return version

    def predict(
        self,
        task: Task[SourceT, Answer],
        sources: Sequence[SourceT],
        version: ModelVersion | None = None,
    ) -> list[Prediction[Answer] | StudioError]:
        """Answer each source, in order; one that cannot be read or breaks the model fails alone."""
        model = version or self.find(task)
        items = pack(task, sources, model)
        asked = [item for item in items if isinstance(item, Item)]
        if not asked:
            return unpack(task, items, [], model)
        body = _PredictRequest.dump_json({"items": asked})
        replies = self._post(task.name, "predict", body, _Replies.validate_json)
        try:
            return unpack(task, items, replies, model)
        except ModelUnavailable:
            self._versions.forget(task.name)
            raise

    def _post(self, task: str, path: str, body: bytes, read: Callable[[bytes], T]) -> T:
        error = "it was not asked"
        for wait_s in (*self._waits_s, None):
            try:
                answer = self._client.post(f"/{task}/{path}", content=body, headers=_JSON)
                if answer.status_code not in TOO_MUCH:
                    return read(answer.raise_for_status().content)
                error = f"it has more to do than it can ({answer.status_code})"
            except (httpx.NetworkError, httpx.RemoteProtocolError) as broken:
                error = str(broken) or type(broken).__name__
            except (httpx.HTTPError, ValidationError) as other:
                raise ModelUnavailable(task, str(other) or type(other).__name__) from other
            if wait_s is not None:
                time.sleep(wait_s)
        raise ModelUnavailable(task, error)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
