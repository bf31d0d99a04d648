"""The BentoML service of any task's model, batched over whoever asks at the same time."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import bentoml
from bentoml.validators import ContentType
from prometheus_client import generate_latest

from bentos.traffic import KEEP_CONNECTIONS, QUIET, baked_models, end_with_arbiter
from serving import metrics
from serving.db.engine import open_engine
from serving.environment import read_settings
from serving.logs import open_logs
from serving.memory import bound_memory
from serving.models.loading import open_models
from serving.models.local import Models, OpenSession
from serving.models.service import answer_items, find_version
from serving.models.session import cores, open_session
from serving.models.wire import Item, PinnedVersion, Reply, VersionReply
from serving.settings import Settings
from serving.storage.objects import Storage, storage_of
from serving.tasks import AnyTask

# Named, because BentoML would work it out from the JSON schema anew for every answer (6 ms).
Replies = Annotated[list[Reply], ContentType("application/json")]
Service = Any  # BentoML's decorator makes one of a class
OpenModels = Callable[[Settings, Storage, OpenSession], Models]

TRAFFIC: dict[str, Any] = {"traffic": {"timeout": 30, "max_concurrency": 512}}


def model_service(task: AnyTask, open_held: OpenModels | None = None) -> Service:
    """Return the task's service: `/TASK/predict`, `/TASK/find`, `/measures`.

    Its path names the task, so that one address can lead to the services of all tasks.

    Parameters
    ----------
    open_held : opens the models to answer with; None: the champion's
    """
    opening = open_held or partial(_open_champion, task)

    class ModelService:
        """A task's model; the gateway shares the cores, so half of them work here."""

        def __init__(self) -> None:
            end_with_arbiter()
            bound_memory()
            settings = read_settings()
            open_logs(settings.log_level, settings.log_form)
            self._storage = storage_of(settings)
            on_half = partial(open_session, threads=max(1, cores() // 2))
            self._models = opening(settings, self._storage, on_half)

        @bentoml.api(
            batchable=True, max_batch_size=32, max_latency_ms=5000, route=f"/{task.name}/predict"
        )
        def predict(self, items: list[Item]) -> Replies:
            """Answer each item, in order; one that breaks the model fails alone."""
            metrics.MODEL_BATCH.labels(task.name).observe(len(items))
            for item in items:
                metrics.MODEL_QUEUE.labels(task.name).observe(item.waited_s())
            return answer_items(task, self._models, items, self._storage)

        @bentoml.api(route=f"/{task.name}/find")
        def find(self, pin: PinnedVersion | None = None) -> VersionReply:
            """Describe the version that answers now, or the one that is named."""
            return find_version(task, self._models, pin)

        @bentoml.api
        def measures(self) -> str:
            """Return what the model and its batches are measured by, as Prometheus reads it."""
            return generate_latest(metrics.MODELS).decode()

    return bentoml.service(ModelService, name=task.name, **TRAFFIC, **QUIET, **KEEP_CONNECTIONS)


def _open_champion(
    task: AnyTask, settings: Settings, storage: Storage, open_session: OpenSession
) -> Models:
    engine = open_engine(settings) if settings.slots == "follow" else None
    baked, tasks = baked_models(settings), {task.name: task}
    return open_models(settings, storage, engine, baked, open_session, tasks).models
