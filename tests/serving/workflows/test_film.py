"""Films as jobs: exact, made once, again only where something changed, and nothing half done."""

import dataclasses
import hashlib
import io
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from PIL import Image as Pillow
from pillow_heif import register_heif_opener
from sqlalchemy import Engine

from serving.db.tables import Job, Json
from serving.errors import Cancelled, HandedBack, JobStopped
from serving.render.audio_files import decode_audio
from serving.render.encode import encode_segment
from serving.render.packets import CodedSegment
from serving.render.profiles import Encoding
from serving.render.segments import CLIP, Segment
from serving.settings import Settings
from serving.storage.clips import ClipStore
from serving.storage.interface import Storage
from serving.storage.scratch import Scratch
from serving.video.planes import Planes
from tests.bodies import huge_jpeg
from tests.fakes import BLUE, GREEN, RED, encode, jpeg
from tests.serving.jobs.conftest import rows
from tests.serving.render.films import make_film, times
from tests.serving.test_worker import is_over, wait, worker
from tests.serving.video.pictures import texture
from tests.serving.workflows.bench import Bench, wait_until_due

register_heif_opener()
FORMAT = {"profile": "720p", "fps": 24}
RATE_HZ = 48_000
SONG = {"track": "song.wav"}


@pytest.fixture
def films(bench: Bench, storage: Storage) -> Bench:
    """A bench for films, three photos and a song in the storage."""
    for number in range(4):
        storage.write(f"{number}.jpg", photo(number))
    storage.write("song.wav", clicks(6.0))
    return Bench(bench.parts, "render_video")


def photo(seed: int, height: int = 200, width: int = 300) -> bytes:
    return encode(texture(height, width, seed, sigma=3), "JPEG", quality=92)


def clicks(seconds: float, bpm: float = 120.0, level: float = 0.5, rate_hz: int = RATE_HZ) -> bytes:
    """A song of drum strokes over a tone, as a wav."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    since = times % (60 / bpm)
    strokes = np.exp(-since * 30) * np.sin(2 * np.pi * 180 * since)
    song = level * (strokes + 0.1 * np.sin(2 * np.pi * 440 * times))
    return wav(song.astype(np.float32), rate_hz)


def wav(samples: NDArray[np.float32], rate_hz: int = RATE_HZ) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()


def ask(films: Bench, **changes: object) -> UUID:
    """Ask for a film of 3 s without preview."""
    wanted: Json = {
        "photos": with_photos("0.jpg", "1.jpg", "2.jpg"),
        "length_s": 3.0,
        "formats": [FORMAT],
        "preview": False,
    }
    return films.submit(**(wanted | {"template": "energetic", "order": "given"} | changes))


def render(films: Bench, **changes: object) -> Json:
    """Render it; return the job's result."""
    job = films.attempt(ask(films, **changes))
    assert job.status == "completed", job.error
    assert job.result is not None
    return job.result


def only(result: Json) -> Json:
    """The film of a result that has one."""
    (film,) = result["films"]
    assert isinstance(film, dict)
    return film


def with_photos(*names: str, **first: object) -> list[Json]:
    """Photos of a request; `first` is said of the first one."""
    photos: list[Json] = [{"photo": name, "room": "kitchen"} for name in names]
    photos[0] |= first
    return photos


def save(storage: Storage, film: Json, folder: Path) -> Path:
    path = folder / "film.mp4"
    storage.read_to(film["film"], path)
    return path


def nothing_is_left(films: Bench, folder: Path) -> bool:
    """No temporary file, and no film or half of one."""
    scratch = [path.name for path in (folder / "scratch").iterdir()]
    return scratch == [".turn"] and not list(films.parts.storage.keys("films/"))


@pytest.mark.parametrize("music", [None, {"track": "song.wav"}])
def test_a_film_has_exactly_its_frames_and_its_sound_begins_and_ends_with_them(
    films: Bench, storage: Storage, tmp_path: Path, music: Json | None
) -> None:
    film = only(render(films, music=music))
    assert (film["width"], film["height"], film["frames"]) == (1280, 720, 72)
    path = save(storage, film, tmp_path)
    assert path.stat().st_size == film["bytes"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == film["sha256"]
    shown = times(path)
    assert [round(time * 24, 3) for time in shown] == list(range(72))
    with av.open(str(path)) as container:
        assert len(container.streams.audio) == (music is not None)
    if music is not None:
        assert abs(float(times(path, "audio")[0])) < 1e-3
        heard = decode_audio(path.read_bytes(), sample_rate_hz=RATE_HZ)
        assert abs(len(heard.samples) - 3 * RATE_HZ) < 1024, "up to a block of AAC"
        assert film["cuts_s"] == [pytest.approx(cut, abs=1 / 48) for cut in (1.0, 2.0)]
    assert {storage.stat(film[name]).content_type for name in ("film", "poster", "loop")} == {
        "video/mp4", "image/jpeg", "image/webp",
    }  # fmt: skip


@pytest.mark.slow
def test_a_film_that_was_made_before_is_not_drawn_and_has_the_same_bytes(
    films: Bench, storage: Storage
) -> None:
    first = only(render(films, music=SONG))
    again = only(render(films, music=SONG))
    assert (first["frames_drawn"], again["frames_drawn"]) == (72, 0)
    assert (again["segments_reused"], again["sha256"]) == (again["segments"], first["sha256"])
    storage.write("other.wav", clicks(6.0, level=-0.4))
    retold = only(render(films, music={"track": "other.wav"}))
    assert retold["frames_drawn"] == 0, "the cuts are the same, only the sound is another"
    assert retold["sha256"] != first["sha256"]


def test_an_edit_draws_what_it_touches_and_nothing_else(films: Bench) -> None:
    """The bytes are those of a film that was made at once."""
    before = only(render(films))
    edits = {
        "photo": with_photos("0.jpg", "1.jpg", "3.jpg"),
        "caption": with_photos("0.jpg", "1.jpg", "2.jpg", caption="Maple Street 7"),
    }
    for name, photos in edits.items():
        edited = only(render(films, photos=photos))
        assert 0 < edited["frames_drawn"] < 45, name
        assert edited["sha256"] != before["sha256"]
        kept(films).evict(0, 1e9)
        fresh = only(render(films, photos=photos))
        assert (fresh["frames_drawn"], fresh["sha256"]) == (72, edited["sha256"]), name
        assert only(render(films))["frames_drawn"] > 0


@pytest.mark.slow
def test_formats_share_photos_analysis_and_mix(films: Bench, storage: Storage) -> None:
    formats = [FORMAT, {"aspect": "1:1", "profile": "720p", "fps": 24}]
    result = render(films, music=SONG, formats=formats, preview=True)
    wide, square = result["films"]
    assert (square["width"], square["height"], square["cuts_s"]) == (720, 720, wide["cuts_s"])
    assert len(list(storage.keys("stages/film-sound"))) == 1
    assert len([key for key in storage.keys("audio/") if key.endswith("analysis.json")]) == 1
    names = [key.rpartition("/")[2] for key in storage.keys(result["preview"].rpartition("/")[0])]
    assert {"init.mp4", "part-00000.m4s", "playlist.m3u8"} <= set(names)
    assert b"#EXT-X-ENDLIST" in storage.read(result["preview"])


def test_rooms_are_found_where_they_are_not_given(films: Bench, storage: Storage) -> None:
    for name, colour in (("r", RED), ("g", GREEN), ("b", BLUE)):
        storage.write(f"{name}.jpg", jpeg(colour))
    photos = [{"photo": f"{name}.jpg"} for name in "rgb"]
    job = films.attempt(ask(films, photos=photos, order="rooms"))
    assert job.status == "completed", job.error
    assert job.versions is not None


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
def test_one_photo_many_photos_the_same_photo_and_a_heic_make_films(
    films: Bench, storage: Storage
) -> None:
    storage.write("phone.heic", encode(texture(200, 300, 5, sigma=3), "HEIF"))
    assert only(render(films, photos=with_photos("phone.heic")))["frames"] == 72
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


@pytest.mark.slow
def test_a_full_disk_is_tried_again_and_leaves_nothing(
    films: Bench, engine: Engine, tmp_path: Path
) -> None:
    scratch = Scratch(tmp_path / "scratch", 2 * 10**5)
    small = Bench(replace(films.parts, scratch=scratch), "render_video")
    small_disk = {"photos": with_photos(*(f"{n % 4}.jpg" for n in range(4))), "length_s": 9.0}
    job_id = ask(small, **small_disk, music=SONG)
    job = small.attempt(job_id)
    assert (job.status, job.failures) == ("pending", 1)
    assert why_again(engine) == ["StorageFull"]
    assert nothing_is_left(films, tmp_path)


def test_a_file_that_the_disk_has_no_room_for_is_no_film(
    films: Bench, engine: Engine, tmp_path: Path
) -> None:
    """As with a full disk, the system refuses in the middle of writing."""
    job_id = ask(films, music=SONG)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    try:
        job = films.attempt(job_id)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (job.status, why_again(engine)) == ("pending", ["StorageFull"])
    assert nothing_is_left(films, tmp_path)
    wait_until_due(films.parts.engine)
    assert films.attempt(job_id).status == "completed"


@pytest.mark.parametrize(
    ("stop", "status"), [(Cancelled("by hand"), "cancelled"), (HandedBack("going"), "pending")]
)
def test_told_to_stop_it_does_so_at_once_and_what_it_made_is_used_again(
    films: Bench, engine: Engine, tmp_path: Path, stop: JobStopped, status: str
) -> None:
    told: list[float] = []

    def check() -> None:
        if told or kept(films).statistics().clips:
            told.append(time.monotonic())
            raise stop

    job_id = ask(films, photos=with_photos("0.jpg", "1.jpg", "2.jpg", "3.jpg"), length_s=6.0)
    job = films.attempt(job_id, check=check)
    assert time.monotonic() - told[0] < 2.0
    assert (job.status, job.failures) == (status, 0)
    assert nothing_is_left(films, tmp_path)
    if status == "pending":
        wait_until_due(engine)
        job = films.attempt(job_id)
        assert job.result is not None
        film = only(job.result)
        assert 0 < film["segments_reused"] < film["segments"]


@pytest.mark.slow
def test_a_film_that_fails_its_check_is_not_handed_out_and_is_drawn_anew_the_next_time(
    films: Bench, storage: Storage, engine: Engine
) -> None:
    """A kept segment that shows black, say of a broken version, is found in the film."""
    render(films)
    found = rows(engine, "SELECT object_key, duration_s FROM cached_clips ORDER BY duration_s")
    key, seconds = found[-1]
    black = black_segment(round(float(str(seconds)) * 24))
    storage.write(str(key), black.to_bytes(), "video/mp4")
    job = films.attempt(ask(films))
    error = said(job)
    assert (job.status, error["reason"]) == ("failed", "faulty_output"), error
    assert "black" in {finding["kind"] for finding in error["findings"]}
    with Pillow.open(io.BytesIO(storage.read(error["picture"]))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (1280, 720))
        assert np.asarray(picture).mean() < 5
    assert [k for k in storage.keys(f"films/{job.id}")] == [error["picture"]]
    assert only(render(films))["frames_drawn"] == 72


@pytest.mark.slow
def test_a_killed_worker_s_segments_are_used_by_the_next(
    settings: Settings, films: Bench, engine: Engine
) -> None:
    photos = with_photos(*(f"{n}.jpg" for n in range(4)))
    job_id = ask(films, photos=photos, length_s=24.0, template="calm")
    with worker(settings, "-m", "serving.worker", "--queues", "video") as first:
        wait(engine, job_id, lambda _: kept(films).statistics().clips > 0)
        first.kill()
    with worker(settings, "-m", "serving.worker", "--queues", "video"):
        job = wait(engine, job_id, is_over)
    assert (job.status, job.losses) == ("completed", 1), job.error
    assert job.result is not None
    film = only(job.result)
    assert (film["frames"], 0 < film["segments_reused"] < film["segments"]) == (576, True)
    assert [path.name for path in settings.scratch().iterdir()] == [".turn"]


def test_a_clip_is_made_once(films: Bench) -> None:
    clips = Bench(films.parts, "generate_clip")
    work = {"photo": {"photo": "0.jpg"}, "length_s": 1.0, "format": FORMAT}
    jobs = [clips.attempt(clips.submit(**work)) for _ in range(2)]
    results = [job.result or {} for job in jobs]
    assert [result["cached"] for result in results] == [False, True]
    assert {result["bytes"] for result in results} == {results[0]["bytes"]}
    refused = clips.attempt(clips.submit(**(work | {"photo": {"photo": "none.jpg"}})))
    assert said(refused)["reason"] == "bad_input"


def said(job: Job) -> Json:
    assert job.error is not None, job.status
    return dict(job.error)


def why_again(engine: Engine) -> list[str]:
    """What ended attempts that were not the last."""
    titles = "SELECT data->'error'->>'title' FROM job_events WHERE kind = 'will_retry'"
    return [str(title) for (title,) in rows(engine, titles)]


def kept(films: Bench) -> ClipStore:
    return ClipStore(films.parts.engine, films.parts.storage)


def black_segment(frames: int) -> CodedSegment:
    film = dataclasses.replace(make_film(), width=1280, height=720, fps=Fraction(24))

    def draw(_: int, out: Planes) -> None:
        out.y[...], out.u[...], out.v[...] = 16, 128, 128

    return encode_segment(film, Segment(CLIP, 0, 0, frames), draw, Encoding())


def variable_mp3() -> bytes:
    """A song whose bit rate follows what is heard."""
    samples, _ = soundfile.read(io.BytesIO(clicks(4.0)), dtype="float32")
    file = io.BytesIO()
    soundfile.write(
        file, samples, RATE_HZ, format="MP3", bitrate_mode="VARIABLE", compression_level=0.5
    )
    return file.getvalue()
