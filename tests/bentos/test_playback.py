"""Films and the preview that grows, played in a browser from a job's page under a signed link."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Engine

from serving.db.tables import Json
from serving.jobs import attempts
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.bentos.gateway_client import serve_gateway
from tests.serving.workflows.harness import JobHarness

chromium = pytest.importorskip("tests.bentos.chromium", reason="needs the package websockets")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium.PROGRAM is None, reason="there is no Chromium on this machine"),
]

WORK: Json = {
    "photos": [{"photo": f"{number}.jpg", "room": "kitchen"} for number in range(3)],
    "music": {"track": "song.wav"}, "template": "energetic", "order": "given", "length_s": 4.0,
    "formats": [{"profile": "720p", "fps": 24}],
}  # fmt: skip


@pytest.fixture
def studio(page_settings: Settings, engine: Engine, storage: Storage) -> Iterator[str]:
    with serve_gateway(page_settings, engine, storage) as address:
        yield address


def page_of(studio: str, job_id: UUID) -> str:
    job = httpx.get(f"{studio}/internal/jobs/{job_id}", headers={"X-API-Key": "vls_a"}).json()
    return studio + str(job["page_link"]).removeprefix(studio)


def test_a_film_plays_on_its_job_s_page(films: JobHarness, studio: str, tmp_path: Path) -> None:
    job = films.attempt(films.submit(**WORK, preview=False))
    assert job.status == "completed", job.error
    with chromium.browse(tmp_path / "browser", page_of(studio, job.id)) as tab:
        tab.run("window.film = document.querySelector('video.film'); film.muted = true; 0")
        tab.wait_for("film.readyState >= 1")
        assert tab.run("film.duration") == pytest.approx(4.0, abs=0.05)
        assert tab.run("[film.videoWidth, film.videoHeight]") == [1280, 720]
        tab.run("film.currentTime = 3.0; film.play()")
        tab.wait_for("film.ended")
        assert tab.run("film.webkitAudioDecodedByteCount") > 0
        assert tab.run("film.error") is None
        assert tab.run("document.getElementById('player') === null")
        address = tab.run("film.currentSrc")
        tab.call("Page.navigate", url=address)
        tab.wait_for("document.querySelector('video')?.readyState >= 1")  # in a tab of its own


def test_the_preview_plays_while_it_grows_and_gives_way_to_the_film(
    films: JobHarness, studio: str, engine: Engine, storage: Storage, tmp_path: Path
) -> None:
    made = films.attempt(films.submit(**WORK))
    assert made.status == "completed", made.error
    kept = f"films/{made.id}/preview"
    lines = storage.read(f"{kept}/playlist.m3u8").decode().splitlines()
    parts = [line for line in lines if line.endswith(".m4s")]
    assert len(parts) >= 2
    job_id = films.submit(**WORK)

    def publish(count: int, end: bool = False) -> None:
        """As the render does it: a part, then the playlist that names it."""
        for name in ("init.mp4", *parts[:count]):
            storage.write(f"films/{job_id}/preview/{name}", storage.read(f"{kept}/{name}"))
        after = lines.index(parts[count - 1]) + 1
        told = [*lines[:after], *["#EXT-X-ENDLIST"] * end]
        text = "\n".join(told) + "\n"
        storage.write(f"films/{job_id}/preview/playlist.m3u8", text.encode())

    with chromium.browse(tmp_path / "browser", page_of(studio, job_id)) as tab:
        tab.run("window.small = document.getElementById('preview'); window.box = player; 0")
        assert not tab.run("small.checkVisibility()"), "nothing to see while it waits"
        job = attempts.take(engine, job_id, uuid4())
        assert job is not None
        tab.wait_for("document.querySelector('.pill.processing')")
        publish(1)
        tab.wait_for("box.dataset.parts === '1' && small.readyState >= 2")
        tab.run("small.play(); 0")
        tab.wait_for("small.currentTime > 0.2")
        first = tab.run("small.buffered.end(0)")
        for count in range(2, len(parts) + 1):
            publish(count, end=count == len(parts))
            tab.wait_for(f"box.dataset.parts === '{count}'")
        tab.wait_for("box.dataset.ended === 'yes'")
        assert first < tab.run("small.buffered.end(0)")
        assert tab.run("small.duration") == pytest.approx(4.0, abs=0.1)
        tab.wait_for("small.ended")
        assert tab.run("[small.error, box.dataset.error ?? null]") == [None, None]
        attempts.complete(engine, job, made.result or {})
        tab.wait_for("box.hidden && document.querySelectorAll('video.film').length === 2")


def test_an_open_page_follows_how_long_it_will_take_yet(
    films: JobHarness, studio: str, engine: Engine, tmp_path: Path
) -> None:
    job_id = films.submit(**WORK)
    job = attempts.take(engine, job_id, uuid4())
    assert job is not None
    with chromium.browse(tmp_path / "browser", page_of(studio, job_id)) as tab:
        tab.wait_for("document.querySelector('.pill.processing')")
        for unit, remaining_s in (("photos", 9.0), ("frames", 38.2), ("frames", 110.0)):
            done = round(200 - remaining_s)
            progress = {"done": done, "total": 240, "unit": unit, "share": done / 240}
            attempts.report_progress(engine, job, progress | {"remaining_s": remaining_s})
            tab.wait_for(f"document.getElementById('done').textContent.startsWith('{done} of')")
            told = tab.run("document.getElementById('left').textContent")
            tab.run("fetch(location.href).then(a => a.text()).then(t => window.html = t)")
            assert told or unit == "photos"
            assert f">{told}</span>" in tab.run("html"), "a script's words are the page's own"
