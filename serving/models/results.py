"""What is said of a photo, the same in an answer and in the result of a job."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, Field

from serving.card import Scene
from serving.models.predictor import Prediction
from serving.photos.classify import ROOM_CLASSIFIER, RoomAnswer
from serving.problems import Problem

_SCORES = {"kitchen": 0.9412, "dining_room": 0.0318, "living_room": 0.0154}


class ModelUsed(BaseModel):
    """Which model version answered."""

    name: str = Field(examples=[ROOM_CLASSIFIER.name])
    version: str = Field(examples=["3"])
    slot: str = Field(examples=["champion"])


class RoomResult(BaseModel):
    """What one photo shows."""

    photo: str = Field(description="the key or URL as sent; sha256:… of a raw body")
    room_type: str = Field(description="the best label, also when unsure", examples=["kitchen"])
    confident: bool = Field(description="sure enough to act on without a person")
    confidence: float = Field(ge=0, le=1, description="calibrated", examples=[0.9412])
    scores: dict[str, float] = Field(description="of every label, best first", examples=[_SCORES])
    scene: Scene
    model: ModelUsed
    demo: bool = Field(description="answered by the starter model, for trying things out")
    cached: bool = Field(False, description="this version was asked about this photo before")
    timing_ms: float = Field(description="decode and inference of this photo", examples=[14.2])

    @classmethod
    def of(cls, photo: str, prediction: Prediction[RoomAnswer], timing_ms: float) -> Self:
        """Put an answer into the wire's shape."""
        answer = prediction.answer
        return cls(
            photo=photo,
            room_type=answer.room_type,
            confident=answer.confident,
            confidence=round(answer.confidence, 4),
            scores=_best_first(answer.scores),
            scene=answer.scene,
            model=ModelUsed(name=prediction.task, version=prediction.version, slot=prediction.slot),
            demo=prediction.demo,
            cached=prediction.cached,
            timing_ms=round(timing_ms, 2),
        )


def _best_first(scores: Mapping[str, float]) -> dict[str, float]:
    """Round and sort: equal scores by name, whatever order a cache kept them in."""
    rounded = {name: round(score, 4) for name, score in scores.items()}
    return dict(sorted(rounded.items(), key=lambda item: (-item[1], item[0])))


class FailedResult(BaseModel):
    """A photo that could not be classified, beside those that could."""

    photo: str
    error: Problem
