import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from serving.errors import BadInput
from serving.render.encoders import choose_encoding
from serving.render.film import Options, render_film
from serving.render.preview import INIT, PLAYLIST, PreviewStream, part_name
from serving.render.profiles import Encoding, fit_film
from serving.render.sound import Sound, encode_sound
from serving.render.stills import loop_step, make_loop, make_poster
from tests.serving.render.films import caption, make_film, make_sources, times

HUM = Sound(np.full((200_000, 2), 0.1, np.float32), 48_000)


def test_parts_appear_in_order_and_each_can_be_played_so_far(tmp_path: Path) -> None:
    film = make_film(4)
    files: dict[str, bytes] = {}
    grown: list[int] = []

    def publish(name: str, data: bytes) -> None:
        files[name] = data
        if name == PLAYLIST:
            parts = sorted(part for part in files if part.endswith(".m4s"))
            seen = b"".join([files[INIT], *(files[part] for part in parts)])
            grown.append(len(times(io.BytesIO(seen))))

    sound = encode_sound(HUM, film.frames / film.fps)
    stream = PreviewStream(film, Encoding(), sound, publish)
    render_film(film, make_sources(), tmp_path / "a.mp4", Options(ready=stream.add))
    stream.close()
    assert grown == sorted(grown)
    assert grown[0] < grown[-1] == film.frames
    text = files[PLAYLIST].decode()
    assert text.endswith("#EXT-X-ENDLIST\n")
    lengths = [float(line[8:-1]) for line in text.splitlines() if line.startswith("#EXTINF")]
    assert sum(lengths) == pytest.approx(film.frames / film.fps, abs=1e-4)
    assert part_name(len(lengths) - 1) in text
    whole = b"".join([files[INIT], *(files[part_name(n)] for n in range(len(lengths)))])
    shown = times(io.BytesIO(whole))
    assert shown == sorted(shown)
    assert float(shown[0]) == pytest.approx(0, abs=1e-3)


def test_sound_has_exactly_the_film_s_length() -> None:
    for seconds in (1, 3):
        data = encode_sound(HUM, make_film().frames / make_film().fps * seconds)
        with av.open(io.BytesIO(data), "r") as container:
            stream = container.streams.audio[0]
            length_s = (stream.duration or 0) * (stream.time_base or 0)
            assert float(length_s) == pytest.approx(2 * seconds, abs=1e-3)


@pytest.mark.parametrize(
    "sound",
    [Sound(np.zeros((9, 1), np.float32), 48_000), Sound(np.zeros((9, 2), np.float32), 8000)],
)
def test_other_sound_is_refused(sound: Sound) -> None:
    with pytest.raises(BadInput):
        encode_sound(sound, make_film().fps)


def test_a_poster_shows_the_frame_without_overlays() -> None:
    film = make_film(overlays=(caption(0, 60, width=1.0),))
    with Pillow.open(io.BytesIO(make_poster(film, make_sources(), 3))) as poster:
        assert poster.size == (128, 72)
        with_none = make_poster(make_film(), make_sources(), 3)
        assert np.array_equal(np.asarray(poster), np.asarray(Pillow.open(io.BytesIO(with_none))))
    with pytest.raises(BadInput):
        make_poster(film, make_sources(), 60)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_a_loop_has_eight_pictures_a_second(kind: str) -> None:
    with Pillow.open(io.BytesIO(make_loop(make_film(), make_sources(), kind, 64))) as loop:
        assert loop.size == (64, 36)
        assert getattr(loop, "n_frames", 1) == 15
        assert loop.info["loop"] == 0
        loop.load()
        assert loop.info["duration"] == pytest.approx(1000 * 4 / 30, abs=5), "as fast as the film"


@pytest.mark.parametrize(("seconds", "fps"), [(2, 24), (59, 60), (61, 30), (900, 25), (900, 60)])
def test_a_loop_of_a_long_film_has_no_more_pictures(seconds: int, fps: int) -> None:
    film = make_film(clips=1, frames=seconds * fps, fps=Fraction(fps))
    assert film.frames / loop_step(film) <= 480 + 1
    assert loop_step(film) >= round(fps / 8)


def test_profiles_keep_the_shape() -> None:
    assert (fit_film(make_film(), "1080p").width, fit_film(make_film(), "4k").height) == (
        1920,
        2160,
    )
    with pytest.raises(BadInput):
        fit_film(make_film(), "8k")


def test_hardware_is_used_only_where_it_answers() -> None:
    chosen = choose_encoding(23, hardware=True)
    assert chosen.encoder in ("libx264", "h264_nvenc", "h264_vaapi")
    assert ("crf", "23") in choose_encoding(23).options
