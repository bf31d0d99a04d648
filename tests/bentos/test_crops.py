"""Crops over HTTP: of a raw photo, of many that are named, and as a picture."""

import io
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as Pillow
from sqlalchemy import Engine

from serving.models.local import LocalModels
from serving.models.slots import read_slots
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.bentos.gateway_client import open_gateway_client
from tests.drawn_rooms import detector, drawn_ids, segmenter
from tests.fakes import publish, publish_starter

PATH = "/internal/photos/crop"
KEY = {"X-API-Key": "key"}
RAW = KEY | {"Content-Type": "image/jpeg"}


@pytest.fixture
def client(
    app_settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> Iterator[TestClient]:
    publish_starter(engine, storage, "saliency")
    models.apply(read_slots(engine))
    with open_gateway_client(app_settings, engine, storage, models) as client:
        yield client


def photo(x: float, kind: str = "JPEG", size: tuple[int, int] = (640, 480), turn: int = 0) -> bytes:
    """A red ball before a grey wall, its middle at the share x."""
    wall = np.full((size[1], size[0], 3), 190, np.uint8)
    cv2.circle(wall, (round(x * size[0]), size[1] // 2), size[1] // 6, (200, 30, 30), -1)
    file = io.BytesIO()
    exif = Pillow.Exif()
    if turn:
        exif[0x0112] = turn
    Pillow.fromarray(wall).save(file, kind, exif=exif)
    return file.getvalue()


def crop(client: TestClient, data: bytes, **query: object) -> dict[str, Any]:
    answer = client.post(PATH, content=data, headers=RAW, params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["results"]
    return dict(result)


def test_a_ball_is_whole_in_every_crop_and_stands_in_the_focus(client: TestClient) -> None:
    result = crop(client, photo(0.85))
    assert [one["ratio"] for one in result["crops"]] == ["1:1", "4:5", "16:9", "9:16", "3:2"]
    for one in result["crops"]:
        left, _, right, _ = one["box"]
        assert left <= 0.85 * 640 - 78
        assert right >= 0.85 * 640 + 78
    assert result["focus"][0]["x"] == pytest.approx(0.85, abs=0.03)
    assert result["models"] == [{"name": "saliency", "version": "1", "slot": "champion"}]


def test_boxes_are_those_of_the_upright_photo(client: TestClient) -> None:
    result = crop(client, photo(0.85, turn=6), ratios="1:1")
    assert (result["width"], result["height"]) == (480, 640)
    assert result["crops"][0]["box"][3] >= 0.85 * 640 + 78


@pytest.mark.parametrize("kind", ["jpeg", "webp", "avif", "png"])
def test_the_crop_itself_is_answered_as_a_picture(client: TestClient, kind: str) -> None:
    query: dict[str, Any] = {"ratios": "9:16", "render": "true", "width": 90, "format": kind}
    answer = client.post(PATH, content=photo(0.2), headers=RAW, params=query)
    assert answer.headers["content-type"] == f"image/{kind}"
    assert 'saliency="1"' in answer.headers["Model-Versions"]
    picture = Pillow.open(io.BytesIO(answer.content))
    assert picture.size == (90, 160)
    red = np.asarray(picture.convert("RGB")).astype(int)
    assert (red[..., 0] - red[..., 1] > 90).mean() > 0.1


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("image/webp,image/*;q=0.8,*/*;q=0.5", "image/webp"),
        ("image/*", "image/jpeg"),
        ("*/*", "application/json"),
        ("application/json, image/png;q=0.9", "application/json"),
        ("image/png;q=nan, image/gif", "application/json"),
    ],
)
def test_an_accept_that_prefers_a_picture_gets_one(
    client: TestClient, accept: str, kind: str
) -> None:
    headers = RAW | {"Accept": accept}
    answer = client.post(PATH, content=photo(0.2), headers=headers, params={"ratios": "9:16"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["vary"] == "Accept"


def test_things_and_surfaces_are_told_where_their_models_answer(
    client: TestClient, engine: Engine, storage: Storage, models: LocalModels
) -> None:
    drawn = segmenter(drawn_ids(wall=14)), detector(("person", 0.8, (16, 16, 8, 16)))
    for model, card in drawn:
        publish(engine, storage, model=model, card=card)
    models.apply(read_slots(engine))
    result = crop(client, photo(0.5), ratios="1:1")
    assert [one["name"] for one in result["models"]] == ["saliency", "detector", "segmenter"]


@pytest.mark.parametrize(
    "request_", [{"photos": ["a.jpg"], "async": True}, {"photos": ["a.jpg"] * 65}]
)
def test_more_than_a_request_holds_is_a_job(client: TestClient, request_: object) -> None:
    answer = client.post(PATH, json=request_, headers=KEY)
    assert (answer.status_code, answer.json()["type"]) == (202, "crop_photos")


def test_a_raw_photo_can_become_a_job_and_no_picture(client: TestClient) -> None:
    query = {"async": "true", "ratios": "1:1"}
    assert client.post(PATH, content=photo(0.5), headers=RAW, params=query).status_code == 202
    rendered = query | {"render": "true"}
    assert client.post(PATH, content=photo(0.5), headers=RAW, params=rendered).status_code == 422


def test_a_crop_longer_than_its_format_holds_is_refused_as_that(client: TestClient) -> None:
    query = {"ratios": "17:1", "render": "true", "format": "webp"}
    wide = photo(0.5, size=(17_000, 1000))
    answer = client.post(PATH, content=wide, headers=RAW, params=query)
    assert (answer.status_code, answer.json()["title"]) == (422, "BadInput")


def test_many_photos_are_cropped_and_one_that_is_damaged_fails_alone(
    client: TestClient, storage: Storage
) -> None:
    storage.write("good.jpg", photo(0.5))
    storage.write("bad.jpg", b"\xff\xd8 no photo")
    asked = {"photos": ["good.jpg", "bad.jpg", "missing.jpg"], "ratios": ["1:1"]}
    results = client.post(PATH, json=asked, headers=KEY).json()["results"]
    assert results[0]["crops"][0]["box"] == [80, 0, 560, 480]
    assert [result["error"]["status"] for result in results[1:]] == [422, 404]


@pytest.mark.parametrize("size", [(16, 16), (2000, 20), (17, 300)])
def test_odd_photos_have_crops(client: TestClient, size: tuple[int, int]) -> None:
    for one in crop(client, photo(0.5, size=size))["crops"]:
        left, top, right, bottom = one["box"]
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]


def test_a_photo_of_a_pixel_is_refused_as_everywhere(client: TestClient) -> None:
    answer = client.post(PATH, content=photo(0.5, size=(1, 1)), headers=RAW)
    assert (answer.status_code, answer.json()["title"]) == (422, "BadImage")


@pytest.mark.parametrize(
    "query",
    [
        {"ratios": "0:1"},
        {"ratios": "1:1,"},
        {"ratios": ",".join(["1:1"] * 13)},
        {"render": "true"},
        {"render": "true", "ratios": "1:1", "width": 0},
        {"min_width": -1},
        {"render": "true", "ratios": "1:1", "format": "gif"},
    ],
)
def test_what_cannot_be_meant_is_refused(client: TestClient, query: dict[str, Any]) -> None:
    answer = client.post(PATH, content=photo(0.5), headers=RAW, params=query)
    assert answer.status_code in (413, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_a_model_it_is_said_that_none_answers(
    app_settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> None:
    with open_gateway_client(app_settings, engine, storage, models) as client:
        answer = client.post(PATH, content=photo(0.5), headers=RAW)
    assert answer.status_code == 503
