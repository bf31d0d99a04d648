from pathlib import Path

import ffmpeg  # type: ignore[import-untyped]
import numpy as np
import pytest

from serving.render.ffmpeg import FfmpegFailed, FfmpegSlow, extract_sound, open_input, run
from serving.render.film import Options, render_film
from serving.render.sound import Sound
from tests.serving.render.films import make_film, make_sources


def test_sound_of_a_film_is_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "a film's file.mp4"
    hum = Sound(np.full((96_000, 2), 0.25, np.float32), 48_000)
    render_film(make_film(), make_sources(), path, Options(sound=hum))
    samples = np.frombuffer(extract_sound(path), np.float32).reshape(-1, 2)
    assert abs(len(samples) - 96_000) <= 1024
    assert np.median(samples) == pytest.approx(0.25, abs=0.02)


def test_a_hostile_playlist_reaches_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "song.m3u8"
    path.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(FfmpegFailed):
        extract_sound(path)


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"RIFF....WAVE"])
def test_what_is_no_sound_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    with pytest.raises(FfmpegFailed):
        extract_sound(path)


def test_a_program_that_hangs_is_ended() -> None:
    endless = ffmpeg.input("anullsrc", f="lavfi", re=None)
    with pytest.raises(FfmpegSlow):
        run(ffmpeg.output(endless, "pipe:", format="null"), timeout_s=0.5)


def test_inputs_are_files_only() -> None:
    command = ffmpeg.compile(ffmpeg.output(open_input(Path("-x")), "pipe:", format="null"))
    assert "file:-x" in command
    assert command[command.index("-protocol_whitelist") + 1] == "file,pipe"
