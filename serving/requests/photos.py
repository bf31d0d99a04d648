"""What is asked of photos: their classification, an analysis, a better version."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from serving.requests.base import NO_NUL, StrictModel

PhotoName = Annotated[str, Field(min_length=1, max_length=4096, pattern=NO_NUL)]
PhotoFormat = Literal["jpeg", "webp", "avif", "png"]


def _from_query(value: object) -> object:
    """Return the number of a query's text, for a literal takes no other type than its own."""
    return int(value) if isinstance(value, str) and value in ("2", "4") else value


Factor = Annotated[Literal[2, 4], BeforeValidator(_from_query)]


class ClassifyInput(StrictModel):
    """Photos to classify."""

    photos: Annotated[
        list[PhotoName],
        Field(min_length=1, examples=[["listings/42/kitchen.jpg", "listings/42/bath.jpg"]]),
    ]


class Analysing(BaseModel):
    """How photos are analysed."""

    maps: bool = Field(
        False, description="bring the map of what every pixel shows as a PNG; jobs always keep it"
    )


class AnalyzeInput(ClassifyInput, Analysing):
    """Photos to analyse, and how."""


class Brackets(StrictModel):
    """Several exposures of one view, which become one photo."""

    photo: PhotoName = Field(description="the exposure that gives the name and what is told")
    brackets: list[PhotoName] = Field(
        min_length=1, max_length=8, description="the other exposures, in any order"
    )


class Enhancement(BaseModel):
    """How a photo is made better."""

    preset: Literal["auto", "natural", "bright", "twilight", "learned", "straight", "none"] = Field(
        "auto",
        description="`auto` does what the photo's quality asks for, and no more; `learned` takes "
        "light and colour from the model `photo-finisher`",
    )
    upscale: Factor | None = Field(
        None, description="times as many pixels along each side, after all else"
    )
    format: PhotoFormat | None = Field(
        None, description="of the new file; unset: as the photo came, or JPEG"
    )
    quality: int | None = Field(
        None, ge=1, le=100, description="of the new file's compression; unset: hardly told apart"
    )
    remove_gps: bool = Field(False, description="do not tell where the photo was taken")
    privacy: Literal["blur"] | None = Field(
        None, description="hide faces and number plates; of single photos, not of brackets"
    )


class EnhanceInput(StrictModel, Enhancement):
    """Photos to make better, and how."""

    photos: list[PhotoName | Brackets] = Field(
        min_length=1, examples=[["listings/42/kitchen.jpg", "listings/42/bath.jpg"]]
    )
