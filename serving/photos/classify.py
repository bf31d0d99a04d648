"""Which room a photo shows: the task `room-classifier`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from serving.card import BATCH, ArraySpec, Classes, Label, ModelCard, Scene
from serving.errors import ModelUnavailable
from serving.image import PhotoFile
from serving.perception.pixels import squeeze_photo
from serving.task import Inputs, Outputs, Size, check_arrays, embedding_spec

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class RoomAnswer:
    """What a photo shows.

    Attributes
    ----------
    room_type : the best label, also when the model is unsure
    confidence : its calibrated probability, 0..1
    confident : whether that is enough to act on without a person
    scores : probability of every label, best first; they sum to 1
    scene : interior or exterior, from the summed probabilities
    """

    room_type: str
    confidence: float
    confident: bool
    scores: dict[str, float]
    scene: Scene


def to_probabilities(logits: Floats, temperature: float) -> Floats:
    """Softmax of `logits / temperature` along the last axis.

    Examples
    --------
    >>> to_probabilities(np.array([0.0, np.log(3)], np.float32), 1.0).round(2).tolist()
    [0.25, 0.75]
    """
    scaled = logits / np.float32(temperature)
    odds = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: Floats = odds / odds.sum(axis=-1, keepdims=True)
    return probabilities


def scene_of(probabilities: Floats, labels: Sequence[Label]) -> Scene:
    """Say interior or exterior, by the summed probabilities of the labels of each."""
    inside = sum(
        p for p, label in zip(probabilities, labels, strict=True) if label.scene == "interior"
    )
    return "interior" if inside >= 0.5 else "exterior"


def to_answer(logits: Floats, card: ModelCard) -> RoomAnswer:
    """Read one photo's logits, shape (labels,), as the card says they are meant."""
    classes = card.output_as(Classes)
    probabilities = to_probabilities(logits, classes.temperature)
    order = np.argsort(-probabilities, kind="stable")
    best = float(probabilities[order[0]])
    return RoomAnswer(
        room_type=classes.labels[order[0]].name,
        confidence=best,
        confident=best >= classes.confident_above,
        scores={classes.labels[i].name: float(probabilities[i]) for i in order},
        scene=scene_of(probabilities, classes.labels),
    )


class RoomClassifier:
    """The task: the whole photo, squeezed to a rectangle; logits of rooms."""

    name = "room-classifier"
    answer = TypeAdapter(RoomAnswer)

    def prepare(self, source: PhotoFile, card: ModelCard) -> Inputs:
        """Return `pixels`, uint8 (height, width, 3) of the card's size."""
        return squeeze_photo(source, card)

    def read(self, outputs: Outputs, card: ModelCard, size: Size) -> RoomAnswer:
        """Read `logits`, float32 (labels,)."""
        del size
        return to_answer(outputs["logits"], card)

    def check(self, outputs: Outputs, card: ModelCard) -> None:
        """Judge that there is one logit for each label, and that each label has its scene."""
        labels = card.output_as(Classes).labels
        logits = ArraySpec(name="logits", dtype="float32", shape=(BATCH, len(labels)))
        check_arrays(outputs, (logits, *embedding_spec(card)), self.name)
        without = [label.name for label in labels if label.scene is None]
        if without:
            raise ModelUnavailable(self.name, f"its labels {without} do not say their scene")


ROOM_CLASSIFIER = RoomClassifier()
