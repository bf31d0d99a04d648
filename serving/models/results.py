"""What is said of a photo, the same in an answer and in the result of a job."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, Field

from serving.card import Scene
from serving.errors import StudioError
from serving.models.predictor import Prediction
from serving.photos.classify import ROOM_CLASSIFIER, RoomAnswer
from serving.photos.crop.crop import FocusPoint
from serving.photos.quality.task import QualityAnswer
from serving.problems import Problem

_SCORES = {"kitchen": 0.9412, "dining_room": 0.0318, "living_room": 0.0154}


class ModelUsed(BaseModel):
    """Which model version answered."""

    name: str = Field(examples=[ROOM_CLASSIFIER.name])
    version: str = Field(examples=["3"])
    slot: str = Field(examples=["champion"])

    @classmethod
    def of(cls, prediction: Prediction[Any]) -> Self:
        """Name whose answer it is."""
        return cls(name=prediction.task, version=prediction.version, slot=prediction.slot)


class FocusResult(BaseModel):
    """A point to look at."""

    x: float = Field(ge=0, le=1, description="share of the upright photo's width", examples=[0.38])
    y: float = Field(ge=0, le=1, description="share of its height", examples=[0.47])
    weight: float = Field(ge=0, le=1, description="those of a photo sum up to 1", examples=[1.0])

    @classmethod
    def of(cls, point: FocusPoint) -> Self:
        """Put a point into the wire's shape."""
        return cls(x=point.x, y=point.y, weight=point.weight)


class QualityResult(BaseModel):
    """How good one photo is."""

    score: float = Field(ge=0, le=100, description="of the whole", examples=[81.3])
    parts: dict[str, float] = Field(
        description="0-100 for sharpness, exposure, contrast, noise, compression, white_balance, "
        "tilt and resolution",
        examples=[{"sharpness": 93.0, "tilt": 46.4}],
    )
    hints: dict[str, str] = Field(
        description="what to look at, the worst part first; nothing of parts that are fine",
        examples=[{"tilt": "tilted 2.3° to the left"}],
    )
    tilt_degrees: float | None = Field(
        description="above 0: to the right; null where no verticals are seen", examples=[-2.3]
    )
    model: ModelUsed
    demo: bool
    cached: bool

    @classmethod
    def of(cls, prediction: Prediction[QualityAnswer]) -> Self:
        """Put an answer into the wire's shape."""
        answer = prediction.answer
        return cls(
            score=answer.score,
            parts={**answer.parts},
            hints={**answer.hints},
            tilt_degrees=answer.tilt_degrees,
            model=ModelUsed.of(prediction),
            demo=prediction.demo,
            cached=prediction.cached,
        )


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
    quality: QualityResult | None = Field(
        None, description="how good the photo is; null while no model answers for that"
    )

    @classmethod
    def of(
        cls,
        photo: str,
        prediction: Prediction[RoomAnswer],
        timing_ms: float,
        quality: Prediction[QualityAnswer] | StudioError | None = None,
    ) -> Self:
        """Put answers into the wire's shape; the room is told whatever happened to the quality."""
        answer = prediction.answer
        return cls(
            photo=photo,
            room_type=answer.room_type,
            confident=answer.confident,
            confidence=round(answer.confidence, 4),
            scores=_best_first(answer.scores),
            scene=answer.scene,
            model=ModelUsed.of(prediction),
            demo=prediction.demo,
            cached=prediction.cached,
            timing_ms=round(timing_ms, 2),
            quality=QualityResult.of(quality) if isinstance(quality, Prediction) else None,
        )

    def used(self) -> list[ModelUsed]:
        """Return the model versions whose answers these are."""
        return [self.model] if self.quality is None else [self.model, self.quality.model]


def _best_first(scores: Mapping[str, float]) -> dict[str, float]:
    """Round and sort: equal scores by name, whatever order a cache kept them in."""
    rounded = {name: round(score, 4) for name, score in scores.items()}
    return dict(sorted(rounded.items(), key=lambda item: (-item[1], item[0])))


class FailedResult(BaseModel):
    """A photo that could not be classified, beside those that could."""

    photo: str
    error: Problem
