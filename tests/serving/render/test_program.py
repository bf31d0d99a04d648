"""Films by FFmpeg's program: what VAAPI takes, with the CPU's encoders in its place."""

import dataclasses
import io
import os
import signal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import ffmpeg  # type: ignore[import-untyped]
import numpy as np
import psutil
import pytest

from serving.errors import BadInput, StudioError
from serving.render.cache import MemoryCache
from serving.render.encode import encode_segment
from serving.render.encoders import choose_encoding
from serving.render.ffmpeg import FfmpegDied, FfmpegSlow, run_fed
from serving.render.film import Options, render_film
from serving.render.frames import FrameRenderer
from serving.render.gpu import first_that_answers, gpu_encodings, try_encoding
from serving.render.h264 import split_units
from serving.render.naming import name_segment
from serving.render.packets import CodedSegment
from serving.render.pool import RenderCancelled, RenderControl
from serving.render.preview import INIT, PLAYLIST, PreviewStream
from serving.render.profiles import Codec, Encoding, Program
from serving.render.segments import CLIP, Segment, split_film
from serving.video.draw.yuv import Planes
from tests.serving.render.films import decode, make_film, make_sources, psnr, times

CODECS: tuple[Codec, ...] = ("h264", "hevc")
NODES = ("/dev/dri/renderD128", "/dev/dri/renderD129")


def by_program(
    codec: Codec = "h264", filters: str = "format=nv12,format=yuv420p", **more: str
) -> Encoding:
    encoding = choose_encoding(codec=codec)
    options = tuple((dict(encoding.options) | more).items())
    return dataclasses.replace(encoding, options=options, program=Program(filters))


def encode(encoding: Encoding, frames: int = 24) -> CodedSegment:
    film = make_film(1, frames)
    (segment,) = split_film(film)
    return encode_segment(
        film, segment, FrameRenderer(film, make_sources()).painter(segment), encoding
    )


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30_000, 1001)])
def test_a_film_has_every_frame_at_its_time_and_is_tagged(
    tmp_path: Path, codec: Codec, fps: Fraction
) -> None:
    film, path = make_film(fps=fps), tmp_path / "film.mp4"
    render_film(film, make_sources(), path, Options(by_program(codec)))
    shown = times(path)
    assert len(shown) == film.frames
    assert all(abs(time - n / fps) < 1e-4 for n, time in enumerate(shown))
    with av.open(str(path), "r") as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.codec.canonical_name, context.pix_fmt) == (codec, "yuv420p")
        assert context.codec_tag.encode() == {"h264": b"avc1", "hevc": b"hvc1"}[codec]
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert tags == (1, 1, 1, 1)
        packets = [packet for packet in container.demux(stream) if packet.size]
        keys = {round((p.pts or 0) * p.time_base * fps) for p in packets if p.is_keyframe}
    assert keys == {segment.start for segment in split_film(film)}
    assert len({(b.dts or 0) - (a.dts or 0) for a, b in pairwise(packets)}) == 1


@pytest.mark.parametrize("codec", CODECS)
def test_pictures_are_those_of_the_library(tmp_path: Path, codec: Codec) -> None:
    film, sources = make_film(), make_sources()
    # fine: the library's transitions go on from clips, and err elsewhere than these
    fine = by_program(codec, crf="10")
    for name, encoding in (("a", fine), ("b", dataclasses.replace(fine, program=None))):
        render_film(film, sources, tmp_path / name, Options(encoding))
    pictures, others = decode(tmp_path / "a"), decode(tmp_path / "b")
    assert min(psnr(a, b) for a, b in zip(pictures, others, strict=True)) > 40


def test_a_film_is_the_same_again_and_from_the_cache(tmp_path: Path) -> None:
    film, cache = make_film(), MemoryCache()
    drawn = [
        render_film(
            film, make_sources(), tmp_path / name, Options(by_program(), cache, workers=workers)
        ).drawn
        for name, workers in (("a", 1), ("b", 3))
    ]
    render_film(film, make_sources(), tmp_path / "c", Options(by_program(), workers=3))
    assert drawn == [film.frames, 0]
    assert len({(tmp_path / name).read_bytes() for name in "abc"}) == 1


@pytest.mark.parametrize("codec", CODECS)
def test_whatever_is_shown_for_however_long_has_the_same_header(codec: Codec) -> None:
    def noise(number: int, out: Planes) -> None:
        rng = np.random.default_rng(number)
        for plane in out:
            plane[...] = rng.integers(16, 236, plane.shape, np.uint8)

    def flat(_: int, out: Planes) -> None:
        for plane in out:
            plane[...] = 128

    coded = [
        encode_segment(make_film(), Segment(CLIP, 0, 0, frames), draw, by_program(codec))
        for draw in (flat, noise)
        for frames in (1, 2, 40)
    ]
    assert len({segment.header for segment in coded}) == 1
    assert [len(segment.packets) for segment in coded] == [1, 2, 40, 1, 2, 40]
    for segment in coded:
        assert [packet.shown for packet in segment.packets if packet.key] == [0]
        assert all(n - p.shown <= by_program().reordering for n, p in enumerate(segment.packets))


X265 = "repeat-headers=1:pools=none:frame-threads=1:open-gop=0:info=0:log-level=error"
ONLY_THERE = {"flags": "+cgop-global_header"}


@pytest.mark.parametrize(
    ("codec", "driver"),
    [
        ("h264", {"bsf": "dump_extra"}),
        ("hevc", {"bsf": "dump_extra"}),
        ("h264", ONLY_THERE),
        ("hevc", ONLY_THERE | {"x265-params": X265}),
    ],
)
def test_parameter_sets_before_a_key_frame_become_the_header(
    codec: Codec, driver: dict[str, str]
) -> None:
    """VAAPI's encoders repeat them there; some drivers write them nowhere else."""
    coded = encode(by_program(codec, **driver))
    assert coded == encode(by_program(codec))
    kinds = [
        unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63 for unit in split_units(coded.header)
    ]
    assert kinds == ([7, 8] if codec == "h264" else [32, 33, 34])
    sets = set(split_units(coded.header))
    assert not any(sets & set(split_units(packet.data)) for packet in coded.packets)


def test_a_stream_without_parameter_sets_is_refused() -> None:
    options = (("c", "mpeg4"), ("flags", "+global_header"))
    other_codec = Encoding("libx264", options, Program("format=yuv420p"))
    with pytest.raises(FfmpegDied, match="parameter sets"):
        encode(other_codec)


def test_a_preview_plays() -> None:
    film, files = make_film(1, 48), dict[str, bytes]()
    stream = PreviewStream(film, by_program(), None, files.__setitem__)
    stream.add(split_film(film)[0], encode(by_program(), 48))
    stream.close()
    whole = b"".join(
        data for name, data in sorted(files.items(), key=lambda f: f[0] != INIT) if name != PLAYLIST
    )
    assert len(times(io.BytesIO(whole))) == 48


class Unlucky(Exception):
    """Something that a drawing may raise."""


def children() -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if "ffmpeg" in p.name()]


def test_a_drawing_that_raises_kills_the_program() -> None:
    seen: list[psutil.Process] = []

    def draw(number: int, out: Planes) -> None:
        out.y[...] = number
        if number == 10:
            seen.extend(children())
            raise Unlucky

    # which, left alone, would never end
    endless = by_program(filters="tpad=stop=-1:stop_mode=clone")
    with pytest.raises(Unlucky):
        encode_segment(make_film(), Segment(CLIP, 0, 0, 40), draw, endless)
    assert len(seen) == 1
    assert not seen[0].is_running()
    assert not children()


def test_a_cancelled_film_leaves_no_program_and_no_file(tmp_path: Path) -> None:
    cancelled = RenderControl(cancelled=lambda: bool(children()))
    # takes pictures no faster than they are shown, so that they are still being drawn
    endless = Options(by_program(filters="realtime,tpad=stop=-1:stop_mode=clone"))
    with pytest.raises(RenderCancelled):
        render_film(make_film(1, 300), make_sources(), tmp_path / "a.mp4", endless, cancelled)
    assert not children()
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_is_killed_is_told_and_no_photo_is_blamed() -> None:
    def draw(number: int, out: Planes) -> None:
        out.y[...] = number
        if number == 10:
            (program,) = children()
            os.kill(program.pid, signal.SIGKILL)

    with pytest.raises(FfmpegDied, match="ended with -9") as caught:
        encode_segment(make_film(), Segment(CLIP, 0, 0, 40), draw, by_program())
    assert not isinstance(caught.value, BadInput)
    assert isinstance(caught.value, StudioError)


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ("nosuchfilter", "No such filter: 'nosuchfilter'"),
        ("trim=end_frame=3", "libx264 gave 3 of 150 pictures"),
    ],
)
def test_a_program_that_ends_early_is_told(filters: str, said: str) -> None:
    with pytest.raises(FfmpegDied, match=said):
        encode(by_program(filters=filters), 150)


def test_a_program_that_hangs_at_its_end_is_killed() -> None:
    endless = ffmpeg.input("pipe:", format="u8").filter("apad")
    with pytest.raises(FfmpegSlow):
        run_fed(ffmpeg.output(endless, "pipe:", format="null"), [memoryview(b"abc")], 0.5)
    assert not children()


def test_a_program_that_takes_nothing_is_killed() -> None:
    slow = ffmpeg.input("pipe:", format="u8", ar=8000, re=None)
    with pytest.raises(FfmpegSlow):
        run_fed(ffmpeg.output(slow, "pipe:", format="null"), [memoryview(bytes(10**7))], 0.5)
    assert not children()


def test_much_output_and_many_messages_stop_nothing() -> None:
    sound = ffmpeg.input("pipe:", format="u8", ar=8000)
    parts = [memoryview(bytes([n]) * 100_000) for n in range(30)]
    loud = ("-progress", "pipe:2", "-stats_period", "0.000001")
    made = run_fed(ffmpeg.output(sound, "pipe:", format="u8").global_args(*loud), parts)
    assert made == b"".join(parts)


@pytest.mark.parametrize("codec", CODECS)
def test_nvidia_is_asked_first_then_each_vaapi_device(codec: Codec) -> None:
    asked: list[Encoding] = []

    def only_the_second(encoding: Encoding) -> bytes | None:
        asked.append(encoding)
        program = encoding.program
        return b"header" if program and NODES[1] in program.settings else None

    chosen = first_that_answers(gpu_encodings(23, codec, NODES), only_the_second)
    assert chosen
    assert chosen.encoder == f"{codec}_vaapi"
    assert chosen.codec == codec
    assert ("qp", "23") in chosen.options
    assert [encoding.encoder for encoding in asked] == [f"{codec}_nvenc", *[chosen.encoder] * 3]
    assert [encoding.program and encoding.program.settings[1] for encoding in asked] == [
        None,
        NODES[0],
        NODES[0],
        NODES[1],
    ]


def test_where_nothing_answers_the_cpu_encodes() -> None:
    assert first_that_answers(gpu_encodings(20, "h264", NODES), lambda _: None) is None
    nvidia = first_that_answers(gpu_encodings(20, "h264", NODES), lambda _: b"any")
    assert nvidia
    assert nvidia.encoder == "h264_nvenc"
    assert [e.encoder for e in gpu_encodings(20, "av1", NODES)] == ["av1_nvenc"]


@pytest.mark.skipif(Path("/dev/dri").exists(), reason="there may be a GPU")
@pytest.mark.parametrize("codec", CODECS)
def test_a_machine_without_devices_encodes_by_its_cpu(codec: Codec) -> None:
    assert choose_encoding(hardware=True, codec=codec) == choose_encoding(codec=codec)


def test_a_trial_gives_the_header_or_quietly_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    works = try_encoding(by_program())
    assert works
    assert split_units(works)[0][0] & 31 == 7
    fake = tmp_path / "renderD128"
    fake.touch()
    assert [try_encoding(e) for e in gpu_encodings(20, "h264", [str(fake)])][1:] == [None, None]
    assert capfd.readouterr() == ("", "")


def test_two_kinds_of_device_share_no_segments() -> None:
    film = make_film(1)
    (segment,) = split_film(film)
    chosen = [
        first_that_answers([by_program()], lambda _, header=header: header)  # type: ignore[misc]
        for header in (b"one", b"two", b"two")
    ]
    names = [
        name_segment(film, segment, encoding, (lambda kind, name: kind + name, None))
        for encoding in chosen
        if encoding
    ]
    assert names[0] != names[1] == names[2]
