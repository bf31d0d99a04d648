"""The gateway as BentoML serves it: nothing is answered past our own layers."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from bentos.gateway.service import make_gateway
from serving.access.api_keys import hash_key
from serving.settings import Settings
from tests.fakes import bake


@pytest.fixture
def client(settings: Settings, tmp_path: Path, logs_as_before: None) -> Iterator[TestClient]:
    del logs_as_before
    changes = {
        "slots": "pinned",
        "baked_models": bake(tmp_path / "models"),
        "api_keys": {"backend": (hash_key("key"),)},
    }
    service = make_gateway(settings.model_copy(update=changes), None)
    app = service.to_asgi()  # type: ignore[attr-defined] # the decorator made a service of a class
    with TestClient(app, headers={"X-API-Key": "key"}) as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/metrics", "/docs.json", "/schema.json", "/a%0Ab"]
)
def test_what_no_route_answers_is_a_problem_of_ours(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]


def test_what_a_route_answers_comes_through(client: TestClient) -> None:
    assert client.get("/internal/status").json()["models"][0]["version"] == "7"
    assert client.get("/livez").status_code == 200, "a probe of BentoML's"


def followers() -> set[threading.Thread]:
    """Return the threads of this process that follow slots."""
    return {thread for thread in threading.enumerate() if thread.name == "slots"}


NOWHERE = "postgresql://nobody@127.0.0.1:1/studio"


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({}, 200, '"ok"'),
        ({"database_url": NOWHERE}, 503, "the database does not answer"),
        ({"database_url": NOWHERE, "slots": "follow"}, 503, "the database does not answer"),
        ({"database_url": None}, 200, '"ok"'),
        ({"baked_models": Path("/nowhere")}, 503, "no model is published"),
    ],
    ids=["all there", "no database", "nor slots to follow", "none was given", "no model"],
)
@pytest.mark.usefixtures("logs_as_before")
def test_ready_is_who_has_the_database_that_it_was_given_and_a_model(
    settings: Settings,
    tmp_path: Path,
    changes: dict[str, object],
    status: int,
    said: str,
) -> None:
    base = {"slots": "pinned", "baked_models": bake(tmp_path / "models")}
    service = make_gateway(settings.model_copy(update=base | changes), None)
    before = followers()
    with TestClient(service.to_asgi()) as client:  # type: ignore[attr-defined]
        answer = client.get("/readyz")
        assert answer.status_code == status
        assert said in answer.text
        assert client.get("/health").status_code == 200, "it lives all the same"
    until = time.monotonic() + 30
    while followers() - before:
        assert time.monotonic() < until, "what has ended follows no slots any more"
        time.sleep(0.05)
    if status == 503:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"]
