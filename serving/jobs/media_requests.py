"""What can be asked of the sound and film workflows: the request's shape and the job's input."""

from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from serving.jobs.timeline_request import Part, Strict, TimelineAsked
from serving.video.cleaning import is_blank

Reference = Annotated[
    str, Field(min_length=1, max_length=4096, description="a key, or a URL that is allowed")
]


def _given(text: str) -> str:
    """Return a text; one of which nothing would be drawn is as if it were not given."""
    return "" if is_blank(text) else text


Text = Annotated[str, Field(max_length=300), AfterValidator(_given)]
Aspect = Literal["16:9", "9:16", "1:1", "4:5"]
Profile = Literal["720p", "1080p", "4k"]

# the film's frame in 1080p, by its shape
FRAMES: dict[Aspect, tuple[int, int]] = {
    "16:9": (1920, 1080),
    "9:16": (1080, 1920),
    "1:1": (1080, 1080),
    "4:5": (1080, 1350),
}


class AudioWork(Strict):
    """A track to analyse."""

    track: Reference


class LabelAsked(Strict):
    """A word at a spot of a photo, which it follows under the camera."""

    text: str = Field(min_length=1, max_length=60)
    x: Part = Field(description="from the photo's left")
    y: Part = Field(description="from the photo's top")


class PhotoAsked(Strict):
    """A photo of the film."""

    photo: Reference
    weight: float = Field(1.0, gt=0, le=10, description="2: twice as important; hero photos")
    focus: list[tuple[Part, Part]] = Field(
        default_factory=list, max_length=8, description="what to look at, most important last"
    )
    room: str | None = Field(None, max_length=60, description="unset: the classifier says")
    caption: Text | None = None
    labels: list[LabelAsked] = Field(default_factory=list, max_length=12)
    depth: Reference | None = Field(
        None, description="a picture of the photo's depth, near is bright: for parallax and focus"
    )

    @field_validator("labels")
    @classmethod
    def _given(cls, labels: list[LabelAsked]) -> list[LabelAsked]:
        return [label for label in labels if not is_blank(label.text)]


class MusicAsked(Strict):
    """What is played."""

    track: Reference
    start_s: float = Field(0.0, ge=0, le=1200, description="of the track, where the film begins")
    trim_silence: bool | None = Field(
        None,
        description="begin where the track is first heard; unset: unless start_s or a timeline "
        "says where in the track the film is",
    )
    gain_db: float = Field(0.0, ge=-40, le=12)


class SoundAsked(Strict):
    """A sound beside the music: birds, a jingle, another song."""

    track: Reference
    at_s: float = Field(0.0, ge=0, le=900, description="of the film, where it begins")
    start_s: float = Field(0.0, ge=0, le=1200, description="of the track, where it begins")
    length_s: float | None = Field(None, gt=0, le=900, description="unset: to its end")
    gain_db: float = Field(0.0, ge=-40, le=12)
    fade_s: float = Field(0.5, ge=0, le=10, description="in and out")


class Format(Strict):
    """A file to be made."""

    aspect: Aspect = "16:9"
    profile: Profile = "1080p"
    fps: Literal[24, 25, 30, 50, 60] = 30
    codec: Literal["h264", "hevc", "av1"] = Field(
        "h264", description="h264 plays everywhere; the others are smaller and take longer"
    )

    @property
    def name(self) -> str:
        """Name it in keys and results: `16x9-1080p30`, `16x9-1080p30-hevc`."""
        name = f"{self.aspect.replace(':', 'x')}-{self.profile}{self.fps}"
        return name if self.codec == "h264" else f"{name}-{self.codec}"

    @property
    def rate(self) -> Fraction:
        """Return the frames per second."""
        return Fraction(self.fps)


class BrandAsked(Strict):
    """Who offers the listing."""

    name: Text = ""
    agent: Text = ""
    phone: Text = ""
    email: Text = ""
    website: Text = ""
    logo: Reference | None = Field(None, description="a picture, with transparency if it has any")
    colour: str | None = Field(None, pattern=r"^#[0-9a-fA-F]{6}$")
    watermark: Text = ""


class WordsAsked(Strict):
    """What the film says of the listing."""

    headline: Text = ""
    address: Text = ""
    price: Text = ""
    facts: Text = ""


class FilmWork(Strict):
    """A film to render."""

    photos: list[PhotoAsked] = Field(min_length=1, max_length=300)
    music: MusicAsked | None = None
    sounds: list[SoundAsked] = Field(
        default_factory=list, max_length=8, description="mixed with the music; cuts ignore them"
    )
    voice_over: Reference | None = Field(None, description="speech; all else ducks under it")
    template: str | dict[str, Any] = Field(
        "calm", description="a shipped template's name, or one of your own in full"
    )
    length_s: float | None = Field(None, gt=0.5, le=900, description="unset: as photos need")
    order: Literal["rooms", "given"] = Field(
        "rooms", description="rooms: as a visitor walks; given: as sent"
    )
    timeline: TimelineAsked | None = Field(
        None, description="the film cut by hand; it says order and length, the template the rest"
    )
    formats: list[Format] = Field(default_factory=lambda: [Format()], min_length=1, max_length=8)
    brand: BrandAsked = BrandAsked()
    words: WordsAsked = WordsAsked()
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


class ClipWork(Strict):
    """One photo as a clip of its own, kept for whoever asks for it again."""

    photo: PhotoAsked
    template: str | dict[str, Any] = "calm"
    length_s: float = Field(4.0, ge=0.5, le=30)
    format: Format = Format()
