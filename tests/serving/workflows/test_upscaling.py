"""Jobs that ask for more pixels, answered by the model that is shipped."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from registry.bootstrap import STARTERS
from serving.db.tables import CachedAnswer
from serving.image import decode
from serving.licences import LicencePolicy
from serving.models.cached import CachedPredictor
from serving.models.local import LocalModels, load_baked
from serving.models.predictor import LocalPredictor
from serving.perception.upscale import UPSCALER
from serving.storage.cache import Answers
from serving.storage.objects import Storage
from tests.serving.photos.enhance.pictures import room
from tests.serving.photos.enhance.test_file import saved
from tests.serving.workflows.harness import JobHarness

PIXELS = 10**8


@pytest.fixture
def enlarging(harness: JobHarness, storage: Storage, engine: Engine) -> JobHarness:
    storage.write("room.jpg", saved(room()[200:500, 100:500]))
    baked = load_baked(STARTERS, tasks={UPSCALER.name: UPSCALER})
    held = LocalModels(storage, baked, licences=LicencePolicy(production=False))
    predictor = CachedPredictor(LocalPredictor(held, storage), Answers(engine, 1000))
    return JobHarness(replace(harness.parts, predictor=predictor), "enhance_photos")


def test_a_job_enlarges_photos_by_one_version_that_it_keeps(
    enlarging: JobHarness, storage: Storage
) -> None:
    job = enlarging.attempt(enlarging.submit(photos=["room.jpg"], preset="none", upscale=2))
    assert job.result is not None, job.error
    (done,) = job.result["results"]
    assert done["applied"] == [{"operation": "upscale", "factor": 2.0}]
    assert (done["width"], done["height"]) == (800, 600)
    made = decode(storage.read(done["enhanced"]), PIXELS)
    before = decode(storage.read("room.jpg"), PIXELS)
    means = made.reshape(300, 2, 400, 2, 3).mean(axis=(1, 3))
    assert np.abs(means - before).mean() < 3, "the same view, at the same place"
    assert job.versions is not None
    assert job.versions[UPSCALER.name]["version"] == "1"


def test_tiles_are_not_kept_in_the_cache_of_answers(enlarging: JobHarness, engine: Engine) -> None:
    enlarging.attempt(enlarging.submit(photos=["room.jpg"], preset="none", upscale=2))
    enlarging.parts.predictor._answers.flush()  # type: ignore[attr-defined]
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(CachedAnswer)) == 0


def test_a_photo_is_not_left_small_because_no_model_answers(
    harness: JobHarness, storage: Storage
) -> None:
    storage.write("room.jpg", saved(room()))
    jobs = JobHarness(harness.parts, "enhance_photos")
    job = jobs.attempt(jobs.submit(photos=["room.jpg"], preset="none", upscale=2))
    assert job.result is None
    assert job.error is None or "upscaler" in str(job.error)
