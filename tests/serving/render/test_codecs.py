import dataclasses
import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import cast, get_args

import av
import numpy as np
import pytest
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from hypothesis import given
from hypothesis import strategies as st

from serving.render.av1 import NoSequenceHeader, sequence_header
from serving.render.cache import MemoryCache
from serving.render.encode import encode_segment, open_encoder
from serving.render.encoders import choose_encoding
from serving.render.film import Options, render_film
from serving.render.frames import FrameRenderer
from serving.render.h264 import split_units
from serving.render.join import NotJoinable
from serving.render.mux import Tracks, write_mp4
from serving.render.packets import CodedSegment
from serving.render.profiles import Codec, Encoding
from serving.render.segments import CLIP, Segment, split_film
from serving.render.sound import Sound
from serving.video.draw.yuv import Planes, empty_planes
from serving.video.film import Film
from tests.serving.render.films import (
    caption,
    decode,
    make_film,
    make_sources,
    psnr,
    times,
    with_photo,
)

CODECS: tuple[Codec, ...] = get_args(Codec)
OTHERS: tuple[Codec, ...] = ("hevc", "av1")
BEEP = Sound((np.sin(np.arange(96_000) / 20)[:, None].repeat(2, 1) / 4).astype(np.float32), 48_000)


def render(film: Film, path: Path, codec: Codec, options: Options | None = None) -> int:
    options = dataclasses.replace(options or Options(), encoding=choose_encoding(codec=codec))
    return render_film(film, make_sources(), path, options).drawn


def encode(film: Film, encoding: Encoding) -> list[CodedSegment]:
    renderer = FrameRenderer(film, make_sources())
    segments = split_film(film)
    return [encode_segment(film, part, renderer.painter(part), encoding) for part in segments]


def test_no_encoder_takes_the_host_for_itself() -> None:
    for codec in CODECS:
        encoder = open_encoder(Film(256, 144, Fraction(30), ()), choose_encoding(codec=codec))
        threads = [int(thread) for thread in os.listdir("/proc/self/task")]
        assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_OTHER}
        del encoder


@pytest.mark.parametrize("codec", CODECS)
def test_a_file_says_what_it_is_and_players_know_it(tmp_path: Path, codec: Codec) -> None:
    path = tmp_path / "film.mp4"
    render(make_film(), path, codec, Options(sound=BEEP))
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    tag = {"h264": b"avc1", "hevc": b"hvc1", "av1": b"av01"}[codec]
    assert tag in data[: data.index(b"mdat")]
    with av.open(str(path), "r") as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert context.codec.canonical_name == codec
        assert context.codec_tag.encode() == tag
        assert context.profile == ("High" if codec == "h264" else "Main")
        assert context.pix_fmt == "yuv420p"
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert tags == (1, 1, 1, 1)
        assert stream.start_time == container.streams.audio[0].start_time == 0


@pytest.mark.parametrize("codec", OTHERS)
@pytest.mark.parametrize("fps", [24, 60, Fraction(30_000, 1001)])
def test_every_frame_is_there_at_its_time(tmp_path: Path, codec: Codec, fps: int) -> None:
    film = make_film(fps=Fraction(fps))
    render(film, tmp_path / "film.mp4", codec)
    shown = times(tmp_path / "film.mp4")
    assert len(shown) == film.frames
    assert all(abs(t - n / Fraction(fps)) < 1e-4 for n, t in enumerate(shown))
    with av.open(str(tmp_path / "film.mp4"), "r") as container:
        packets = [
            (p.pts or 0, p.dts, p.is_keyframe)
            for p in container.demux(video=0)
            if p.dts is not None
        ]
        base = container.streams.video[0].time_base or Fraction(0)
    assert len({b[1] - a[1] for a, b in pairwise(packets)}) == 1
    assert all(pts >= dts for pts, dts, _ in packets)
    keys = {round(pts * base * film.fps) for pts, _, key in packets if key}
    assert keys == {segment.start for segment in split_film(film)}


@pytest.mark.parametrize("codec", OTHERS)
def test_what_is_decoded_is_what_was_drawn(tmp_path: Path, codec: Codec) -> None:
    film = make_film()
    render(film, tmp_path / "film.mp4", codec)
    renderer, truth = FrameRenderer(film, make_sources()), []
    for segment in split_film(film):
        draw = renderer.painter(segment)
        for number in range(segment.frames):
            out = empty_planes(film.width, film.height)
            draw(number, out)
            truth.append(out.y)
    seen = decode(tmp_path / "film.mp4")
    quality = [psnr(a, b) for a, b in zip(truth, seen, strict=True)]
    assert min(quality) > 32
    shifted = [psnr(a, b) for a, b in zip(truth[1:], seen, strict=False)]
    assert np.mean(quality) > np.mean(shifted) + 1


@pytest.mark.parametrize("codec", OTHERS)
def test_an_edit_draws_only_what_it_touches_and_gives_the_same_bytes(
    tmp_path: Path, codec: Codec
) -> None:
    film, cache = make_film(overlays=(caption(21, 8),)), MemoryCache()
    assert render(film, tmp_path / "a.mp4", codec, Options(cache=cache)) == film.frames
    edited = with_photo(film, 1, "other")
    # clip 1 and the transitions around it
    assert render(edited, tmp_path / "b.mp4", codec, Options(cache=cache, sound=BEEP)) == 24
    for workers in (1, 3):
        render(edited, tmp_path / "c.mp4", codec, Options(sound=BEEP, workers=workers))
        assert (tmp_path / "b.mp4").read_bytes() == (tmp_path / "c.mp4").read_bytes()


def test_codecs_share_no_segments(tmp_path: Path) -> None:
    film, cache = make_film(), MemoryCache()
    drawn = [render(film, tmp_path / "a.mp4", codec, Options(cache=cache)) for codec in CODECS]
    assert drawn == [film.frames] * len(CODECS)


@pytest.mark.parametrize("codec", CODECS)
def test_pictures_are_decoded_ahead_by_as_many_as_the_encoding_says(codec: Codec) -> None:
    encoding = choose_encoding(codec=codec)
    for coded in encode(make_film(1, 60), encoding):
        ahead = max(number - packet.shown for number, packet in enumerate(coded.packets))
        assert ahead == encoding.reordering


@pytest.mark.parametrize("codec", OTHERS)
def test_a_segment_is_decoded_on_its_own(codec: Codec) -> None:
    film = make_film()
    for segment, coded in zip(
        split_film(film), encode(film, choose_encoding(codec=codec)), strict=True
    ):
        decoder = "hevc" if codec == "hevc" else "libdav1d"
        context = cast(VideoCodecContext, av.CodecContext.create(decoder, "r"))
        context.extradata = coded.header
        frames = [f for p in coded.packets for f in context.decode(Packet(p.data))]
        frames += context.decode(None)
        assert len(frames) == segment.frames
        assert not any(frame.is_corrupt for frame in frames)


def flat(_: int, out: Planes) -> None:
    for plane in out:
        plane[...] = 128


def noise(number: int, out: Planes) -> None:
    rng = np.random.default_rng(number)
    for plane in out:
        plane[...] = rng.integers(16, 236, plane.shape, np.uint8)


def screen(number: int, out: Planes) -> None:
    flat(0, out)
    out.y[number % 8 :: 8] = 235
    out.y[:, ::6] = 16


@pytest.mark.parametrize("codec", CODECS)
def test_whatever_is_shown_for_however_long_has_the_same_header(codec: Codec) -> None:
    film, encoding = make_film(), choose_encoding(codec=codec)
    headers = {
        encode_segment(film, Segment(CLIP, 0, 0, frames), draw, encoding).header
        for draw in (flat, noise, screen)
        for frames in (1, 2, 40)
    }
    assert len(headers) == 1


def test_hevc_has_its_parameter_sets_in_the_header_alone() -> None:
    coded = encode(make_film(1), choose_encoding(codec="hevc"))[0]
    kinds = [unit[0] >> 1 & 63 for unit in split_units(coded.header)]
    assert kinds == [32, 33, 34]  # VPS, SPS, PPS; Rec. ITU-T H.265, table 7-1
    inside = {unit[0] >> 1 & 63 for p in coded.packets for unit in split_units(p.data)}
    assert all(kind < 32 for kind in inside), "slices only"


def test_the_file_s_av1_header_is_the_stream_s(tmp_path: Path) -> None:
    render(make_film(), tmp_path / "film.mp4", "av1")
    with av.open(str(tmp_path / "film.mp4"), "r") as container:
        stream = container.streams.video[0]
        units = [bytes(packet) for packet in container.demux(stream) if packet.is_keyframe]
        # the four bytes before it repeat some of its fields
        header = (stream.codec_context.extradata or b"")[4:]
    assert units
    assert {sequence_header(unit) for unit in units} == {header}


@given(st.binary(max_size=40))
def test_a_sequence_header_is_found_or_refused(data: bytes) -> None:
    assert sequence_header(b"\x12\x00\x0a\x02ab" + data) == b"\x0a\x02ab"
    with pytest.raises(NoSequenceHeader):
        sequence_header(b"\x0a\x29" + data)


@pytest.mark.parametrize("unit", [b"", b"\x08ab", b"\x0a\xff", b"\x0a" + b"\xff" * 9, b"\x12\x00"])
def test_a_unit_without_a_sequence_header_is_refused(unit: bytes) -> None:
    with pytest.raises(NoSequenceHeader):
        sequence_header(unit)


@pytest.mark.parametrize("codec", CODECS)
def test_segments_of_another_encoding_are_not_joined(tmp_path: Path, codec: Codec) -> None:
    film = make_film(1)
    wrong: Codec = "av1" if codec == "hevc" else "hevc"
    coded = encode(film, choose_encoding(codec=wrong))
    if codec == "av1":  # whose header is the first segment's
        coded = [*encode(film, choose_encoding(codec="av1")), *coded]
    pairs = [(n * film.frames, segment) for n, segment in enumerate(coded)]
    tracks = Tracks(film, choose_encoding(codec=codec))
    with pytest.raises(NotJoinable):
        write_mp4(tmp_path / "a.mp4", pairs, tracks)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("crf", [1, 17, 20, 28, 51])
def test_an_encoder_opens_at_any_quality(codec: Codec, crf: int) -> None:
    encoding = choose_encoding(crf, codec=codec)
    context = cast(VideoCodecContext, av.CodecContext.create(encoding.encoder, "w"))
    assert encoding.codec == codec == context.codec.canonical_name
    coded = encode_segment(make_film(), Segment(CLIP, 0, 0, 1), noise, encoding)
    assert coded.packets[0].key


@pytest.mark.parametrize("codec", CODECS)
def test_better_is_larger(codec: Codec) -> None:
    sizes = []
    for crf in (17, 20, 23, 26):
        coded = encode(make_film(1), choose_encoding(crf, codec=codec))
        sizes.append(sum(len(packet.data) for packet in coded[0].packets))
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4


@pytest.mark.parametrize("codec", CODECS)
def test_hardware_is_used_only_where_it_answers(codec: Codec) -> None:
    assert choose_encoding(23, hardware=True, codec=codec).codec == codec
