"""A plain request for one photo goes past FastAPI, and is answered as if it had not."""

import json
from collections.abc import Iterator, Mapping

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine

from serving.models.local import LocalModels
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.bentos.gateway_client import open_gateway_client
from tests.fakes import RED, jpeg

CLASSIFY = "/internal/photos/classify"
USUAL = f"{CLASSIFY}?async=false"  # a query takes FastAPI's way
JPEG = {"Content-Type": "image/jpeg"}
JSON = {"Content-Type": "application/json"}
OWN = ("x-request-id", "ratelimit", "date")  # of each answer

ASKED: dict[str, tuple[bytes, Mapping[str, str]]] = {
    "a photo": (jpeg(RED), JPEG),
    "a photo of a listing": (jpeg(RED), JPEG | {"X-Listing-Id": "42"}),
    "a listing of too long a name": (jpeg(RED), JPEG | {"X-Listing-Id": "4" * 201}),
    "an idempotency key": (jpeg(RED), JPEG | {"Idempotency-Key": "1"}),
    "a damaged photo": (jpeg(RED)[:200], JPEG),
    "nothing": (b"", JPEG),
    "another type": (b"a text", {"Content-Type": "text/plain"}),
    "an encoded body": (jpeg(RED), JPEG | {"Content-Encoding": "gzip"}),
    "too many bytes": (b"\xff\xd8\xff" + bytes(10**5), JPEG),
    "keys": (json.dumps({"photos": ["red.jpg", "none.jpg"]}).encode(), JSON),
    "bad JSON": (b"{", JSON),
    "a wrong key": (jpeg(RED), JPEG | {"X-API-Key": "wrong"}),
    "an empty key": (jpeg(RED), JPEG | {"X-API-Key": ""}),
    "two keys": (jpeg(RED), JPEG | {"Authorization": "Bearer wrong"}),
}


@pytest.fixture
def client(
    app_settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> Iterator[TestClient]:
    storage.write("red.jpg", jpeg(RED))
    settings = app_settings.model_copy(update={"max_body_bytes": 10**5})
    with open_gateway_client(settings, engine, storage, models) as found:
        yield found


def told(answer: Response) -> tuple[int, object, dict[str, str]]:
    """Return what an answer says, but for what is its own."""
    said = answer.json()
    for result in said.get("results", ()):
        result.pop("timing_ms", None)
    headers = {name: value for name, value in answer.headers.items() if name not in OWN}
    headers.pop("content-length")
    return answer.status_code, said, headers


@pytest.mark.parametrize("name", ASKED)
def test_a_direct_route_answers_as_the_usual_way_does(client: TestClient, name: str) -> None:
    body, headers = ASKED[name]
    direct = client.post(CLASSIFY, content=body, headers=headers)
    usual = client.post(USUAL, content=body, headers=headers)
    assert told(direct) == told(usual)


def test_without_the_routes_of_fastapi_a_plain_request_is_still_answered(
    client: TestClient,
) -> None:
    app = client.app
    assert isinstance(app, FastAPI)
    app.router.routes.clear()
    for headers in (JPEG, JPEG | {"X-Listing-Id": "42"}):
        assert client.post(CLASSIFY, content=jpeg(RED), headers=headers).status_code == 200
    assert client.post(USUAL, content=jpeg(RED), headers=JPEG).status_code == 404


def test_both_ways_are_counted_as_one_route(client: TestClient) -> None:
    def counted() -> float:
        lines = client.get("/internal/metrics").text.splitlines()
        mine = 'method="POST",route="/internal/photos/classify",status="200"'
        return sum(
            float(line.split()[-1])
            for line in lines
            if line.startswith("studio_request_seconds_count{") and mine in line
        )

    before = counted()
    client.post(CLASSIFY, content=jpeg(RED), headers=JPEG)
    client.post(USUAL, content=jpeg(RED), headers=JPEG)
    assert counted() == before + 2
