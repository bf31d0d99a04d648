"""Photos whose light and colours come from the model that is shipped."""

from dataclasses import replace

import numpy as np
import pytest

from registry.bootstrap import STARTERS
from serving.image import decode
from serving.licences import LicencePolicy
from serving.models.local import LocalModels, load_baked
from serving.models.predictor import LocalPredictor
from serving.photos.enhance.finish import FINISHER
from serving.storage.objects import Storage
from tests.serving.photos.enhance.pictures import room
from tests.serving.photos.enhance.test_file import saved
from tests.serving.workflows.harness import JobHarness


@pytest.fixture
def finishing(harness: JobHarness, storage: Storage) -> JobHarness:
    storage.write("dark.jpg", saved((room() * 0.45).astype(np.uint8)))
    baked = load_baked(STARTERS, tasks={FINISHER.name: FINISHER})
    held = LocalModels(storage, baked, licences=LicencePolicy(production=False))
    predictor = LocalPredictor(held, storage)
    return JobHarness(replace(harness.parts, predictor=predictor), "enhance_photos")


def test_a_dark_photo_is_lit_by_one_version_that_the_job_keeps(
    finishing: JobHarness, storage: Storage
) -> None:
    job = finishing.attempt(finishing.submit(photos=["dark.jpg"], preset="learned"))
    assert job.result is not None, job.error
    (done,) = job.result["results"]
    assert "finish" in [step["operation"] for step in done["applied"]]
    made, before = (decode(storage.read(key), 10**8) for key in (str(done["enhanced"]), "dark.jpg"))
    assert made.mean() > 1.3 * before.mean()
    assert job.versions is not None
    assert job.versions[FINISHER.name]["version"] == "1"


def test_without_a_model_it_is_not_made_up(harness: JobHarness, storage: Storage) -> None:
    storage.write("room.jpg", saved(room()))
    jobs = JobHarness(harness.parts, "enhance_photos")
    job = jobs.attempt(jobs.submit(photos=["room.jpg"], preset="learned"))
    assert job.result is None
    assert job.error is None or "photo-finisher" in str(job.error)
