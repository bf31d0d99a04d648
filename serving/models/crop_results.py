"""What is said of a photo's crops, the same in an answer and in the result of a job."""

from typing import Self

from pydantic import BaseModel, Field

from serving.models.results import FocusResult, ModelUsed
from serving.photos.crop.crop import Crop, CropAnswer


class CropBox(BaseModel):
    """One crop of a photo."""

    ratio: str = Field(description="as it was asked", examples=["1:1"])
    box: tuple[int, int, int, int] = Field(
        description="left, top, right, bottom in pixels of the upright photo",
        examples=[(140, 0, 1164, 1024)],
    )
    share: tuple[float, float, float, float] = Field(
        description="the same as shares of its width and height",
        examples=[(0.091146, 0.0, 0.757812, 1.0)],
    )
    kept: float = Field(
        ge=0, le=1, description="share of what matters that the crop shows", examples=[0.9941]
    )
    cut: list[str] = Field(
        description="what it shows in part: a thing's name, or `salient region`",
        examples=[["sofa"]],
    )
    confidence: float = Field(
        ge=0, le=1, description="low where what matters is unclear or does not fit", examples=[0.99]
    )
    large_enough: bool = Field(description="whether it has `min_width` and `min_height`")

    @classmethod
    def of(cls, crop: Crop) -> Self:
        """Put a crop into the wire's shape."""
        return cls.model_validate(vars(crop))


class CropResult(BaseModel):
    """Where to look in one photo, and how to crop it."""

    photo: str = Field(description="the key or URL as sent; sha256:… of a raw body")
    width: int = Field(description="of the upright photo", examples=[1536])
    height: int = Field(examples=[1024])
    focus: list[FocusResult] = Field(description="the most important first")
    crops: list[CropBox] = Field(description="one per ratio, in the order asked")
    models: list[ModelUsed] = Field(description="whose answers they were worked out of")
    demo: bool = Field(description="a starter model answered, for trying things out")

    @classmethod
    def of(cls, photo: str, answer: CropAnswer, models: list[ModelUsed], demo: bool) -> Self:
        """Put an answer into the wire's shape."""
        height, width = answer.size
        return cls(
            photo=photo,
            width=width,
            height=height,
            focus=[FocusResult.of(point) for point in answer.focus],
            crops=[CropBox.of(crop) for crop in answer.crops],
            models=models,
            demo=demo,
        )
