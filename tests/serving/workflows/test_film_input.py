"""What a film is asked to be made of: bad photos are left out or refused, odd music is played."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pillow_heif import register_heif_opener

from serving.db.tables import Json
from serving.render.audio_files import decode_audio
from serving.storage.interface import Storage
from tests.bodies import huge_jpeg
from tests.fakes import RED, encode, jpeg
from tests.serving.video.pictures import texture
from tests.serving.workflows.bench import Bench
from tests.serving.workflows.film_asks import (
    RATE_HZ,
    SONG,
    ask,
    clicks,
    nothing_is_left,
    only,
    photo,
    render,
    said,
    save,
    wav,
    with_photos,
)

register_heif_opener()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cut short", photo(9)[:400]),
        ("text", b"not a photo"),
        ("1x1", jpeg(RED, 1, 1)),
        ("huge", huge_jpeg()),
        ("nothing", b""),
    ],
)
def test_a_bad_photo_is_left_out_and_named_or_refused(
    films: Bench, storage: Storage, tmp_path: Path, name: str, data: bytes
) -> None:
    storage.write("bad.jpg", data)
    photos = with_photos("0.jpg", "bad.jpg", "1.jpg")
    result = render(films, photos=photos)
    (skipped,) = result["skipped"]
    assert (skipped["photo"], skipped["error"]["status"] in (413, 422)) == ("bad.jpg", True), name
    assert " at 0x" not in skipped["error"]["detail"]
    assert only(result)["frames"] == 72
    refused = films.attempt(ask(films, photos=photos, bad_photos="refuse"))
    assert (refused.status, said(refused)["reason"]) == ("failed", "bad_input")
    assert "bad.jpg" in said(refused)["detail"]
    none = films.attempt(ask(films, photos=with_photos("bad.jpg", "none.jpg")))
    assert said(none)["detail"] == "none of the 2 photos can be read"
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [".turn"]


@pytest.mark.slow
def test_one_photo_many_photos_the_same_photo_a_heic_and_a_strip_make_films(
    films: Bench, storage: Storage
) -> None:
    storage.write("phone.heic", encode(texture(200, 300, 5, sigma=3), "HEIF"))
    assert only(render(films, photos=with_photos("phone.heic")))["frames"] == 72
    storage.write("strip.png", encode(texture(20, 66_000, 5, sigma=3), "PNG"))  # too long for JPEG
    assert only(render(films, photos=with_photos("strip.png")))["frames"] == 72
    assert only(render(films, photos=with_photos("0.jpg", "0.jpg", "0.jpg")))["frames"] == 72
    for number in range(200):
        storage.write(f"many/{number}.jpg", photo(number, 60, 90))
    many = with_photos(*(f"many/{number}.jpg" for number in range(200)))
    film = only(render(films, photos=many))
    assert film["frames"] == 72
    assert 150 < len(film["left_out"]) < 200
    assert set(film["left_out"]) < {photo["photo"] for photo in many}


MUSIC: dict[str, Callable[[], bytes]] = {
    "short.wav": lambda: clicks(0.4),
    "silent.wav": lambda: wav(np.zeros(4 * RATE_HZ, np.float32)),
    "telephone.wav": lambda: clicks(4.0, rate_hz=8000),
    "variable.mp3": lambda: variable_mp3(),
}


@pytest.mark.slow
@pytest.mark.parametrize("track", MUSIC)
def test_music_of_every_kind_is_played(
    films: Bench, storage: Storage, tmp_path: Path, track: str
) -> None:
    storage.write(track, MUSIC[track]())
    film = only(render(films, music={"track": track}))
    assert film["frames"] == 72
    heard = decode_audio(save(storage, film, tmp_path).read_bytes())
    assert (heard.samples.std() > 0.01) == (track != "silent.wav")


@pytest.mark.slow
def test_the_sound_of_a_film_is_music_too(films: Bench) -> None:
    film = only(render(films, music=SONG))
    assert only(render(films, music={"track": film["film"]}))["frames"] == 72


@pytest.mark.parametrize(
    ("data", "word"), [(b"no sound at all", "decoded"), (b"", "empty"), (photo(1), "sound")]
)
def test_what_is_no_music_fails_the_job_clearly(
    films: Bench, storage: Storage, tmp_path: Path, data: bytes, word: str
) -> None:
    storage.write("song.txt", data)
    job = films.attempt(ask(films, music={"track": "song.txt"}))
    assert (job.status, said(job)["reason"]) == ("failed", "bad_input")
    assert word in said(job)["detail"]
    late = films.attempt(ask(films, music={"track": "song.wav", "start_s": 7.0}))
    assert said(late)["detail"] == "the music ends before 7 s"
    assert nothing_is_left(films, tmp_path)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"lut": "text"}, ".cube"),
        ({"lut": "0.jpg"}, "text"),
        ({"lut": "none.cube"}, "none.cube"),
        ({"brand": {"logo": "text"}}, "logo"),
        ({"voice_over": "text"}, "decoded"),
        ({"template": "clam"}, "calm"),
        ({"photos": []}, "photos"),
        ({"music": {"track": "http://10.0.0.1/a.mp3"}}, "10.0.0.1"),
    ],
)
def test_what_else_cannot_work_fails_at_once_and_says_why(
    films: Bench, storage: Storage, tmp_path: Path, changes: Json, word: str
) -> None:
    storage.write("text", b"hello")
    job = films.attempt(ask(films, **changes))
    assert (job.status, said(job)["reason"]) == ("failed", "bad_input"), job.error
    assert word in said(job)["detail"]
    assert not (tmp_path / "scratch").exists() or nothing_is_left(films, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("music", [None, SONG])
def test_a_voice_is_heard_with_music_and_without(
    films: Bench, storage: Storage, tmp_path: Path, music: Json | None
) -> None:
    storage.write("voice.wav", clicks(1.0, bpm=300))
    film = only(render(films, music=music, voice_over="voice.wav"))
    heard = decode_audio(save(storage, film, tmp_path).read_bytes()).samples
    before, voice = heard[: int(0.4 * RATE_HZ)], heard[RATE_HZ // 2 : RATE_HZ]
    assert np.abs(voice).mean() > 0.01, "from half a second on"
    assert (np.abs(before).mean() > 1e-3) == (music is not None)


def variable_mp3() -> bytes:
    """A song whose bit rate follows what is heard."""
    samples, _ = soundfile.read(io.BytesIO(clicks(4.0)), dtype="float32")
    file = io.BytesIO()
    soundfile.write(
        file, samples, RATE_HZ, format="MP3", bitrate_mode="VARIABLE", compression_level=0.5
    )
    return file.getvalue()
