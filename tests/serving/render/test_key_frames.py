"""Key frames are where segments begin and nowhere else: at any rate, however long the segment."""

import dataclasses
import io
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import get_args

import av
import numpy as np
import pytest
from _pytest.mark import ParameterSet
from av.packet import Packet
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image as Pillow

from serving.render.chain import continuing, last_picture
from serving.render.encode import encode_segment, planes_of
from serving.render.encoders import choose_encoding
from serving.render.film import Options, render_film
from serving.render.frames import FrameRenderer
from serving.render.gpu import gpu_encodings
from serving.render.packets import CodedSegment
from serving.render.profiles import Codec, Encoding
from serving.render.segments import CLIP, Segment, split_film
from serving.render.template_files import shipped_templates
from serving.video.draw.blending import copy_planes
from serving.video.draw.transitions import KINDS
from serving.video.draw.yuv import Planes, empty_planes
from serving.video.edit.assembly import EditOptions, Shape
from serving.video.edit.photo_order import FilmPhoto
from serving.video.edit.timeline import make_timeline
from serving.video.film import Clip, Film, Transition
from tests.serving.render.films import PAN, ZOOM, decode, jpeg, make_sources, psnr
from tests.serving.video.pictures import texture

CODECS: tuple[Codec, ...] = get_args(Codec)
TEMPLATES = tuple(shipped_templates())
FLASHES = Segment(CLIP, 0, 0, 300)
RATES = [
    Fraction(24_000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30_000, 1001),
    Fraction(30),
    Fraction(50),
    Fraction(60_000, 1001),
    Fraction(60),
]


def film_of(kinds: tuple[str, ...], fps: Fraction, change: int, alone: int = 2) -> Film:
    """Return clips that are seen alone for few frames, and a transition of each kind between."""
    around = [0, *([change] * len(kinds)), 0]
    clips = (
        Clip(f"photo-{n % 3}", before + alone + after, (ZOOM, PAN)[n % 2])
        for n, (before, after) in enumerate(pairwise(around))
    )
    return Film(64, 36, fps, tuple(clips), tuple(Transition(kind, change) for kind in kinds))


def drawn(film: Film) -> Iterator[NDArray[np.uint8]]:
    renderer, out = FrameRenderer(film, make_sources()), empty_planes(film.width, film.height)
    for segment in split_film(film):
        draw = renderer.painter(segment)
        for number in range(segment.frames):
            draw(number, out)
            yield out.y.copy()


def check(film: Film, path: Path, encoding: Encoding | None = None) -> None:
    """Render a film; every frame is there, at its time, as it was drawn, and key where planned."""
    encoding = encoding or Encoding()
    render_film(film, make_sources(), path, Options(encoding))
    with av.open(str(path), "r") as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
    assert len({(b.dts or 0) - (a.dts or 0) for a, b in pairwise(packets)}) == 1
    assert all((p.pts or 0) >= (p.dts or 0) for p in packets)
    shown = sorted((p.pts or 0) * p.time_base for p in packets)
    assert len(shown) == film.frames
    assert all(abs(time - n / film.fps) < 1e-4 for n, time in enumerate(shown))
    keys = {round((p.pts or 0) * p.time_base * film.fps) for p in packets if p.is_keyframe}
    wanted = [part for part in split_film(film) if not (part.follows and encoding.chains)]
    assert keys == {part.start for part in wanted}
    quality = [psnr(a, b) for a, b in zip(drawn(film), decode(path), strict=True)]
    assert min(quality) > 28, f"frame {np.argmin(quality)}"


def by_rate(fast: tuple[int, ...] = (30, 60)) -> list[ParameterSet]:
    """Return all rates, those that are not `fast` only where there is time."""
    return [
        pytest.param(fps, marks=() if fps in fast else pytest.mark.slow, id=f"{float(fps):.2f}")
        for fps in RATES
    ]


@pytest.mark.parametrize("length_s", [Fraction(0), Fraction(1, 2), Fraction(2)])
@pytest.mark.parametrize("fps", by_rate())
def test_a_film_of_every_transition_plays(
    tmp_path: Path, fps: Fraction, length_s: Fraction
) -> None:
    change = 2 * max(1, round(length_s * fps / 2))
    check(film_of(tuple(KINDS), fps, change), tmp_path / "film.mp4")


@pytest.mark.parametrize("codec", CODECS)
def test_the_longest_clips_and_transitions_play(tmp_path: Path, codec: Codec) -> None:
    film = film_of(("fold",), Fraction(60), 300, alone=300)
    check(film, tmp_path / "film.mp4", choose_encoding(codec=codec))


@pytest.mark.parametrize("alone", [0, 1, 2, 3, 4])
def test_a_clip_may_be_seen_alone_for_no_or_few_frames(tmp_path: Path, alone: int) -> None:
    film = film_of(("crossfade", "cut", "fold", "crossfade"), Fraction(30), 30, alone)
    check(film, tmp_path / "film.mp4")


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("fps", by_rate(fast=(60,)))
def test_a_film_of_every_template_plays(tmp_path: Path, name: str, fps: Fraction) -> None:
    photos = [FilmPhoto(f"photo-{n}", 200, 120, room="ab"[n // 2]) for n in range(4)]
    options = EditOptions(frames=round(7 * fps))
    film = make_timeline(photos, shipped_templates()[name], Shape(64, 36, fps), options).film
    check(dataclasses.replace(film, grade=None), tmp_path / "film.mp4")


@pytest.mark.parametrize("codec", CODECS)
def test_no_codec_begins_anew_where_the_picture_changes(codec: Codec) -> None:
    """Nor in the encoders of hardware, as far as their options say."""
    coded = encode_segment(
        film_of((), Fraction(60), 0), FLASHES, flash, choose_encoding(codec=codec)
    )
    assert [packet.shown for packet in coded.packets if packet.key] == [0]
    for encoding in gpu_encodings(20, codec, ["/dev/dri/renderD128"]):
        assert int(dict(encoding.options)["g"]) > FLASHES.frames


def flash(number: int, out: Planes) -> None:
    """Draw another picture every 50 frames."""
    rng = np.random.default_rng(number // 50)
    for plane in out:
        plane[...] = rng.integers(16, 236, plane.shape, np.uint8)


@pytest.mark.parametrize("kind", ["crossfade", "dip", "zoom_through"])
@pytest.mark.parametrize("seed", range(4))
def test_what_goes_on_from_a_clip_looks_as_its_encoder_saw_it(kind: str, seed: int) -> None:
    """Weights that brighten a dark picture would brighten its last bit of error too, each time."""
    film = film_of((kind,), Fraction(25), (50, 70, 90, 110)[seed])
    clip, change = split_film(film)[:2]
    renderer = FrameRenderer(film, make_sources(photos=dim if seed % 2 else jpeg))
    before = encode_segment(film, clip, renderer.painter(clip), Encoding())
    first, draw = planes_of(last_picture(before)), renderer.painter(change)

    def draw_both(number: int, out: Planes) -> None:
        draw(number - 1, out) if number else copy_planes(first, out)

    plain = continuing(Encoding())
    whole = dataclasses.replace(change, frames=change.frames + 1)
    alone = encode_segment(film, whole, draw_both, plain)
    chained = encode_segment(film, change, draw, Encoding(), before)
    assert len(alone.packets) == len(chained.packets) + 1
    seen = zip(decoded(before, chained)[clip.frames :], decoded(alone)[1:], strict=True)
    assert min(psnr(a, b) for a, b in seen) > 42


def dim(name: str) -> bytes:
    """Return a photo of a room at night for the first, of one in daylight for others."""
    if name != "photo-0":
        return jpeg(name)
    file = io.BytesIO()
    Pillow.fromarray(texture(120, 200, 3, sigma=3) // 12).save(file, "JPEG", quality=92)
    return file.getvalue()


def decoded(*segments: CodedSegment) -> list[NDArray[np.uint8]]:
    context = av.CodecContext.create("h264", "r")
    context.extradata = segments[0].header
    packets = [Packet(packet.data) for segment in segments for packet in segment.packets]
    frames = (frame for packet in [*packets, None] for frame in context.decode(packet))
    return [planes_of(frame).y.copy() for frame in frames if isinstance(frame, VideoFrame)]
