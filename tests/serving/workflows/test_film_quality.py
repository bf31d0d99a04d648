"""A film whose order is left to us begins with the better photo."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import cv2
import numpy as np
import pytest

from registry.bootstrap import STARTERS
from serving.image import decode
from serving.licences import LicencePolicy
from serving.models.local import LocalModels, load_baked
from serving.models.predictor import LocalPredictor
from serving.requests.film import FilmInput
from serving.storage.interface import Storage
from serving.workflows.film_material import gather_photos
from serving.workflows.run import Run
from serving.workflows.runner import Runner
from tests.fakes import encode
from tests.serving.workflows.harness import JobHarness, nothing

LISTING = Path(__file__).parents[3] / "datasets" / "sample_listing"
REQUEST = {"template": "energetic", "formats": [{"aspect": "16:9", "profile": "720p"}]}


@pytest.fixture
def judged(films: JobHarness, storage: Storage) -> JobHarness:
    """A harness with the starters, and a house as it is and out of focus."""
    clear = (LISTING / "01-exterior.jpg").read_bytes()
    pixels = decode(clear, 10**7)
    soft = cv2.GaussianBlur(pixels, (0, 0), 6.0).astype(np.uint8)
    blurred = encode(soft, "JPEG", quality=92)
    storage.write("clear.jpg", clear)
    storage.write("blurred.jpg", blurred)
    policy = LicencePolicy(production=False)
    models = LocalModels(storage, load_baked(STARTERS), licences=policy)
    return JobHarness(replace(films.parts, predictor=LocalPredictor(models)), "render_video")


def begin(harness: JobHarness, **request: object) -> tuple[Run, FilmInput]:
    """Take a job of that request; return its attempt and its input."""
    job = Runner(harness.parts, {}, uuid4()).take(harness.submit(**REQUEST | request))
    assert job is not None
    run = Run(harness.parts, job, nothing, last=True)
    return run, run.input_as(FilmInput)


def test_the_better_of_two_photos_opens_the_film(judged: JobHarness, tmp_path: Path) -> None:
    photos = [{"photo": f"{name}.jpg", "room": "exterior"} for name in ("blurred", "clear")]
    material = gather_photos(*begin(judged, photos=photos, order="rooms"), tmp_path)
    assert material.numbers == (1, 0)
    best, worst = material.photos
    assert 1.5 >= best.weight > worst.weight >= 0.5


def test_a_weight_that_was_sent_counts_and_an_order_that_was_sent_asks_no_model(
    judged: JobHarness, tmp_path: Path
) -> None:
    photos = [{"photo": "blurred.jpg", "room": "exterior", "weight": 3}, {"photo": "clear.jpg"}]
    sent = gather_photos(*begin(judged, photos=photos, order="rooms"), tmp_path)
    assert sent.photos[0].weight == 3
    run, request = begin(judged, photos=[{"photo": "clear.jpg"}], order="given")
    assert gather_photos(run, request, tmp_path).photos[0].weight == 1
    assert "photo-quality" not in (run.job.versions or {})
    assert "room-classifier" not in (run.job.versions or {})
