"""What a film is asked for: its photos, sound, brand, texts and formats."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from serving.characters import is_blank
from serving.requests.base import Reference, Share, StrictModel, Text
from serving.requests.format import Format
from serving.requests.timeline import TimelineSpec


class LabelSpec(StrictModel):
    """A word at a spot of a photo, which it follows under the camera."""

    text: str = Field(min_length=1, max_length=60)
    x: Share = Field(description="from the photo's left")
    y: Share = Field(description="from the photo's top")


class PhotoSpec(StrictModel):
    """A photo of the film."""

    photo: Reference
    weight: float | None = Field(
        None,
        gt=0,
        le=10,
        description="2: twice as important; hero photos. Unset: by its quality, 0.5 to 1.5, where "
        "`order` is `rooms`; else 1",
    )
    focus: list[tuple[Share, Share]] = Field(
        default_factory=list,
        max_length=8,
        description="what to look at, most important last; unset: what is salient",
    )
    room: str | None = Field(None, max_length=60, description="unset: the classifier says")
    caption: Text | None = None
    labels: list[LabelSpec] = Field(default_factory=list, max_length=12)
    depth: Reference | None = Field(
        None, description="a picture of the photo's depth, near is bright: for parallax and focus"
    )

    @field_validator("labels")
    @classmethod
    def _without_blank(cls, labels: list[LabelSpec]) -> list[LabelSpec]:
        return [label for label in labels if not is_blank(label.text)]


class MusicSpec(StrictModel):
    """What is played."""

    track: Reference
    start_s: float = Field(0.0, ge=0, le=1200, description="of the track, where the film begins")
    trim_silence: bool | None = Field(
        None,
        description="begin where the track is first heard; unset: unless start_s or a timeline "
        "says where in the track the film is",
    )
    gain_db: float = Field(0.0, ge=-40, le=12)


class SoundSpec(StrictModel):
    """A sound beside the music: birds, a jingle, another song."""

    track: Reference
    at_s: float = Field(0.0, ge=0, le=900, description="of the film, where it begins")
    start_s: float = Field(0.0, ge=0, le=1200, description="of the track, where it begins")
    length_s: float | None = Field(None, gt=0, le=900, description="unset: to its end")
    gain_db: float = Field(0.0, ge=-40, le=12)
    fade_s: float = Field(0.5, ge=0, le=10, description="in and out")


class BrandSpec(StrictModel):
    """Who offers the listing."""

    name: Text = ""
    agent: Text = ""
    phone: Text = ""
    email: Text = ""
    website: Text = ""
    logo: Reference | None = Field(None, description="a picture, with transparency if it has any")
    colour: str | None = Field(None, pattern=r"^#[0-9a-fA-F]{6}$")
    watermark: Text = ""


class ListingTextSpec(StrictModel):
    """What the film says of the listing."""

    headline: Text = ""
    address: Text = ""
    price: Text = ""
    facts: Text = ""


class FilmInput(StrictModel):
    """A film to render."""

    photos: list[PhotoSpec] = Field(min_length=1, max_length=300)
    music: MusicSpec | None = None
    sounds: list[SoundSpec] = Field(
        default_factory=list, max_length=8, description="mixed with the music; cuts ignore them"
    )
    voice_over: Reference | None = Field(None, description="speech; all else ducks under it")
    template: str | dict[str, Any] = Field(
        "calm", description="a shipped template's name, or one of your own in full"
    )
    length_s: float | None = Field(None, ge=0.5, le=900, description="unset: as photos need")
    order: Literal["rooms", "given"] = Field(
        "rooms", description="rooms: as a visitor walks; given: as sent"
    )
    timeline: TimelineSpec | None = Field(
        None, description="the film cut by hand; it says order and length, the template the rest"
    )
    formats: list[Format] = Field(default_factory=lambda: [Format()], min_length=1, max_length=8)
    brand: BrandSpec = BrandSpec()
    words: ListingTextSpec = ListingTextSpec()
    waveform: bool = Field(False, description="show how the music goes, and how far it is")
    lut: Reference | None = Field(None, description="a .cube file instead of the template's look")
    bad_photos: Literal["skip", "refuse"] = Field(
        "skip", description="one that cannot be read: leave it out and say so, or fail the job"
    )
    preview: bool = Field(True, description="a small version that plays while the film renders")

    @model_validator(mode="after")
    def _one_timeline(self) -> Self:
        if self.timeline is None:
            return self
        if self.length_s is not None:
            raise ValueError("length_s: a timeline has its own length")
        for number, clip in enumerate(self.timeline.clips):
            if clip.photo is not None and clip.photo >= len(self.photos):
                raise ValueError(
                    f"timeline: clip {number} shows photo {clip.photo}; "
                    f"there are 0 to {len(self.photos) - 1}"
                )
        return self
