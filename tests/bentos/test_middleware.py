"""What every request passes: an id, headers for browsers, a cap, a line when it is due."""

import io
import json
import logging
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from httpx2 import Response
from pydantic import BaseModel
from sqlalchemy import Engine, text

from bentos.gateway.middleware import page_policy
from serving.logs import open_logs
from serving.models.local import LocalModels
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.bentos.gateway_client import open_gateway_client

CLASSIFY = "/internal/photos/classify"
ORIGIN = "https://studio.example"


def test_a_request_id_is_taken_over_or_made(client: TestClient) -> None:
    given = client.get("/health", headers={"X-Request-Id": "order-7/a:1"})
    assert given.headers["x-request-id"] == "order-7/a:1"
    made = {client.get("/health").headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    assert all(len(name) == 32 for name in made)
    for bad in ("", "a b", "x" * 129, "a\tb", '"}{"'):
        answer = client.get("/health", headers={"X-Request-Id": bad})
        assert answer.headers["x-request-id"] != bad


def test_a_job_remembers_which_request_asked_for_it(client: TestClient, engine: Engine) -> None:
    body = {"photos": ["a.jpg"], "async": True}
    job = client.post(CLASSIFY, json=body, headers={"X-Request-Id": "order-7"}).json()["job_id"]
    with engine.connect() as connection:
        data = connection.scalar(
            text("SELECT data FROM job_events WHERE job_id = :id AND kind = 'accepted'"),
            {"id": job},
        )
    assert data["request_id"] == "order-7"


SECURE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/internal/status", 200),
        ("GET", "/internal/metrics", 200),
        ("GET", "/docs", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/nowhere", 404),
        ("PUT", CLASSIFY, 405),
        ("POST", CLASSIFY, 415),
        ("GET", f"/internal/jobs/{UUID(int=7)}", 404),
    ],
)
def test_every_answer_tells_browsers_what_not_to_do(
    client: TestClient, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert SECURE.items() <= dict(answer.headers).items()
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    stored = answer.headers.get("cache-control")
    assert stored == ("no-store" if path.startswith("/internal/") else None)
    assert "access-control-allow-origin" not in answer.headers


def test_the_docs_are_made_of_files_of_ours(client: TestClient) -> None:
    page = client.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "//" not in page.text.replace("<!doctype html>", ""), "nothing from another host"
    assert "unsafe" not in policy.partition("script-src")[2].partition(";")[0]
    for name in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        file = client.get(f"/{name}")
        assert file.status_code == 200
        assert len(file.content) > 500
        assert file.headers["x-content-type-options"] == "nosniff"
    assert client.get("/docs/other.js").status_code == 404


def test_no_page_allows_scripts_of_others(client: TestClient) -> None:
    assert "unsafe-inline" not in client.get("/health").headers["content-security-policy"]
    assert "'nonce-abc'" in page_policy("abc")
    assert "unsafe" not in page_policy("abc")


def test_https_is_held_to_only_where_it_is_spoken(client: TestClient) -> None:
    assert "strict-transport-security" not in client.get("/health").headers
    behind = client.get("/health", headers={"X-Forwarded-Proto": "https"})
    assert int(behind.headers["strict-transport-security"].split("=")[1].split(";")[0]) > 0


def preflight(client: TestClient) -> Response:
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key, idempotency-key",
    }
    return client.options(CLASSIFY, headers=headers)


def test_other_origins_are_shut_out_unless_named(
    client: TestClient,
    app_settings: Settings,
    engine: Engine,
    storage: Storage,
    models: LocalModels,
) -> None:
    assert preflight(client).status_code == 405
    opened = app_settings.model_copy(update={"cors_origins": (ORIGIN,)})
    with open_gateway_client(opened, engine, storage, models) as allowed:
        answer = preflight(allowed)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in answer.headers
        seen = allowed.get("/health", headers={"Origin": ORIGIN})
        assert seen.headers["access-control-allow-origin"] == ORIGIN
        assert "X-Request-Id" in seen.headers["access-control-expose-headers"]
        other = allowed.get("/health", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


class Note(BaseModel):
    text: str


def _more() -> APIRouter:
    router = APIRouter()

    @router.post("/internal/notes")
    async def take(note: Note) -> Note:
        return note

    @router.get("/internal/broken")
    async def broken() -> None:
        raise RuntimeError("secret detail")

    return router


@pytest.fixture
def more(
    app_settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> Iterator[TestClient]:
    """The app with a route that FastAPI reads the body of, and one that breaks."""
    with open_gateway_client(app_settings, engine, storage, models, _more()) as client:
        yield client


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-other+json"])
@pytest.mark.parametrize("streamed", [False, True])
def test_no_route_reads_more_json_than_it_should(
    more: TestClient, kind: str, streamed: bool
) -> None:
    body = json.dumps({"text": "x" * (5 * 2**20)}).encode()
    pieces = [body[at : at + 2**16] for at in range(0, len(body), 2**16)]
    answer = more.post(
        "/internal/notes",
        content=iter(pieces) if streamed else body,
        headers={"Content-Type": kind},
    )
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert f"{4 * 2**20:,}" in answer.json()["detail"]
    assert more.post("/internal/notes", json={"text": "short"}).json() == {"text": "short"}


def test_a_large_json_of_keys_is_refused_and_a_large_photo_is_not_json(more: TestClient) -> None:
    body = json.dumps({"photos": ["x" * 4000] * 1200}).encode()
    headers = {"Content-Type": "application/json"}
    assert more.post(CLASSIFY, content=body, headers=headers).status_code == 413
    answer = more.post(CLASSIFY, content=body, headers={"Content-Type": "image/jpeg"})
    assert answer.status_code == 422, "a photo may be larger; this is none"


def test_what_breaks_unforeseen_is_a_problem_that_keeps_its_detail_to_the_log(
    more: TestClient,
) -> None:
    with logged() as stream:
        answer = more.get("/internal/broken", headers={"X-Request-Id": "r-1"})
        more.get("/health")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "r-1"
    assert "secret" not in answer.text
    lines = ours(stream)
    broke, request = lines
    assert "secret detail" in broke["exception"]
    assert (request["status"], request["route"]) == (500, "/internal/broken")
    assert {line["request_id"] for line in lines} == {"r-1"}


@pytest.mark.parametrize(
    ("changes", "logged_statuses"),
    [({}, []), ({"log_requests": "all"}, [200, 404]), ({"slow_request_s": 1e-9}, [200, 404])],
    ids=["usual", "all", "slow"],
)
def test_a_request_gets_a_line_when_it_is_due(
    app_settings: Settings,
    engine: Engine,
    storage: Storage,
    models: LocalModels,
    changes: dict[str, object],
    logged_statuses: list[int],
) -> None:
    settings = app_settings.model_copy(update=changes)
    with open_gateway_client(settings, engine, storage, models) as client, logged() as stream:
        client.get("/internal/status")
        client.get(f"/internal/jobs/{uuid4()}")
    lines = ours(stream)
    assert [line["status"] for line in lines] == logged_statuses
    assert all(line["client"] == "backend" for line in lines)
    assert all(math.isfinite(line["took_s"]) for line in lines)


def ours(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines of the gateway; the test's own client logs too."""
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in lines if line["logger"].startswith("bentos.")]


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """What the gateway logs meanwhile."""
    root = logging.root
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    open_logs(stream=stream)
    try:
        yield stream
    finally:
        root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"listing_id": "a\0b"}, 422),
        ({"photos": ["a\0.jpg"]}, 422),
        ({"run_at": "1372-11-03T13:40:21-16:32"}, 202),
        ({"run_at": "2026-11-03T13:40:21+23:59"}, 202),
        ({"run_at": "0001-01-01T00:00:00+14:00"}, 422),
        ({"run_at": "9999-12-31T23:59:59-14:00"}, 422),
        ({"run_at": "2026-11-03T13:40:21"}, 422),
    ],
)
def test_what_the_database_would_not_take_is_said_to_whoever_sent_it(
    client: TestClient, more: dict[str, object], status: int
) -> None:
    body = {"photos": ["a.jpg"], "async": True} | more
    assert client.post(CLASSIFY, json=body).status_code == status
