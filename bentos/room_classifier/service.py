"""The room classifier as a service of its own, batched over whoever asks at the same time."""

from functools import partial
from typing import Annotated

import bentoml
from bentoml.validators import ContentType
from prometheus_client import generate_latest

from bentos.gateway.schema import ModelStatus
from bentos.traffic import KEEP_CONNECTIONS, QUIET, baked_models, end_with_arbiter
from serving import metrics
from serving.db.engine import open_engine
from serving.environment import read_settings
from serving.errors import ModelUnavailable
from serving.logs import open_logs
from serving.memory import bound_memory
from serving.models.local import Models
from serving.models.opening import open_models
from serving.models.rooms import TASK, LocalRooms
from serving.models.session import cores, open_session
from serving.models.wire import Pixels, RoomReply
from serving.storage.objects import storage_of

# Named, because BentoML would work it out from the JSON schema anew for every answer (6 ms).
Replies = Annotated[list[RoomReply], ContentType("application/json")]


@bentoml.service(traffic={"timeout": 30, "max_concurrency": 512}, **QUIET, **KEEP_CONNECTIONS)
class RoomClassifier:
    """Rooms of photos; the gateway shares the cores, so half of them work here."""

    def __init__(self) -> None:
        end_with_arbiter()
        bound_memory()
        settings = read_settings()
        open_logs(settings.log_level, settings.log_form)
        self._models = self.open()
        self._rooms = LocalRooms(self._models)

    def open(self) -> Models:
        """Return the models to answer with."""
        settings = read_settings()
        engine = open_engine(settings) if settings.slots == "follow" else None
        on_half = partial(open_session, threads=max(1, cores() // 2))
        storage = storage_of(settings)
        return open_models(settings, storage, engine, baked_models(settings), on_half).models

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=5000)
    def classify(self, photos: list[Pixels]) -> Replies:
        """Pixels (n photos) to rooms (n), in order; a photo that breaks the model fails alone."""
        metrics.MODEL_BATCH.labels(TASK).observe(len(photos))
        for photo in photos:
            metrics.MODEL_QUEUE.labels(TASK).observe(photo.waited_s())
        try:
            results = self._rooms.classify([photo.image() for photo in photos])
        except ModelUnavailable as error:  # no fault of the service's own
            return [RoomReply(error=error.reason, unavailable=True)] * len(photos)
        return [RoomReply.of(result) for result in results]

    @bentoml.api
    def measures(self) -> str:
        """Return what the model and its batches are measured by, as Prometheus reads it."""
        return generate_latest(metrics.MODELS).decode()

    @bentoml.api
    def status(self) -> ModelStatus:
        """Return which version answers."""
        model = self._models.get(TASK)
        return ModelStatus(task=TASK, version=model.version, slot=model.slot, demo=model.card.demo)
