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

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from sqlalchemy import Engine

from serving.db.tables import Json
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
from serving.video.draw.yuv import Planes
from serving.workflows import rendering
from tests.fakes import BLUE, GREEN, RED, encode, jpeg
from tests.serving.jobs.conftest import rows
from tests.serving.render.films import make_film, times
from tests.serving.test_worker import is_over, wait, worker
from tests.serving.video.pictures import texture
from tests.serving.workflows.film_requests import (
    FORMAT,
    RATE_HZ,
    SONG,
    ask,
    clicks,
    nothing_is_left,
    only,
    render,
    said,
    save,
    with_photos,
)
from tests.serving.workflows.harness import JobHarness, wait_until_due


@pytest.mark.parametrize("music", [None, {"track": "song.wav"}])
def test_a_film_has_exactly_its_frames_and_its_sound_begins_and_ends_with_them(
    films: JobHarness, storage: Storage, tmp_path: Path, music: Json | None
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
    films: JobHarness, storage: Storage
) -> None:
    first = only(render(films, music=SONG))
    again = only(render(films, music=SONG))
    assert (first["frames_drawn"], again["frames_drawn"]) == (72, 0)
    assert (again["segments_reused"], again["sha256"]) == (again["segments"], first["sha256"])
    storage.write("other.wav", clicks(6.0, level=-0.4))
    retold = only(render(films, music={"track": "other.wav"}))
    assert retold["frames_drawn"] == 0, "the cuts are the same, only the sound is another"
    assert retold["sha256"] != first["sha256"]


def test_an_edit_draws_what_it_touches_and_nothing_else(films: JobHarness) -> None:
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
def test_formats_share_photos_analysis_and_mix(films: JobHarness, storage: Storage) -> None:
    formats = [FORMAT, {"aspect": "1:1", "profile": "720p", "fps": 24}]
    result = render(films, music=SONG, formats=formats, preview=True)
    wide, square = result["films"]
    assert (square["width"], square["height"], square["cuts_s"]) == (720, 720, wide["cuts_s"])
    assert len(list(storage.keys("stages/film-sound"))) == 1
    assert len([key for key in storage.keys("audio/") if key.endswith("analysis.json")]) == 1
    names = [key.rpartition("/")[2] for key in storage.keys(result["preview"].rpartition("/")[0])]
    assert {"init.mp4", "part-00000.m4s", "playlist.m3u8"} <= set(names)
    assert b"#EXT-X-ENDLIST" in storage.read(result["preview"])


@pytest.mark.slow
def test_a_film_comes_in_the_codecs_that_are_asked_for(
    films: JobHarness, storage: Storage, tmp_path: Path
) -> None:
    formats = [FORMAT | {"codec": codec} for codec in ("h264", "hevc", "av1")]
    made = render(films, music=SONG, formats=formats)["films"]
    assert [film["format"] for film in made] == [
        "16x9-720p24", "16x9-720p24-hevc", "16x9-720p24-av1"
    ]  # fmt: skip
    for film, name in zip(made, ("h264", "hevc", "av1"), strict=True):
        with av.open(str(save(storage, film, tmp_path))) as container:
            assert container.streams.video[0].codec_context.codec.canonical_name == name
            assert sum(1 for _ in container.decode(video=0)) == 72
    again = render(films, music=SONG, formats=formats)["films"]
    assert [film["sha256"] for film in again] == [film["sha256"] for film in made]


def test_rooms_are_found_where_they_are_not_given(films: JobHarness, storage: Storage) -> None:
    for name, colour in (("r", RED), ("g", GREEN), ("b", BLUE)):
        storage.write(f"{name}.jpg", jpeg(colour))
    photos = [{"photo": f"{name}.jpg"} for name in "rgb"]
    job = films.attempt(ask(films, photos=photos, order="rooms"))
    assert job.status == "completed", job.error
    assert job.versions is not None


@pytest.mark.slow
def test_a_full_disk_is_tried_again_and_leaves_nothing(
    films: JobHarness, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "_LOOK_EVERY_S", 0.0)
    scratch = Scratch(tmp_path / "scratch", 110_000)  # the photos and little more
    small = JobHarness(replace(films.parts, scratch=scratch), "render_video")
    small_disk = {"photos": with_photos(*(f"{n % 4}.jpg" for n in range(4))), "length_s": 9.0}
    job_id = ask(small, **small_disk, music=SONG)
    job = small.attempt(job_id)
    assert (job.status, job.failures) == ("pending", 1)
    assert why_again(engine) == ["StorageFull"]
    assert nothing_is_left(films, tmp_path)


def test_a_file_that_the_disk_has_no_room_for_is_no_film(
    films: JobHarness, engine: Engine, tmp_path: Path
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
    films: JobHarness, engine: Engine, tmp_path: Path, stop: JobStopped, status: str
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
        # on a busy host all of them may be kept by the time that it looks whether to stop
        assert 0 < film["segments_reused"] <= film["segments"]


@pytest.mark.slow
def test_a_film_that_fails_its_check_is_not_handed_out_and_is_drawn_anew_the_next_time(
    films: JobHarness, storage: Storage, engine: Engine
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
    settings: Settings, films: JobHarness, engine: Engine
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


def test_a_clip_is_made_once(films: JobHarness) -> None:
    clips = JobHarness(films.parts, "generate_clip")
    work = {"photo": {"photo": "0.jpg"}, "length_s": 1.0, "format": FORMAT}
    jobs = [clips.attempt(clips.submit(**work)) for _ in range(2)]
    results = [job.result or {} for job in jobs]
    assert [result["cached"] for result in results] == [False, True]
    assert {result["bytes"] for result in results} == {results[0]["bytes"]}
    refused = clips.attempt(clips.submit(**(work | {"photo": {"photo": "none.jpg"}})))
    assert said(refused)["reason"] == "bad_input"


def why_again(engine: Engine) -> list[str]:
    """What ended attempts that were not the last."""
    titles = "SELECT data->'error'->>'title' FROM job_events WHERE kind = 'will_retry'"
    return [str(title) for (title,) in rows(engine, titles)]


def kept(films: JobHarness) -> ClipStore:
    return ClipStore(films.parts.engine, films.parts.storage)


def black_segment(frames: int) -> CodedSegment:
    film = dataclasses.replace(make_film(), width=1280, height=720, fps=Fraction(24))

    def draw(_: int, out: Planes) -> None:
        out.y[...], out.u[...], out.v[...] = 16, 128, 128

    return encode_segment(film, Segment(CLIP, 0, 0, frames), draw, Encoding())


@pytest.mark.slow
def test_depth_moves_a_photo_s_layers_and_a_waveform_follows_the_music(
    films: JobHarness, storage: Storage
) -> None:
    ramp = np.repeat(np.linspace(0, 255, 300).astype(np.uint8)[None], 200, axis=0)
    storage.write("depth.png", encode(np.repeat(ramp[..., None], 3, axis=2), "PNG"))
    plain = only(render(films, template="luxury", music=SONG))
    deep = with_photos("0.jpg", "1.jpg", "2.jpg", depth="depth.png")
    moved = only(render(films, template="luxury", music=SONG, photos=deep))
    assert moved["frames_drawn"] > 0
    waved = only(render(films, template="luxury", music=SONG, waveform=True))
    assert waved["frames_drawn"] > 0
    assert len({film["sha256"] for film in (plain, moved, waved)}) == 3


@pytest.mark.parametrize(
    ("photo", "asked"),
    [
        ("night", {"template": "noir", "length_s": 4.0}),
        ("white", {"template": "noir", "length_s": 4.0}),
        ("black", {"template": "modern", "length_s": 6.0, "brand": {"name": "Smith & Co"}}),
        ("drawing", {"template": "modern", "length_s": 6.0, "brand": {"name": "Smith & Co"}}),
        ("drawing", {"timeline": "dip"}),
        ("room", {"music": SONG, "length_s": 4.1, "formats": [FORMAT | {"fps": 60}]}),
    ],
)
@pytest.mark.slow
def test_a_good_film_is_not_refused(
    films: JobHarness, storage: Storage, photo: str, asked: Json
) -> None:
    """Photos that hardly differ from black or white, dips between them, odd lengths of sound."""
    names = [f"{photo}-{number}.jpg" for number in range(1 if "brand" in asked else 3)]
    for number, name in enumerate(names):
        storage.write(name, encode(PICTURES[photo](number), "JPEG", quality=90))
    if "timeline" in asked:
        dip = {"kind": "dip", "length_s": 1.2}
        clips = [{"photo": 0, "length_s": 2, "transition": dip}, {"photo": 1, "length_s": 2}]
        asked = {"timeline": {"clips": clips}, "length_s": None}
    assert only(render(films, photos=with_photos(*names), **asked))["frames"]


def lines_on(paper: int, ink: int, seed: int) -> NDArray[np.uint8]:
    picture = np.full((300, 400, 3), paper, np.uint8)
    for at in np.random.default_rng(seed).integers(20, 280, 8).tolist():
        picture[at : at + 2, 20:380] = picture[20:280, at : at + 2] = ink
    return picture


PICTURES: dict[str, Callable[[int], NDArray[np.uint8]]] = {
    "night": lambda number: texture(200, 300, number, sigma=3) // 12,
    "white": lambda number: np.full((200, 300, 3), 255 - number, np.uint8),
    "black": lambda number: np.full((200, 300, 3), number, np.uint8),
    "drawing": lambda number: lines_on(255, 20, number),
    "room": lambda number: texture(200, 300, number, sigma=3),
}
