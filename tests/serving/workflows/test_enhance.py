import numpy as np
import pytest
from sqlalchemy import Engine

from serving.image import decode
from serving.jobs.events import read_snapshot
from serving.storage.objects import Storage
from tests.serving.photos.enhance.pictures import lean, relit, room
from tests.serving.photos.enhance.test_file import exif, saved
from tests.serving.workflows.harness import JobHarness

PIXELS = 10**8


@pytest.fixture
def enhancing(harness: JobHarness, storage: Storage) -> JobHarness:
    storage.write("dark.jpg", saved(relit(lean(room(), 1.5), 1.6), exif=exif()))
    storage.write("good.jpg", saved(room(seed=1)))
    storage.write("broken.jpg", b"\xff\xd8\xff nothing")
    return JobHarness(harness.parts, "enhance_photos")


def test_each_photo_becomes_a_file_small_first_and_a_broken_one_fails_alone(
    enhancing: JobHarness, storage: Storage, engine: Engine
) -> None:
    photos = ["dark.jpg", "broken.jpg", "good.jpg"]
    job = enhancing.attempt(enhancing.submit(photos=photos, remove_gps=True))
    assert job.result is not None, job.error
    dark, broken, good = job.result["results"]
    assert {"exposure", "straighten"} <= {step["operation"] for step in dark["applied"]}
    assert broken["error"]["title"] == "BadImage"
    assert dark["enhanced"] == f"enhanced/{job.id}/0.jpg"
    made = decode(storage.read(dark["enhanced"]), PIXELS)
    assert made.mean() > 1.3 * decode(storage.read("dark.jpg"), PIXELS).mean()
    assert decode(storage.read(dark["preview"]), PIXELS).mean() == pytest.approx(
        made.mean(), rel=0.1
    )
    assert good["applied"] == []
    assert storage.read(good["enhanced"]) == storage.read("good.jpg")
    told = [e for e in read_snapshot(engine, job.id).events if e.kind == "preview"]
    events = sorted(told, key=lambda event: int(event.data["number"]))
    assert [event.data["number"] for event in events] == [0, 2]
    assert storage.read(events[0].data["preview"]) == storage.read(dark["preview"])


def test_brackets_become_one_photo_that_holds_what_each_shows_best(
    enhancing: JobHarness, storage: Storage
) -> None:
    scene = relit(room(), 1.2)  # as a camera saw it that cared for the view alone
    scene[200:400, 430:590] = (
        np.random.default_rng(0)
        .integers(110, 200, (10, 8, 3))
        .repeat(20, axis=0)
        .repeat(20, axis=1)
    )
    for name, stops in (("under", 0.0), ("middle", -1.4), ("over", -2.5)):
        storage.write(f"{name}.jpg", saved(relit(scene, stops)))
    asked = {"photo": "middle.jpg", "brackets": ["under.jpg", "over.jpg"]}
    job = enhancing.attempt(enhancing.submit(photos=[asked], preset="straight"))
    assert job.result is not None, job.error
    (done,) = job.result["results"]
    assert (done["merged"], done["photo"]) == (3, "middle.jpg")
    made = decode(storage.read(done["enhanced"]), PIXELS)
    middle = decode(storage.read("middle.jpg"), PIXELS)
    walls, view = np.s_[420:, :], np.s_[200:400, 430:590]
    assert made[walls].mean() == pytest.approx(middle[walls].mean(), rel=0.15)
    assert (middle[view] == 255).mean() > 0.2
    assert (made[view] == 255).mean() < 0.02
    assert np.corrcoef(made[view].ravel(), scene[view].ravel())[0, 1] > 0.9


def test_a_retry_does_not_work_again_on_what_is_done(
    enhancing: JobHarness, storage: Storage
) -> None:
    job = enhancing.attempt(enhancing.submit(photos=["dark.jpg"]))
    assert job.result is not None
    note = storage.read(f"enhanced/{job.id}/0.json")
    assert b'"enhanced"' in note


def test_exposures_of_two_views_are_refused(enhancing: JobHarness, storage: Storage) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (720, 960, 3), np.uint8)
    storage.write("other.jpg", saved(noise))
    asked = {"photo": "good.jpg", "brackets": ["other.jpg"]}
    job = enhancing.attempt(enhancing.submit(photos=[asked]))
    assert job.result is not None, job.error
    assert "do not show the same view" in job.result["results"][0]["error"]["detail"]
