"""A film's timeline as a person cuts it: clip by clip. Films give theirs back in the same words."""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from serving.requests.base import Share, StrictModel

_TRANSITION_S = 0.5

Points = Annotated[list[tuple[Share, Share]], Field(min_length=2, max_length=500)]
CurveName = Literal["linear", "ease", "ease_in", "ease_out", "ramp"]


class ViewSpec(StrictModel):
    """A window of the film's shape in the photo; past an edge it is moved inside."""

    x: Share = Field(0.5, description="its centre, from the photo's left")
    y: Share = Field(0.5, description="its centre, from the photo's top")
    scale: float = Field(1.0, gt=0, le=1, description="1: the largest that fits; smaller is closer")


class CameraSpec(StrictModel):
    """The camera's way during a clip."""

    start: ViewSpec
    end: ViewSpec
    curve: CurveName | Points | None = Field(
        None, description="its speed: a name, or (time, progress) points from (0, 0) to (1, 1)"
    )
    fit: Literal["fill", "backdrop"] = Field(
        "fill", description="backdrop: the whole photo before a blurred copy of itself"
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if isinstance(self.curve, list):
            rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(self.curve))
            if self.curve[0] != (0, 0) or self.curve[-1] != (1, 1) or not rising:
                raise ValueError("a curve rises from (0, 0) to (1, 1)")
        return self


class TransitionSpec(StrictModel):
    """How a clip turns into the next; it is centred on the cut."""

    kind: str = Field(max_length=40, examples=["crossfade"])
    length_s: float | None = Field(
        None, ge=0, le=5, description="unset: half a second; a cut has none"
    )
    params: dict[str, float | str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.kind == "cut" and self.length_s:
            raise ValueError("a cut has no length")
        if self.kind != "cut" and self.length_s == 0:
            raise ValueError("only a cut has length_s 0")
        return self

    @property
    def seconds(self) -> float:
        """Return its length."""
        if self.length_s is None:
            return 0.0 if self.kind == "cut" else _TRANSITION_S
        return self.length_s


class ClipSpec(StrictModel):
    """A photo or a card, from cut to cut. What is not said the template chooses."""

    photo: int | None = Field(None, ge=0, description="its place in `photos`, from 0")
    card: Literal["intro", "outro"] | None = Field(
        None, description="the card that the template draws, first or last"
    )
    length_s: float = Field(gt=0, le=900)
    camera: CameraSpec | None = None
    transition: TransitionSpec | None = Field(None, description="into the next clip")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.photo is None) == (self.card is None):
            raise ValueError("a clip shows a photo or a card")
        if self.card is not None and self.camera is not None:
            raise ValueError("a card stands still: no camera")
        return self


class TimelineSpec(StrictModel):
    """A film cut by hand."""

    clips: list[ClipSpec] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if all(clip.photo is None for clip in self.clips):
            raise ValueError("a timeline shows at least one photo")
        for number, clip in enumerate(self.clips):
            place = {"intro": 0, "outro": len(self.clips) - 1}.get(clip.card or "", number)
            if place != number:
                raise ValueError(f"clip {number}: an {clip.card} card can only be first or last")
        if self.clips[-1].transition is not None:
            raise ValueError("after the last clip there is nothing to turn into")
        return self
