"""Encoders of hardware: what there may be, and what answers."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av.error

from serving.errors import StudioError
from serving.render.encode import encode_segment
from serving.render.profiles import KEY_INTERVAL, Codec, Encoding, Program
from serving.render.segments import CLIP, Segment
from serving.video.draw.yuv import NEUTRAL, Planes
from serving.video.film import Film


def find_gpu_encoding(crf: int, codec: Codec) -> Encoding | None:
    """Return an encoding by a GPU of this machine, or None; tried once per process."""
    nodes = sorted(str(path) for path in Path("/dev/dri").glob("renderD*"))
    return first_that_answers(gpu_encodings(crf, codec, nodes), try_encoding)


def first_that_answers(
    candidates: Iterable[Encoding], trial: Callable[[Encoding], bytes | None]
) -> Encoding | None:
    """Return the first encoding of which `trial` has a header, its device named after that."""
    for candidate in candidates:
        header = trial(candidate)
        if header:
            device = hashlib.sha256(header).hexdigest()[:16]
            return dataclasses.replace(candidate, device=device)
    return None


def gpu_encodings(crf: int, codec: Codec, render_nodes: Sequence[str]) -> Iterator[Encoding]:
    """Yield what GPUs may offer, the best first: NVIDIA's, then what each VAAPI device can."""
    yield _nvenc(f"{codec}_nvenc", crf, "high" if codec == "h264" else "main")
    if codec != "av1":
        for node in render_nodes:
            # some of Intel's have nothing but their low-power encoder
            for low_power in (False, True):
                yield _vaapi(crf, codec, node, low_power)


@functools.cache
def try_encoding(encoding: Encoding) -> bytes | None:
    """Encode a few small pictures; return their header, or None if that cannot be done here."""

    def draw_gray(_: int, out: Planes) -> None:
        for plane in out:
            plane[...] = NEUTRAL

    film = Film(256, 256, Fraction(30), ())
    try:
        return encode_segment(film, Segment(CLIP, 0, 0, 4), draw_gray, encoding).header
    except (av.error.FFmpegError, ValueError, StudioError):
        return None


def _nvenc(encoder: str, quality: int, profile: str) -> Encoding:
    options = {"preset": "p4", "rc": "vbr", "cq": str(quality), "profile": profile, "bf": "2"}
    return Encoding(encoder, (*options.items(), ("forced-idr", "1"), KEY_INTERVAL))


def _vaapi(qp: int, codec: Codec, render_node: str, low_power: bool) -> Encoding:
    """Return constant quality, drivers' names nowhere.

    Where a device has no B-pictures, FFmpeg does without.
    """
    options = {"rc_mode": "CQP", "qp": str(qp), "bf": "2", "sei": "0"}
    options |= {"profile": "high" if codec == "h264" else "main", "low_power": f"{low_power:d}"}
    program = Program("format=nv12,hwupload", ("-vaapi_device", render_node))
    return Encoding(f"{codec}_vaapi", (*options.items(), KEY_INTERVAL), program)
