"""A film's camera goes to what is salient, unless the request says where to look."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from registry.bootstrap import STARTERS
from serving.models.local import LocalModels, load_baked
from serving.models.predictor import LocalPredictor
from serving.requests.film import FilmInput
from serving.storage.interface import Storage
from serving.workflows.film_material import gather_photos
from serving.workflows.run import Run
from serving.workflows.runner import Runner
from tests.serving.workflows.harness import JobHarness, nothing

SAMPLE = Path(__file__).parents[3] / "datasets" / "sample_listing" / "05-bedroom.jpg"
REQUEST = {
    "template": "energetic",
    "formats": [{"aspect": "9:16", "profile": "720p"}],
    "order": "given",
}


def begin(harness: JobHarness, **photo: object) -> tuple[Run, FilmInput]:
    photos = [{"photo": "bedroom.jpg", "room": "bedroom"} | photo]
    job = Runner(harness.parts, {}, uuid4()).take(harness.submit(**REQUEST, photos=photos))
    assert job is not None
    run = Run(harness.parts, job, nothing, last=True)
    return run, run.input_as(FilmInput)


@pytest.fixture
def seen(films: JobHarness, storage: Storage) -> JobHarness:
    storage.write("bedroom.jpg", SAMPLE.read_bytes())
    baked = {"saliency": load_baked(STARTERS)["saliency"]}
    predictor = LocalPredictor(LocalModels(storage, baked))
    return JobHarness(replace(films.parts, predictor=predictor), "render_video")


def test_the_camera_goes_to_the_bed_and_the_job_keeps_whose_word_that_was(
    seen: JobHarness, tmp_path: Path
) -> None:
    run, request = begin(seen)
    ((x, y),) = gather_photos(run, request, tmp_path).photos[0].focus
    assert x == pytest.approx(0.48, abs=0.05)
    assert y == pytest.approx(0.8, abs=0.05)
    assert run.job.versions is not None
    assert run.job.versions["saliency"]["version"] == "1"


def test_a_focus_that_was_sent_counts_and_no_model_is_asked(
    seen: JobHarness, tmp_path: Path
) -> None:
    run, request = begin(seen, focus=[(0.1, 0.2)])
    assert gather_photos(run, request, tmp_path).photos[0].focus == ((0.1, 0.2),)
    assert "saliency" not in (run.job.versions or {})


def test_without_a_model_the_camera_goes_where_it_went(
    films: JobHarness, storage: Storage, tmp_path: Path
) -> None:
    storage.write("bedroom.jpg", SAMPLE.read_bytes())
    run, request = begin(films)
    assert gather_photos(run, request, tmp_path).photos[0].focus == ()
