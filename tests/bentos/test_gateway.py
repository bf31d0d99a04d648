"""The backend's API: every photo gets its room or a clear problem, and never a 5xx."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from sqlalchemy import Engine

from bentos.gateway.app import create_app
from bentos.gateway.predictors import InlinePredictor, ServicePredictor
from bentos.gateway.schema import ClassifyAnswer, Status
from serving.access.api_keys import create_key, hash_key
from serving.errors import ModelFailed
from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor
from serving.models.service import answer_items, find_version
from serving.models.session import OnnxSession
from serving.models.slots import read_slots
from serving.models.wire import Item, PinnedVersion, Reply, VersionReply
from serving.photos.classify import ROOM_CLASSIFIER
from serving.problems import Problem
from serving.settings import Settings
from serving.storage.objects import Storage
from serving.task import Inputs, Outputs
from tests.bodies import BAD, GOOD, file
from tests.fakes import BLUE, GREEN, RED, TASK, jpeg, publish
from tests.gateway_state import make_gateway_state, photo_pool

KEY = "vls_test"
PATH = "/internal/photos/classify"


@pytest.fixture
def gateway_settings(settings: Settings) -> Settings:
    keys = {"backend": (hash_key(KEY),)}
    return settings.model_copy(
        update={"api_keys": keys, "max_body_bytes": 100_000, "max_pixels": 1_000_000}
    )


class Service:
    """The model service's client, without the network between."""

    def __init__(self, models: LocalModels) -> None:
        self._models = models

    async def predict(self, items: list[Item]) -> list[Reply]:
        return answer_items(ROOM_CLASSIFIER, self._models, items)

    async def find(self, pin: PinnedVersion | None = None) -> VersionReply:
        return find_version(ROOM_CLASSIFIER, self._models, pin)

    async def measures(self) -> str:
        return ""


@pytest.fixture(params=["inline", "service"])
def client(
    request: pytest.FixtureRequest,
    gateway_settings: Settings,
    engine: Engine,
    storage: Storage,
    models: LocalModels,
) -> Iterator[TestClient]:
    pool = photo_pool()
    predictor = (
        InlinePredictor(models, LocalPredictor(models), pool)
        if request.param == "inline"
        else ServicePredictor({TASK: Service(models)}, None, pool)
    )
    app = create_app("test")
    app.state.gateway = make_gateway_state(gateway_settings, predictor, storage, engine)
    with TestClient(app, headers={"X-API-Key": KEY}, raise_server_exceptions=False) as client:
        yield client
    pool.close()


def send(client: TestClient, data: bytes, kind: str = "image/jpeg") -> Response:
    return client.post(PATH, content=data, headers={"Content-Type": kind})


def problem(answer: Response) -> Problem:
    """The answer's problem, which must be of the documented shape."""
    assert answer.headers["content-type"] == "application/problem+json"
    found = Problem.model_validate_json(answer.content)
    assert found.status == answer.status_code
    assert found.detail
    return found


def test_one_photo_as_the_body(client: TestClient) -> None:
    (result,) = send(client, jpeg(GREEN)).json()["results"]
    assert result["room_type"] == "green"
    assert result["scene"] == "exterior"
    assert result["photo"].startswith("sha256:")
    assert result["model"] == {"name": TASK, "version": "1", "slot": "champion"}
    assert next(iter(result["scores"])) == "green"
    assert result["timing_ms"] > 0


def test_many_photos_by_key_and_a_bad_one_among_them(client: TestClient, storage: Storage) -> None:
    storage.write("a/red.jpg", jpeg(RED))
    storage.write("a/cut.jpg", jpeg(RED)[:200])
    storage.write("a/blue.jpg", jpeg(BLUE))
    url = f"{storage.url}/a/blue.jpg"
    photos = ["a/red.jpg", "a/cut.jpg", "a/missing.jpg", "https://example.org/x.jpg", url]
    answer = client.post(PATH, json={"photos": photos})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["photo"] for result in results] == photos
    assert [result.get("room_type") for result in results] == ["red", None, None, None, "blue"]
    assert [r["error"]["status"] for r in results if "error" in r] == [422, 404, 422]
    ClassifyAnswer.model_validate(answer.json())


def test_up_to_64_photos_are_answered_at_once_and_more_become_a_job(
    client: TestClient, storage: Storage
) -> None:
    storage.write("a.jpg", jpeg(RED))
    assert len(client.post(PATH, json={"photos": ["a.jpg"] * 64}).json()["results"]) == 64
    answer = client.post(PATH, json={"photos": ["a.jpg"] * 65})
    assert answer.status_code == 202
    assert client.get(answer.headers["location"]).json()["status"] == "pending"
    answer = client.post(PATH, json={"photos": ["a.jpg"] * 5001})
    assert problem(answer).status == 413


@pytest.mark.parametrize("name", GOOD)
def test_every_kind_of_photo_is_classified(client: TestClient, name: str) -> None:
    answer = send(client, GOOD[name])
    assert answer.status_code == 200, answer.text
    assert answer.json()["results"][0]["room_type"] == "red"


@pytest.mark.parametrize("name", BAD)
def test_every_bad_photo_is_a_clear_4xx(client: TestClient, name: str) -> None:
    assert problem(send(client, BAD[name])).status in (413, 422)


def test_a_photo_of_too_many_pixels_is_refused(client: TestClient) -> None:
    found = problem(send(client, file(Pillow.new("L", (2000, 2000)), "PNG")))
    assert found.status == 413
    assert "2000x2000" in found.detail


def test_a_body_over_the_limit_is_refused(client: TestClient) -> None:
    assert problem(send(client, bytes(100_001))).status == 413
    streamed = client.post(
        PATH, content=iter([bytes(60_000)] * 3), headers={"Content-Type": "image/jpeg"}
    )
    assert problem(streamed).status == 413


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"photos": []}', b'{"photos": "a"}', b'{"photos": [1]}',
     b'{"photos": ["a"], "more": 1}', b"\xff\xfe", b'{"photos": ["\\u0000"]}x'],
)  # fmt: skip
def test_json_of_another_shape_is_refused(client: TestClient, body: bytes) -> None:
    assert problem(send(client, body, "application/json")).status == 422


def test_multipart_is_told_what_to_send(client: TestClient) -> None:
    found = problem(client.post(PATH, files={"file": jpeg(RED)}))
    assert found.status == 415
    assert "raw body" in found.detail


@pytest.mark.parametrize("key", ["", "vls_other", f"{KEY}x"])
def test_a_wrong_key_is_401(client: TestClient, key: str) -> None:
    answer = client.get("/internal/status", headers={"X-API-Key": key})
    assert problem(answer).status == 401
    assert answer.headers["www-authenticate"] == "X-API-Key, Bearer"


def test_a_key_made_a_moment_ago_opens(client: TestClient, engine: Engine) -> None:
    key = create_key(engine, "new")
    assert client.get("/internal/status", headers={"X-API-Key": key}).status_code == 200


def test_health_needs_no_key_and_status_tells_the_versions(client: TestClient) -> None:
    assert client.get("/health", headers={"X-API-Key": ""}).json() == {"status": "ok"}
    status = Status.model_validate(client.get("/internal/status").json())
    assert (TASK, "1") in [(model.task, model.version) for model in status.models]


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("PUT", PATH)])
def test_http_mistakes_are_problems_too(client: TestClient, method: str, path: str) -> None:
    assert problem(client.request(method, path)).status in (404, 405)


def test_the_openapi_document_shows_examples(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"][PATH]["post"]
    assert operation["requestBody"]["content"]["application/json"]["example"]["photos"]
    assert {"200", "401", "413", "415", "422", "503"} <= operation["responses"].keys()
    fields: dict[str, Any] = document["components"]["schemas"]["RoomResult"]["properties"]
    assert fields["scores"]["examples"]
    assert client.get("/docs").status_code == 200


@given(
    st.one_of(st.binary(max_size=300), st.sampled_from([*GOOD.values(), *BAD.values()])),
    st.sampled_from(["image/jpeg", "application/json", "", "text/plain", "application/json; x"]),
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_body_breaks_the_gateway(client: TestClient, body: bytes, kind: str) -> None:
    answer = send(client, body, kind)
    assert answer.status_code < 500
    json.loads(answer.content)


class Broken:
    """A model that fails on every photo after its warm-up."""

    def __init__(self, model: bytes) -> None:
        self._session, self._calls = OnnxSession(model), 0

    def __call__(self, inputs: Inputs) -> Outputs:
        self._calls += 1
        if self._calls > 2:
            raise ModelFailed("secret detail")
        return self._session(inputs)


def test_a_model_that_breaks_is_a_problem_that_keeps_its_detail_to_the_log(
    gateway_settings: Settings, engine: Engine, storage: Storage
) -> None:
    publish(engine, storage)
    models = LocalModels(storage, open_session=Broken)
    app = create_app("test")
    predictor = InlinePredictor(models, LocalPredictor(models), photo_pool())
    app.state.gateway = make_gateway_state(gateway_settings, predictor, storage, engine)
    with TestClient(app, headers={"X-API-Key": KEY}) as client:
        nobody = send(client, jpeg(RED))
        assert problem(nobody).status == 503
        assert int(nobody.headers["retry-after"]) > 0
        models.apply(read_slots(engine))
        found = problem(send(client, jpeg(RED)))
    assert found.status == 500
    assert "secret" not in found.detail
