"""What a film is asked to be made of: bad photos are left out or refused, odd music is played."""

import io
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import soundfile
from pillow_heif import register_heif_opener

from serving.audio.beat_tracker import BEAT_TRACKER
from serving.db.tables import Job, Json
from serving.errors import BadInput
from serving.render.audio_files import decode_audio
from serving.requests.film import FilmInput, MusicSpec, PhotoSpec, SoundSpec
from serving.storage.interface import Storage
from serving.workflows.film_sound import Song, make_sound, open_song
from serving.workflows.run import Run
from tests.bodies import huge_jpeg
from tests.fakes import RED, encode, jpeg
from tests.serving.video.pictures import texture
from tests.serving.workflows.film_requests import (
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
from tests.serving.workflows.harness import JobHarness

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
    films: JobHarness, storage: Storage, tmp_path: Path, name: str, data: bytes
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
    films: JobHarness, storage: Storage
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
    films: JobHarness, storage: Storage, tmp_path: Path, track: str
) -> None:
    storage.write(track, MUSIC[track]())
    film = only(render(films, music={"track": track}))
    assert film["frames"] == 72
    heard = decode_audio(save(storage, film, tmp_path).read_bytes())
    assert (heard.samples.std() > 0.01) == (track != "silent.wav")


@pytest.mark.slow
def test_the_sound_of_a_film_is_music_too(films: JobHarness) -> None:
    film = only(render(films, music=SONG))
    assert only(render(films, music={"track": film["film"]}))["frames"] == 72


@pytest.mark.parametrize(
    ("data", "word"), [(b"no sound at all", "decoded"), (b"", "empty"), (photo(1), "sound")]
)
def test_what_is_no_music_fails_the_job_clearly(
    films: JobHarness, storage: Storage, tmp_path: Path, data: bytes, word: str
) -> None:
    storage.write("song.txt", data)
    job = films.attempt(ask(films, music={"track": "song.txt"}))
    assert (job.status, said(job)["reason"]) == ("failed", "bad_input")
    assert word in said(job)["detail"]
    late = films.attempt(ask(films, music={"track": "song.wav", "start_s": 7.0}))
    assert said(late)["detail"] == "the music 'song.wav': it ends before 7 s"
    assert nothing_is_left(films, tmp_path)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"lut": "text"}, ".cube"),
        ({"lut": "0.jpg"}, "text"),
        ({"lut": "none.cube"}, "none.cube"),
        ({"lut": "text"}, "the look 'text'"),
        ({"brand": {"logo": "text"}}, "logo"),
        ({"voice_over": "text"}, "decoded"),
        ({"template": "clam"}, "calm"),
        ({"photos": []}, "photos"),
        ({"music": {"track": "http://10.0.0.1/a.mp3"}}, "10.0.0.1"),
    ],
)
def test_what_else_cannot_work_fails_at_once_and_says_why(
    films: JobHarness, storage: Storage, tmp_path: Path, changes: Json, word: str
) -> None:
    storage.write("text", b"hello")
    job = films.attempt(ask(films, **changes))
    assert (job.status, said(job)["reason"]) == ("failed", "bad_input"), job.error
    assert word in said(job)["detail"]
    assert not (tmp_path / "scratch").exists() or nothing_is_left(films, tmp_path)


@pytest.mark.slow
def song_of(films: JobHarness, work: FilmInput) -> Song | None:
    """Open the music of a film as its job does."""
    pinned = {BEAT_TRACKER.name: films.parts.predictor.find(BEAT_TRACKER).pin}
    job = Job(id=uuid4(), input={}, versions=pinned)
    return open_song(Run(films.parts, job, lambda: None, True), work)


def test_silence_before_the_music_is_left_out_unless_the_request_places_it(
    films: JobHarness, storage: Storage
) -> None:
    song, _ = soundfile.read(io.BytesIO(clicks(8.0)), dtype="float32")
    late = np.concatenate([np.zeros(5 * RATE_HZ, np.float32), song])
    storage.write("late.wav", wav(late))
    work = FilmInput(photos=[PhotoSpec(photo="0.jpg")], music=MusicSpec(track="late.wav"))
    heard = song_of(films, work)
    assert heard is not None
    assert heard.start_s == pytest.approx(5, abs=0.1)
    assert any("first 5.0 s are silent" in note for note in heard.notes)
    for asked in ({"start_s": 1.0}, {"trim_silence": False}):
        placed = MusicSpec.model_validate({"track": "late.wav"} | asked)
        kept = song_of(films, work.model_copy(update={"music": placed}))
        assert kept is not None
        assert kept.start_s == asked.get("start_s", 0.0)


def test_what_was_missing_of_its_sounds_is_said_with_the_film(
    films: JobHarness, storage: Storage
) -> None:
    song = clicks(6.0)
    storage.write("cut.wav", song[: len(song) * 3 // 4])
    tone, _ = soundfile.read(io.BytesIO(clicks(4.0)), dtype="float32")
    storage.write("mirrored.wav", wav(np.stack([tone, -tone], axis=1)))
    work: Json = {"music": {"track": "cut.wav"}, "sounds": [{"track": "mirrored.wav"}]}
    for _ in range(2):  # the mix is made once, its notes are told each time
        result = render(films, **work)
        music, bars, mirrored = result["notes"]
        assert "bars were not found" in bars  # clicks are all alike
        assert music.startswith("the music 'cut.wav': the sound is cut off: 4.5 s of 6.0 s")
        assert mirrored.startswith("the sound 'mirrored.wav': its channels cancelled")
    assert render(films, music=SONG)["notes"] == []


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"music": {"track": "text.wav"}}, "the music 'text.wav'"),
        ({"voice_over": "text.wav", "music": SONG}, "the voice-over 'text.wav'"),
        ({"sounds": [{"track": "song.wav"}, {"track": "text.wav"}]}, "the sound 'text.wav'"),
        ({"sounds": [{"track": "none.wav"}]}, "the sound 'none.wav'"),
    ],
)
def test_a_refusal_names_the_track_at_fault(
    films: JobHarness, storage: Storage, asked: Json, named: str
) -> None:
    storage.write("text.wav", b"this is no sound")
    job = films.attempt(ask(films, **asked))
    assert job.status == "failed"
    assert named in said(job)["detail"]


@pytest.mark.parametrize("music", [None, SONG])
def test_a_voice_is_heard_with_music_and_without(
    films: JobHarness, storage: Storage, tmp_path: Path, music: Json | None
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


def test_a_voice_or_sound_for_which_the_film_is_too_short_is_named_in_the_notes(
    films: JobHarness, storage: Storage
) -> None:
    tone = 0.2 * np.sin(np.arange(3 * RATE_HZ) / 20).astype(np.float32)
    storage.write("voice.wav", wav(tone))
    storage.write("birds.wav", wav(tone))
    late = SoundSpec(track="birds.wav", at_s=2.0)
    work = FilmInput(photos=[PhotoSpec(photo="0.jpg")], voice_over="voice.wav", sounds=[late])
    run = Run(films.parts, Job(id=uuid4(), input={}, versions={}), lambda: None, True)
    sound = make_sound(run, work, None, 2 * RATE_HZ)
    assert sound is not None
    assert sound.notes == (
        "the voice-over 'voice.wav': the film ends 1.5 s before it does",
        "the sound 'birds.wav': it is not heard: the film ends before it begins",
    )


def test_music_that_is_too_short_to_be_looped_is_named(films: JobHarness, storage: Storage) -> None:
    storage.write("tick.wav", wav(np.full(RATE_HZ // 5, 0.1, np.float32)))
    work = FilmInput(photos=[PhotoSpec(photo="0.jpg")], music=MusicSpec(track="tick.wav"))
    with pytest.raises(BadInput, match=r"the music 'tick\.wav': from 0 s on it has 0\.20 s"):
        song_of(films, work)
