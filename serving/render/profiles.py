"""Sizes and rates a film comes in, and how it is encoded for them."""

import dataclasses
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import cast

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from serving.errors import BadInput
from serving.video.film import Film

# the frame's shorter side
PROFILES = MappingProxyType({"preview": 360, "720p": 720, "1080p": 1080, "4k": 2160})
RATES = tuple(Fraction(rate) for rate in (24, 25, 30, 50, 60))

# x264's superfast with macroblock-tree rate control: a look-ahead of 20 frames costs no more than
# one of 10 and saves 2 % of the bytes.
_X264 = "mbtree=1:rc-lookahead=20:stitchable=1:threads=1"


@dataclass(frozen=True)
class Encoding:
    """A codec and its options, as FFmpeg names them."""

    codec: str = "libx264"
    options: tuple[tuple[str, str], ...] = (
        ("preset", "superfast"),
        ("crf", "20"),
        ("profile", "high"),
        ("x264-params", _X264),
    )

    @property
    def chains(self) -> bool:
        """Whether a segment can go on from another; only of x264's streams is known how."""
        return self.codec == "libx264"


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


def choose_encoding(crf: int = 20, hardware: bool = False) -> Encoding:
    """Return how to encode H.264 here: by the GPU if asked and there is one, else by x264."""
    if hardware:
        for candidate in (_nvenc(crf), _vaapi(crf)):
            if _opens(candidate):
                return candidate
    default = Encoding()
    options = tuple((k, str(crf) if k == "crf" else v) for k, v in default.options)
    return Encoding(default.codec, options)


def _nvenc(quality: int) -> Encoding:
    options = {"preset": "p4", "rc": "vbr", "cq": str(quality), "profile": "high", "bf": "2"}
    return Encoding("h264_nvenc", tuple((options | {"forced-idr": "1"}).items()))


def _vaapi(quality: int) -> Encoding:
    return Encoding("h264_vaapi", (("rc_mode", "CQP"), ("qp", str(quality)), ("profile", "high")))


def _opens(encoding: Encoding) -> bool:
    """Say whether the codec is built in and its device answers."""
    try:
        context = cast(VideoCodecContext, av.CodecContext.create(encoding.codec, "w"))
        context.width, context.height, context.pix_fmt = 256, 256, "yuv420p"
        context.time_base = Fraction(1, 30)
        context.options = dict(encoding.options)
        context.open()
    except (av.error.FFmpegError, ValueError):
        return False
    return True
