"""A finished film against its plan, as files: what is wrong with one is found and named."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from numpy.typing import NDArray

from serving.render.encoders import choose_encoding
from serving.render.film import Options, render_film
from serving.render.sound import Sound
from serving.video.film import Film
from serving.workflows.film_check import Planned, find_faults
from serving.workflows.rendering import PreparedFilm
from tests.serving.render.films import make_film, make_sources, with_photo

Samples = NDArray[np.float32]

TIMES = np.arange(96_000) / 48_000
TONE = np.sin(2 * np.pi * 440 * TIMES)[:, None].repeat(2, 1) / 4
SOUND = Sound(TONE.astype(np.float32), 48_000)
FILM = make_film(3, 24, 6)  # 2 s
CUT = PreparedFilm(FILM, make_sources(), SOUND)


def judge(path: Path, cut: PreparedFilm = CUT) -> list[str]:
    findings = find_faults(path, Planned(cut, (), None), lambda: None)
    assert all(finding.reason for finding in findings)
    return [finding.kind for finding in findings]


def render(path: Path, film: Film = FILM, sound: Sound | None = SOUND) -> Path:
    render_film(film, make_sources(), path, Options(sound=sound))
    return path


def part_of(sound: Sound, change: Callable[[Samples], Samples]) -> Sound:
    return replace(sound, samples=change(sound.samples.copy()))


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30_000, 1001), Fraction(60)])
def test_a_film_as_planned_has_no_findings(tmp_path: Path, fps: Fraction) -> None:
    film = replace(FILM, fps=fps)
    cut = replace(CUT, film=film)
    assert judge(render(tmp_path / "film.mp4", film), cut) == []


def silence(samples: Samples) -> Samples:
    samples[40_000:56_000] = 0
    return samples


@pytest.mark.parametrize(
    ("kind", "film", "sound"),
    [
        ("wrong", with_photo(FILM, 1, "another"), SOUND),
        ("length", make_film(3, 23, 6), SOUND),
        ("format", replace(FILM, width=64, height=36), SOUND),
        ("format", replace(FILM, fps=Fraction(25)), SOUND),
        ("format", FILM, None),
        ("silent", FILM, part_of(SOUND, silence)),
        ("silent", FILM, part_of(SOUND, np.zeros_like)),
    ],
)
def test_what_differs_from_the_plan_is_named(
    tmp_path: Path, kind: str, film: Film, sound: Sound | None
) -> None:
    assert kind in judge(render(tmp_path / "film.mp4", film, sound))


def test_another_codec_is_named(tmp_path: Path) -> None:
    path = render(tmp_path / "film.mp4")
    assert judge(path, replace(CUT, codec="hevc")) == ["format"]
    options = Options(choose_encoding(codec="hevc"), sound=SOUND)
    render_film(FILM, make_sources(), path, options)
    assert judge(path, replace(CUT, codec="hevc")) == []


def test_other_colours_are_named(tmp_path: Path) -> None:
    path, other = render(tmp_path / "film.mp4"), tmp_path / "other.mp4"
    with av.open(str(path)) as source, av.open(str(other), "w", format="mp4") as copy:
        stream: Any = copy.add_stream("libx264", rate=30, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = FILM.width, FILM.height, "yuv420p"
        # BT.470BG, of old television
        stream.codec_context.colorspace = stream.codec_context.color_primaries = 5
        for frame in source.decode(video=0):
            frame.pict_type = PictureType.NONE
            copy.mux(stream.encode(frame))
        copy.mux(stream.encode(None))
    findings = find_faults(other, Planned(replace(CUT, sound=None), (), None), lambda: None)
    assert [finding.kind for finding in findings] == ["format"]
    assert "colours" in findings[0].reason


@pytest.mark.parametrize("where", [0.0, 0.5])
def test_a_damaged_file_is_named(tmp_path: Path, where: float) -> None:
    path = render(tmp_path / "film.mp4")
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 8 + round(where * len(data) / 2)
    data[start : start + 3000] = bytes(3000)
    path.write_bytes(data)
    assert judge(path)


def test_half_a_file_is_named(tmp_path: Path) -> None:
    path = render(tmp_path / "film.mp4")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert judge(path)
    path.write_bytes(b"")
    assert judge(path) == ["damaged"]
