"""Crops of many photos are a job: the same answer as at once, one photo's fault its own."""

import cv2
import numpy as np
import pytest
from sqlalchemy import Engine

from serving.models.local import LocalModels
from serving.models.slots import read_slots
from serving.storage.objects import Storage
from tests.fakes import publish_starter
from tests.serving.workflows.harness import JobHarness


@pytest.fixture
def cropping(
    harness: JobHarness, storage: Storage, engine: Engine, models: LocalModels
) -> JobHarness:
    publish_starter(engine, storage, "saliency")
    models.apply(read_slots(engine))
    wall = np.full((480, 640, 3), 190, np.uint8)
    cv2.circle(wall, (520, 240), 80, (30, 30, 200), -1)
    storage.write("ball.jpg", cv2.imencode(".jpg", wall)[1].tobytes())
    storage.write("broken.jpg", b"\xff\xd8\xff nothing")
    return JobHarness(harness.parts, "crop_photos")


def test_each_photo_is_cropped_and_a_broken_one_fails_alone(cropping: JobHarness) -> None:
    work = {"photos": ["ball.jpg", "broken.jpg", "none.jpg"], "ratios": ["9:16"]}
    job = cropping.attempt(cropping.submit(**work))
    assert job.result is not None, job.error
    ball, broken, none = job.result["results"]
    (found,) = ball["crops"]
    assert found["ratio"] == "9:16"
    assert found["box"][0] <= 440
    assert found["box"][2] >= 600
    assert [model["name"] for model in ball["models"]] == ["saliency"]
    assert (broken["error"]["title"], none["error"]["status"]) == ("BadImage", 404)


def test_a_job_that_asks_for_no_ratio_is_told_so(cropping: JobHarness) -> None:
    job = cropping.attempt(cropping.submit(photos=["ball.jpg"], ratios=["0:1"]))
    assert (job.status, (job.error or {})["reason"]) == ("failed", "bad_input")


def test_without_a_model_a_job_waits_for_one(harness: JobHarness) -> None:
    jobs = JobHarness(harness.parts, "crop_photos")
    job = jobs.attempt(jobs.submit(photos=["ball.jpg"]))
    assert (job.status, job.result) == ("pending", None)
