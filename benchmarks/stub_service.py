"""The room classifier's own service around a model whose cost is known: 20 ms + 1 ms per photo.

`STUB_BATCHED=0` takes the batching away, and nothing else. A photo whose first pixel is magenta
breaks the model.
"""

import os
import threading
import time
from typing import Any

import bentoml
import numpy as np

from bentos.model_service import Replies, model_service
from bentos.traffic import KEEP_CONNECTIONS, QUIET
from serving.card import Classes, ModelCard
from serving.errors import ModelFailed
from serving.models.local import Loaded, Pin
from serving.models.wire import Item
from serving.photos.classify import ROOM_CLASSIFIER
from serving.settings import Settings
from serving.task import Inputs, Outputs

FIXED_S, PER_PHOTO_S = 0.020, 0.001
POISON = (255, 0, 255)


class StubSession:
    """One device: batches wait for each other. The logits tell the photo's first red value."""

    def __init__(self, labels: int) -> None:
        self._labels, self._device = labels, threading.Lock()

    def __call__(self, inputs: Inputs) -> Outputs:
        """Sleep, then answer; ModelFailed if any photo is poisoned."""
        pixels = inputs["pixels"]
        with self._device:
            time.sleep(FIXED_S + PER_PHOTO_S * len(pixels))
        first = pixels[:, 0, 0]
        if (first == POISON).all(axis=1).any():
            raise ModelFailed("a poisoned photo")
        logits = np.zeros((len(pixels), self._labels), np.float32)
        logits[np.arange(len(pixels)), first[:, 0] % self._labels] = 9.0
        return {"logits": logits}


class StubModels:
    """Holds the stub behind the starter's card."""

    def __init__(self) -> None:
        folder = Settings().baked_models
        assert folder is not None
        card = ModelCard.model_validate_json(
            (folder / "room-classifier" / "card.json").read_bytes()
        )
        side = int(os.environ["STUB_SIDE"])
        size = card.input.model_copy(update={"height": side, "width": side})
        card = card.model_copy(update={"input": size})
        self._loaded = Loaded(
            card, "stub", "champion", session=StubSession(len(card.output_as(Classes).labels))
        )

    def get(self, task: str) -> Loaded:
        """Return the stub."""
        del task
        return self._loaded

    def pinned(self, task: str, pin: Pin) -> Loaded:
        """Return the stub."""
        del task, pin
        return self._loaded

    def all(self) -> dict[str, Loaded]:
        """Return the stub."""
        return {self._loaded.card.task: self._loaded}


_Stub: Any = model_service(ROOM_CLASSIFIER, lambda *_: StubModels()).inner


class _Unbatched(_Stub):  # type: ignore[misc]
    @bentoml.api(route="/room-classifier/predict")
    def predict(self, items: list[Item]) -> Replies:
        replies: Replies = _Stub.predict.func(self, items)
        return replies


_service = bentoml.service(
    name="stub", traffic={"timeout": 30, "max_concurrency": 512}, **QUIET, **KEEP_CONNECTIONS
)
Stub = _service(_Stub if os.environ.get("STUB_BATCHED", "1") == "1" else _Unbatched)
