"""What is asked of rooms: to be cleared, furnished, or given another style."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from serving.characters import is_blank
from serving.requests.base import NO_NUL, StrictModel
from serving.requests.photos import Factor, PhotoFormat, PhotoName

Mode = Literal["furnish", "clear", "restyle"]
StagedRoom = Literal["living_room", "bedroom", "dining_room", "office", "kitchen"]
Label = Literal["none", "caption", "on_image"]
KitName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


def _seen(text: str) -> str:
    if is_blank(text):
        raise ValueError("nothing of it would be seen; `label` says `none` where none is wanted")
    return text


class StagePhoto(StrictModel):
    """A photo of which more is known."""

    photo: PhotoName
    room_id: str | None = Field(
        None, min_length=1, max_length=200, pattern=NO_NUL,
        description="photos of one room share it and get the same furniture; unset: by what photos "
        "have in common",
    )  # fmt: skip
    room_type: StagedRoom | None = Field(None, description="unset: as the photo shows")


class Staging(BaseModel):
    """How rooms are staged."""

    mode: Mode = Field(
        "furnish",
        description="`clear` takes loose furniture away, `furnish` puts a kit's there, `restyle` "
        "does both and changes floor and walls",
    )
    kit: KitName = Field("modern", description="name of a design kit")
    kit_version: int | None = Field(None, ge=1, description="unset: its newest")
    room_type: StagedRoom | None = Field(
        None, description="of all photos that do not say; unset: as each photo shows"
    )
    keep_furniture: bool = Field(
        False, description="furnish beside what stands there, do not clear it first"
    )
    label: Label = Field(
        "caption",
        description="how people are told: not in the picture, in a strip below it, or on it; "
        "files always say so",
    )
    label_text: Annotated[str, AfterValidator(_seen)] = Field(
        "Virtually staged", min_length=1, max_length=80, pattern=NO_NUL, description="of the label"
    )
    allow_renovation: bool = Field(
        False, description="whether what only a renovation could change may be shown: `restyle`"
    )
    seed: int = Field(0, ge=0, lt=2**31, description="another one, another arrangement")
    variants: int = Field(1, ge=1, le=4, description="arrangements of each room")
    upscale: Factor | None = Field(None, description="times as many pixels along each side")
    format: PhotoFormat | None = Field(None, description="unset: as the photo came, or JPEG")
    quality: int | None = Field(None, ge=1, le=100, description="of the new file's compression")
    remove_gps: bool = Field(False, description="do not tell where the photo was taken")


class StageInput(StrictModel, Staging):
    """Photos of rooms to stage, and how."""

    photos: list[PhotoName | StagePhoto] = Field(
        min_length=1, examples=[["listings/42/living.jpg", "listings/42/bedroom.jpg"]]
    )

    @model_validator(mode="after")
    def _renovations_are_asked_for(self) -> Self:
        if self.mode == "restyle" and not self.allow_renovation:
            raise ValueError(
                "`restyle` shows floors and walls as only a renovation could make them: "
                "say `allow_renovation` where the market's rules let you"
            )
        return self
