"""Analysis over HTTP: one photo, a listing, a job, and its page."""

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as Pillow
from sqlalchemy import Engine

from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor
from serving.models.slots import read_slots
from serving.settings import Settings
from serving.storage.objects import Storage
from serving.storage.scratch import Scratch
from serving.workflows.run import Parts
from tests.bentos.gateway_client import open_gateway_client
from tests.drawn_rooms import detector, drawn_ids, segmenter
from tests.fakes import GREEN, RED, jpeg, publish, publish_starter
from tests.serving.workflows.harness import JobHarness

PATH = "/internal/photos/analyze"
RAW = {"Content-Type": "image/jpeg"}
IDS = drawn_ids(wall=14, window=6, floor=6, bed=6)


@pytest.fixture
def seeing(engine: Engine, storage: Storage, models: LocalModels) -> LocalModels:
    """Models of all that an analysis asks, but of quality."""
    for model, card in (segmenter(IDS), detector(("person", 0.8, (16, 16, 8, 16)))):
        publish(engine, storage, model=model, card=card)
    publish_starter(engine, storage, "saliency")
    models.apply(read_slots(engine))
    for name, colour in (("red", RED), ("green", GREEN)):
        storage.write(f"{name}.jpg", jpeg(colour, 300, 450))
    return models


@pytest.fixture
def client(
    app_settings: Settings, engine: Engine, storage: Storage, seeing: LocalModels
) -> Iterator[TestClient]:
    with open_gateway_client(app_settings, engine, storage, seeing) as client:
        yield client


def test_one_photo_is_told_all_at_once(client: TestClient) -> None:
    answer = client.post(PATH, content=jpeg(RED, 300, 450), headers=RAW)
    assert answer.status_code == 200, answer.text
    (red,) = answer.json()["results"]
    assert (red["room_type"], red["width"], red["height"]) == ("red", 450, 300)
    assert "people" in {tag["name"] for tag in red["tags"]["present"]}
    assert red["segmentation"]["map"] is None
    assert list(red["missing"]) == ["photo-quality"]
    assert 'segmenter="1";slot=champion' in answer.headers["Model-Versions"]
    assert answer.json()["listing"] is None


def test_the_map_comes_within_the_answer_where_it_is_asked_for(client: TestClient) -> None:
    answer = client.post(PATH, content=jpeg(RED, 300, 450), headers=RAW, params={"maps": True})
    brought = answer.json()["results"][0]["segmentation"]["map"]
    file = io.BytesIO(base64.b64decode(brought["data"]))
    np.testing.assert_array_equal(np.asarray(Pillow.open(file)), IDS)


def test_many_photos_are_a_listing_and_a_missing_one_fails_alone(client: TestClient) -> None:
    asked = {"photos": ["red.jpg", "none.jpg", "green.jpg"]}
    answer = client.post(PATH, json=asked).json()
    assert [one.get("room_type") for one in answer["results"]] == ["red", None, "green"]
    assert answer["results"][1]["error"]["status"] == 404


@pytest.mark.parametrize(
    "request_", [{"photos": ["red.jpg"], "async": True}, {"photos": ["red.jpg"] * 9}]
)
def test_more_than_a_few_photos_are_a_job(client: TestClient, request_: object) -> None:
    answer = client.post(PATH, json=request_)
    assert (answer.status_code, answer.json()["type"]) == (202, "analyze_photos")


def test_a_raw_body_can_become_a_job(client: TestClient) -> None:
    answer = client.post(PATH, content=jpeg(RED), headers=RAW, params={"async": True})
    assert answer.status_code == 202


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff no photo", jpeg(RED, 1, 1)])
def test_what_is_no_photo_is_refused_by_name(client: TestClient, content: bytes) -> None:
    answer = client.post(PATH, content=content, headers=RAW)
    assert (answer.status_code, answer.json()["title"]) == (422, "BadImage")


def test_the_page_draws_everything_over_the_photo(
    client: TestClient, app_settings: Settings, engine: Engine, storage: Storage,
    seeing: LocalModels, tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    scratch = Scratch(tmp_path_factory.mktemp("scratch"), 10**9)
    parts = Parts(app_settings, engine, storage, scratch, LocalPredictor(seeing))
    jobs = JobHarness(parts, "analyze_photos")
    job = jobs.attempt(jobs.submit(photos=["red.jpg", "none.jpg"]))
    page = client.get(f"/internal/jobs/{job.id}/page").text
    assert "1 photo analysed" in page
    assert "1 could not be read" in page
    for layer in ("tags", "things", "private", "focus", "surfaces", "salient"):
        assert f'data-layer="{layer}"' in page
        assert f"layer-{layer}" in page
    assert ">person</text>" in page
    for name in ("0.segmentation.png", "0.saliency.png"):
        assert f"files/{name}" in page
        file = client.get(f"/internal/jobs/{job.id}/files/{name}")
        assert (file.status_code, file.headers["content-type"]) == (200, "image/png")
