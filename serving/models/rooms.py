"""The room classifier as a plain class, wherever it runs: pixels in, answers out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from serving import metrics
from serving.card import PhotoInput
from serving.errors import ModelFailed
from serving.image import Image
from serving.models.local import Loaded, Models
from serving.models.session import Logits
from serving.photos.classify import RoomAnswer, to_answer, to_pixels

TASK = "room-classifier"


@dataclass(frozen=True)
class Classified:
    """An answer, and whose it is.

    Attributes
    ----------
    height, width : the model's input; pixels sent at this size need no second resize
    demo : the weights are the starter's, for trying things out
    identity : of the model, as `Loaded.identity`
    cached : not worked out now, but known before
    """

    answer: RoomAnswer
    version: str
    slot: str
    demo: bool
    height: int
    width: int
    identity: str = ""
    cached: bool = False


class Rooms(Protocol):
    """Whoever can name rooms: in this process, or over HTTP."""

    def classify(self, photos: Sequence[Image]) -> list[Classified | ModelFailed]:
        """Answer each photo, in order; one that breaks the model fails alone."""
        ...


class LocalRooms:
    """Names rooms with the model held in this process."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def classify(self, photos: Sequence[Image]) -> list[Classified | ModelFailed]:
        """Answer each photo, in order; one that breaks the model fails alone."""
        return classify_with(self._models.get(TASK), photos)


def classify_with(model: Loaded, photos: Sequence[Image]) -> list[Classified | ModelFailed]:
    """Name the rooms with this model, whichever answers now; one that breaks it fails alone."""
    size = model.card.input_as(PhotoInput)
    batch = np.stack([_at_size(photo, size.height, size.width) for photo in photos])
    return [
        logits if isinstance(logits, ModelFailed) else _read(logits, model)
        for logits in _run(model, batch)
    ]


def _at_size(photo: Image, height: int, width: int) -> Image:
    return photo if photo.shape == (height, width, 3) else to_pixels(photo, height, width)


def _run(model: Loaded, batch: Image) -> list[Logits | ModelFailed]:
    try:
        with metrics.MODEL.labels(model.card.task, model.version, model.slot).time():
            return list(model.session(batch))
    except ModelFailed as error:
        if len(batch) == 1:
            return [error]
        return [_run(model, batch[i : i + 1])[0] for i in range(len(batch))]


def _read(logits: Logits, model: Loaded) -> Classified:
    card, size = model.card, model.card.input_as(PhotoInput)
    answer = to_answer(logits, card)
    return Classified(
        answer,
        model.version,
        model.slot,
        card.demo,
        size.height,
        size.width,
        model.identity,
    )
