"""The formats that a film or a clip is rendered in."""

from fractions import Fraction
from typing import Literal

from pydantic import Field

from serving.requests.base import StrictModel

Aspect = Literal["16:9", "9:16", "1:1", "4:5"]
Profile = Literal["720p", "1080p", "4k"]

# the film's frame in 1080p, by its shape
FRAMES: dict[Aspect, tuple[int, int]] = {
    "16:9": (1920, 1080),
    "9:16": (1080, 1920),
    "1:1": (1080, 1080),
    "4:5": (1080, 1350),
}


class Format(StrictModel):
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
