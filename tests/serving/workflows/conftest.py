"""A worker's parts, with the colour model published."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from serving.models.cached import CachedPredictor
from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor
from serving.settings import Settings
from serving.storage.cache import Answers
from serving.storage.interface import Storage
from serving.storage.scratch import Scratch
from serving.workflows.run import Parts
from tests.serving.workflows.film_requests import clicks, photo
from tests.serving.workflows.harness import JobHarness


@pytest.fixture
def harness(
    settings: Settings, engine: Engine, storage: Storage, models: LocalModels, tmp_path: Path
) -> Iterator[JobHarness]:
    quick = settings.model_copy(update={"retry_first_s": 0.001, "job_failures": 3})
    answers = Answers(engine, 1000)
    predictor = CachedPredictor(LocalPredictor(models), answers)
    yield JobHarness(Parts(quick, engine, storage, Scratch(tmp_path / "scratch", 10**9), predictor))
    answers.flush()


@pytest.fixture
def films(harness: JobHarness, storage: Storage) -> JobHarness:
    """A harness for films, three photos and a song in the storage."""
    for number in range(4):
        storage.write(f"{number}.jpg", photo(number))
    storage.write("song.wav", clicks(6.0))
    return JobHarness(harness.parts, "render_video")
