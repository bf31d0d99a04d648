"""What the analysis of a photo says, the same in an answer and in the result of a job."""

from typing import Self

from pydantic import BaseModel, Field

from serving.models.privacy import PrivateResult
from serving.models.results import FocusResult, ModelUsed, RoomResult
from serving.perception.detect import Detection
from serving.photos.tags.facts import Rectangle
from serving.photos.tags.tags import Evidence, Missing, Tag

_BOX = Field(
    description="left, top, right, bottom in pixels of the upright photo",
    examples=[(412.0, 300.5, 902.0, 741.0)],
)


class EvidenceResult(BaseModel):
    """What speaks for a tag."""

    model: str = Field(description="the task that told it", examples=["segmenter"])
    what: str = Field(examples=["share of pool"])
    value: float = Field(
        description="a probability, a confidence, a share of the photo or a measure",
        examples=[0.1821],
    )
    boxes: list[Rectangle] = Field(description="where it is seen, in pixels of the upright photo")

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        """Put evidence into the wire's shape."""
        return cls.model_validate(vars(evidence))


class TagResult(BaseModel):
    """Something that a photo shows, in a word to search by."""

    name: str = Field(examples=["pool"])
    confidence: float = Field(ge=0, le=1, description="not calibrated", examples=[0.98])
    evidence: list[EvidenceResult] = Field(description="the strongest first")

    @classmethod
    def of(cls, tag: Tag) -> Self:
        """Put a tag into the wire's shape."""
        evidence = [EvidenceResult.of(one) for one in tag.evidence]
        return cls(name=tag.name, confidence=tag.confidence, evidence=evidence)


class MissingTag(BaseModel):
    """A tag that no published model can see."""

    name: str = Field(examples=["garage"])
    needs: dict[str, list[str]] = Field(
        description="models and the labels by any of which one would",
        examples=[{"room-classifier": ["garage"], "detector": ["garage door"]}],
    )

    @classmethod
    def of(cls, missing: Missing) -> Self:
        """Put it into the wire's shape."""
        return cls(name=missing.name, needs={model: list(names) for model, names in missing.needs})


class TagsResult(BaseModel):
    """The tags of a photo, those it has not, and those of which nobody knows."""

    present: list[TagResult] = Field(description="the surest first")
    absent: list[str] = Field(description="looked for and not seen")
    unavailable: list[MissingTag] = Field(description="no published model can see these")


class MapResult(BaseModel):
    """A map of classes as a PNG with a palette: its indices are the classes' numbers."""

    media_type: str = "image/png"
    key: str = Field("", description="of the object, of a job; empty where `data` has it")
    data: str = Field("", description="the file in base64, of an answer at once")


class SegmentationResult(BaseModel):
    """How much of a photo each class covers."""

    shares: dict[str, float] = Field(
        description="of the photo's area, the largest first", examples=[{"wall": 0.41, "bed": 0.2}]
    )
    classes: list[str] = Field(description="by number, as the map has them")
    map: MapResult | None = Field(None, description="of the whole photo, squeezed to a rectangle")


class DetectionResult(BaseModel):
    """One thing."""

    label: str = Field(examples=["bed"])
    confidence: float = Field(ge=0, le=1, description="not calibrated", examples=[0.77])
    box: Rectangle = _BOX

    @classmethod
    def of(cls, found: Detection) -> Self:
        """Put a detection into the wire's shape."""
        return cls.model_validate(vars(found))


class AnalysisResult(RoomResult):
    """All that is known of one photo: what `classify` answers, and more.

    What no model answers is null, and `missing` says why.
    """

    width: int = Field(description="of the upright photo", examples=[1536])
    height: int = Field(examples=[1024])
    tags: TagsResult
    segmentation: SegmentationResult | None
    detections: list[DetectionResult] | None = Field(description="the surest first")
    private: list[PrivateResult] | None = Field(
        description="faces and number plates, for who shows the photo to hide; null without a "
        "detector. `enhance` hides them with `privacy`"
    )
    focus: list[FocusResult] | None = Field(description="where to look, the most important first")
    models: list[ModelUsed] = Field(description="whose answers these are")
    missing: dict[str, str] = Field(
        description="models that did not answer, and why",
        examples=[{"detector": "none is published"}],
    )

    def used(self) -> list[ModelUsed]:
        """Return the model versions whose answers these are."""
        return self.models
