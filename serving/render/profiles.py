"""Sizes and rates a film comes in, and how it is encoded for them."""

import dataclasses
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Literal

from serving.errors import BadInput
from serving.video.film import Film

# the frame's shorter side
PROFILES = MappingProxyType({"preview": 360, "720p": 720, "1080p": 1080, "4k": 2160})
RATES = tuple(Fraction(rate) for rate in (24, 25, 30, 50, 60))

Codec = Literal["h264", "hevc", "av1"]

# Key frames are where segments begin and nowhere else: one inside could not be chained, and would
# cost what players gain nothing by. More frames than a segment ever has, 5 s at 120 per second;
# scene cuts are looked for by none of the encoders.
KEY_INTERVAL = ("g", "9999")

# x264's superfast with macroblock-tree rate control: a look-ahead of 20 frames costs no more than
# one of 10 and saves 2 % of the bytes. Without weighted prediction: see decision 13.
_X264 = "mbtree=1:rc-lookahead=20:scenecut=0:weightp=0:stitchable=1:threads=1"

_CODECS: MappingProxyType[str, Codec] = MappingProxyType(
    {
        "libx264": "h264",
        "h264_nvenc": "h264",
        "h264_vaapi": "h264",
        "libx265": "hevc",
        "hevc_nvenc": "hevc",
        "hevc_vaapi": "hevc",
        "libsvtav1": "av1",
        "av1_nvenc": "av1",
    }
)


@dataclass(frozen=True)
class Program:
    """How FFmpeg's program reaches an encoder that PyAV's library is built without.

    Parameters
    ----------
    filters : through which the pictures go to it, from yuv420p on
    settings : of the program as a whole
    """

    filters: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Encoding:
    """An encoder and its options, as FFmpeg names them.

    Parameters
    ----------
    program : the encoder is the program's; else it is the library's
    device : which kind of hardware it is: segments of two kinds do not fit together
    """

    encoder: str = "libx264"
    options: tuple[tuple[str, str], ...] = (
        ("preset", "superfast"),
        ("crf", "20"),
        ("profile", "high"),
        KEY_INTERVAL,
        ("x264-params", _X264),
    )
    program: Program | None = None
    device: str = ""

    @property
    def codec(self) -> Codec:
        """What it writes."""
        return _CODECS[self.encoder]

    @property
    def tag(self) -> str | None:
        """How an MP4 names the codec, where FFmpeg's choice is not Apple's players'."""
        return "hvc1" if self.codec == "hevc" else None

    @property
    def reordering(self) -> int:
        """How many pictures are decoded ahead of their time for others to refer to, at most.

        Two with a pyramid of B-pictures. AV1 hides such pictures in the packet of the next shown.
        """
        return 0 if self.codec == "av1" else 2

    @property
    def chains(self) -> bool:
        """Whether a segment can go on from another; only of x264's streams is known how."""
        return self.encoder == "libx264" and not self.program

    @property
    def header_inside(self) -> bool:
        """Whether only segments have the header: see `av1`, or no encoder here could be asked."""
        return self.codec == "av1" or self.program is not None


def fit_film(film: Film, profile: str) -> Film:
    """Return the film at a profile's size, its shape kept.

    Examples
    --------
    >>> film = Film(1080, 1920, Fraction(30), ())
    >>> fit_film(film, "720p").height
    1280
    """
    if profile not in PROFILES:
        raise BadInput(f"no profile '{profile}'; there are {', '.join(PROFILES)}")
    factor = Fraction(PROFILES[profile], min(film.width, film.height))
    width, height = (2 * round(side * factor / 2) for side in (film.width, film.height))
    return dataclasses.replace(film, width=width, height=height)
