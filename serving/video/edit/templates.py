"""What a film's style is: motion, transitions, look, titles, brand and pacing, read from YAML."""

from typing import Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from serving.errors import BadInput, TooLarge
from serving.video.draw.transitions import KINDS
from serving.video.titles.style import Part, Strict, TitleStyle

MAX_TEMPLATE_CHARACTERS = 20_000

Move = Literal["zoom_in", "zoom_out", "pan", "tilt", "still"]
Curve = Literal["linear", "ease", "ease_in", "ease_out", "ramp"]
Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]
Card = Literal["card", "over_photo", "none"]


class Pacing(Strict):
    """How long photos stay, and how the music moves that."""

    dwell_s: float = Field(gt=0, le=30, description="of an ordinary photo, cut to cut")
    min_dwell_s: float = Field(gt=0, le=30)
    max_dwell_s: float = Field(gt=0, le=60)
    energy: Part = Field(0.5, description="0: even; 1: loud passages cut 7 times as fast")
    hero: Part = Field(0.6, description="0: all alike; 1: twice the weight is twice the time")
    bar_pull: Part = Field(1.0, description="how much downbeats are preferred to other beats")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.min_dwell_s <= self.dwell_s <= self.max_dwell_s:
            raise ValueError("min_dwell_s <= dwell_s <= max_dwell_s must hold")
        if self.max_dwell_s < 2 * self.min_dwell_s:
            raise ValueError(
                "max_dwell_s must be at least twice min_dwell_s: else lengths have gaps"
            )
        return self


class MotionStyle(Strict):
    """How the camera moves over photos."""

    moves: tuple[Move, ...] = Field(min_length=1, max_length=16, description="taken in turn")
    zoom_per_s: float = Field(0.03, ge=0, le=0.5, description="change of scale")
    travel_per_s: float = Field(0.04, ge=0, le=1, description="in frame widths")
    max_zoom: float = Field(0.15, ge=0, le=0.5)
    curve: Curve = "linear"
    curve_strength: Part = 0.5
    tall_photos: Literal["sweep", "backdrop"] = Field(
        "sweep", description="a portrait photo in a wide film, and the reverse"
    )
    parallax: float = Field(0.0, ge=0, le=0.1)
    focus_blur: float = Field(0.0, ge=0, le=0.02)


class TransitionStyle(Strict):
    """One kind of transition and when it is taken."""

    kind: str = Field(description="a name in `serving.video.draw.transitions.KINDS`")
    share: float = Field(1.0, gt=0, description="how often, against the others")
    length_s: float = Field(0.5, ge=0, le=3)
    energy: tuple[Part, Part] = Field((0.0, 1.0), description="only where the music's energy is")
    params: dict[str, float | str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.kind not in KINDS:
            raise ValueError(f"no transition is named '{self.kind}'; there are {', '.join(KINDS)}")
        if self.energy[0] > self.energy[1]:
            raise ValueError("energy must be [low, high]")
        if (self.kind == "cut") != (self.length_s == 0):
            raise ValueError("a cut has length_s 0, and nothing else has")
        return self


class Transitions(Strict):
    """Between photos of a room, between rooms, and where the music turns."""

    ordinary: tuple[TransitionStyle, ...] = Field(min_length=1)
    new_room: tuple[TransitionStyle, ...] = Field((), description="else as ordinary")
    section: tuple[TransitionStyle, ...] = Field((), description="else as new_room")


class BrandStyle(Strict):
    """Where a brand shows."""

    intro: Card = "over_photo"
    outro: Card = "card"
    intro_s: float = Field(3.0, gt=0, le=15)
    outro_s: float = Field(4.0, gt=0, le=15)
    logo: Corner | Literal["none"] = "top-right"
    logo_width: float = Field(0.12, ge=0.02, le=0.5, description="of the frame's width")
    logo_opacity: Part = 0.9
    captions: bool = True


class Look(Strict):
    """Name of a look or of an uploaded LUT, and how much of it."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")
    strength: Part = 1.0


class Template(Strict):
    """A film's style."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")
    title: str = Field(min_length=1, max_length=60)
    description: str = Field(min_length=1, max_length=300)
    suits: Literal["wide", "tall", "any"] = "any"
    pacing: Pacing
    motion: MotionStyle
    transitions: Transitions
    look: Look | None = None
    titles: TitleStyle = TitleStyle()
    brand: BrandStyle = BrandStyle()


def parse_template(text: str) -> Template:
    """Read a template's YAML.

    Raises
    ------
    TooLarge
        More than 20,000 characters.
    BadInput
        No YAML, or a field is missing, unknown or out of range; every fault is named with its place.

    Examples
    --------
    >>> parse_template("name: Bad")
    Traceback (most recent call last):
    serving.errors.BadInput: the template: name: String should match pattern '^[a-z][a-z0-9_-]{0,40}$'; title: ...
    """  # noqa: E501
    if len(text) > MAX_TEMPLATE_CHARACTERS:
        raise TooLarge("characters of a template", len(text), MAX_TEMPLATE_CHARACTERS)
    try:
        loaded = yaml.load(text, _NoAliases)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadInput(f"the template is not YAML: {error}") from error
    return validate_template(loaded)


def validate_template(loaded: object) -> Template:
    """Check a template that is already parsed, such as one in a request's body; raise BadInput."""
    if not isinstance(loaded, dict):
        raise BadInput("the template: expected a mapping of fields")
    try:
        return Template.model_validate(loaded)
    except ValidationError as error:
        faults = (
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        )
        raise BadInput(f"the template: {'; '.join(faults)}") from error


class _NoAliases(yaml.SafeLoader):
    """Safe, and without `*aliases`: a few lines of them can ask for gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not taken")
        return super().compose_node(parent, index)
