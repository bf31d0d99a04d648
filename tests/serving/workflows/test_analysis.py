"""A listing is analysed in one job: a batch per model, one photo's fault its own, maps kept."""

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from sqlalchemy import Engine

from registry.bootstrap import STARTERS
from serving.card import ModelCard
from serving.db.tables import Job
from serving.errors import StudioError
from serving.models.analysis import TASKS
from serving.models.local import LocalModels, ModelVersion, Pin
from serving.models.predictor import Prediction, Predictor
from serving.models.slots import read_slots
from serving.storage.objects import Storage
from serving.tasks import AnyTask
from tests.drawn_rooms import detector, drawn_ids, segmenter
from tests.fakes import GREEN, RED, jpeg, publish, publish_starter
from tests.serving.workflows.harness import JobHarness


@pytest.fixture
def analysing(
    harness: JobHarness, storage: Storage, engine: Engine, models: LocalModels
) -> JobHarness:
    ids = drawn_ids(wall=14, window=6, floor=6, bed=6)
    for model, card in (segmenter(ids), detector(("person", 0.8, (16, 16, 8, 16)))):
        publish(engine, storage, model=model, card=card)
    publish_starter(engine, storage, "saliency")
    quality = STARTERS / "photo-quality"
    card = ModelCard.model_validate_json((quality / "card.json").read_bytes())
    own = card.model_copy(update={"licence": "own"})  # its own may not answer everywhere
    publish(engine, storage, model=(quality / "model.onnx").read_bytes(), card=own)
    models.apply(read_slots(engine))
    for name, colour in (("red", RED), ("green", GREEN)):
        storage.write(f"{name}.jpg", jpeg(colour, 300, 450))
    storage.write("broken.jpg", b"\xff\xd8\xff nothing")
    return JobHarness(harness.parts, "analyze_photos")


def results_of(job: Job) -> list[dict[str, Any]]:
    assert job.result is not None, job.error
    return list(job.result["results"])


def test_all_that_is_known_is_told_of_each_photo_and_a_broken_one_fails_alone(
    analysing: JobHarness,
) -> None:
    job = analysing.attempt(analysing.submit(photos=["red.jpg", "broken.jpg", "green.jpg"]))
    red, broken, green = results_of(job)
    assert broken["error"]["title"] == "BadImage"
    assert (red["room_type"], green["room_type"]) == ("red", "green")
    assert (red["width"], red["height"], red["missing"]) == (450, 300, {})
    assert red["segmentation"]["shares"]["wall"] == pytest.approx(14 / 32, abs=1e-3)
    assert red["detections"][0]["box"] == [168.8, 75.0, 281.2, 225.0]
    assert [area["kind"] for area in red["private"]] == ["head"]
    people = next(tag for tag in red["tags"]["present"] if tag["name"] == "people")
    assert people["evidence"][0]["boxes"] == [[168.8, 75.0, 281.2, 225.0]]
    assert {model["name"] for model in red["models"]} == {
        "room-classifier", "photo-quality", "segmenter", "detector", "saliency",
    }  # fmt: skip
    assert sum(point["weight"] for point in red["focus"]) == pytest.approx(1, abs=1e-3)
    assert red["quality"]["score"] > 0
    assert job.result is not None
    assert set(job.result["listing"]["order"]) <= {"red.jpg", "green.jpg"}


def test_maps_lie_beside_the_job_by_the_place_of_their_photo(
    analysing: JobHarness, storage: Storage
) -> None:
    job = analysing.attempt(analysing.submit(photos=["broken.jpg", "red.jpg"]))
    kept = results_of(job)[1]["segmentation"]["map"]
    assert kept == {
        "media_type": "image/png", "data": "", "key": f"analyses/{job.id}/1.segmentation.png"
    }  # fmt: skip
    ids = np.asarray(Pillow.open(io.BytesIO(storage.read(kept["key"]))))
    np.testing.assert_array_equal(ids, drawn_ids(wall=14, window=6, floor=6, bed=6))
    salient = Pillow.open(io.BytesIO(storage.read(f"analyses/{job.id}/1.saliency.png")))
    assert (salient.mode, salient.size) == ("RGBA", (320, 320))
    assert not list(storage.keys(f"analyses/{job.id}/0."))


class Counting:
    """A predictor that remembers how many photos each task was asked about at once."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor, self.asked = predictor, list[tuple[str, int]]()

    def find(self, task: AnyTask, pin: Pin | None = None) -> ModelVersion:
        return self._predictor.find(task, pin)

    def predict(
        self, task: AnyTask, sources: Sequence[Any], version: ModelVersion | None = None
    ) -> list[Prediction[Any] | StudioError]:
        self.asked.append((task.name, len(sources)))
        return list(self._predictor.predict(task, sources, version))


def test_models_are_asked_about_several_photos_at_once(
    analysing: JobHarness, storage: Storage
) -> None:
    names = [f"{n}.jpg" for n in range(5)]
    for n, name in enumerate(names):
        storage.write(name, jpeg(RED, 300 + n, 450))
    counting = Counting(analysing.parts.predictor)
    jobs = JobHarness(replace(analysing.parts, predictor=counting), "analyze_photos")
    assert len(results_of(jobs.attempt(jobs.submit(photos=names)))) == 5
    assert sorted(counting.asked) == sorted((t.name, size) for t in TASKS for size in (4, 1))


def test_what_no_model_tells_is_said_to_be_missing(harness: JobHarness, storage: Storage) -> None:
    storage.write("red.jpg", jpeg(RED))
    jobs = JobHarness(harness.parts, "analyze_photos")
    (red,) = results_of(jobs.attempt(jobs.submit(photos=["red.jpg"])))
    assert red["room_type"] == "red"
    assert set(red["missing"]) == {"photo-quality", "segmenter", "detector", "saliency"}
    assert (red["segmentation"], red["detections"], red["focus"]) == (None, None, None)
    assert red["private"] is None
    assert {"furnished", "garage"} <= {one["name"] for one in red["tags"]["unavailable"]}
