"""The backend's way to jobs: accepted, looked at, watched, cancelled, and never twice."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine, create_engine, text

from bentos.gateway.app import create_app
from bentos.gateway.predictors import InlinePredictor
from serving.access.api_keys import hash_key
from serving.db.tables import Job
from serving.jobs import attempts
from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.fakes import RED, jpeg
from tests.gateway_state import make_gateway_state, photo_pool

CLASSIFY = "/internal/photos/classify"
JOBS = "/internal/jobs"


@pytest.fixture
def app_settings(settings: Settings) -> Settings:
    keys = {"backend": (hash_key("vls_a"),), "other": (hash_key("vls_b"),)}
    return settings.model_copy(update={"api_keys": keys})


@pytest.fixture
def client(app_settings: Settings, engine: Engine, storage: Storage) -> Iterator[TestClient]:
    with open_client(app_settings, engine, storage) as client:
        yield client


def open_client(settings: Settings, engine: Engine, storage: Storage) -> TestClient:
    models = LocalModels(storage)
    rooms = LocalPredictor(models)
    app = create_app("test")
    classifier = InlinePredictor(models, rooms, photo_pool())
    app.state.gateway = make_gateway_state(settings, classifier, storage, engine)
    return TestClient(app, headers={"X-API-Key": "vls_a"}, raise_server_exceptions=False)


def ask(client: TestClient, key: str | None = None, **more: object) -> Response:
    body = {"photos": ["a.jpg"], "async": True} | more
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(CLASSIFY, json=body, headers=headers)


def take(engine: Engine, job_id: str) -> Job:
    job = attempts.take(engine, UUID(job_id), uuid4())
    assert job is not None
    return job


def test_a_job_is_accepted_and_found_where_the_answer_says(client: TestClient) -> None:
    answer = ask(client, listing_id="42", priority=5)
    assert answer.status_code == 202
    job = client.get(answer.headers["location"]).json()
    assert job["job_id"] == answer.json()["job_id"]
    wanted = {"type": "classify_photos", "status": "pending", "listing_id": "42", "priority": 5}
    assert wanted.items() <= job.items()


def test_a_raw_photo_becomes_a_job_too(client: TestClient, storage: Storage) -> None:
    answer = client.post(
        f"{CLASSIFY}?async=true",
        content=jpeg(RED),
        headers={"Content-Type": "image/jpeg", "X-Listing-Id": "7"},
    )
    assert answer.status_code == 202
    assert client.get(answer.json()["url"]).json()["listing_id"] == "7"
    (key,) = storage.keys("uploads/")
    assert storage.read(key) == jpeg(RED)


def test_one_key_makes_one_job_however_often_and_however_many_ask(
    client: TestClient,
) -> None:
    ready = threading.Barrier(16)

    def post(number: int) -> tuple[int, str]:
        if number < 16:
            ready.wait()
        answer = ask(client, key="once")
        return answer.status_code, answer.text

    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(post, range(100)))
    assert len(answers) == 1
    assert len(client.get(JOBS).json()["jobs"]) == 1
    changed = ask(client, key="once", photos=["b.jpg"])
    assert changed.status_code == 422
    assert changed.json()["title"] == "KeyReused"


def test_jobs_are_listed_by_what_they_are(client: TestClient, engine: Engine) -> None:
    ids = [ask(client, listing_id=str(number)).json()["job_id"] for number in range(5)]
    attempts.complete(engine, take(engine, ids[3]), {"results": []})
    done = client.get(JOBS, params={"status": "completed"}).json()["jobs"]
    assert [job["job_id"] for job in done] == [ids[3]]
    page = client.get(JOBS, params={"limit": 3}).json()
    rest = client.get(JOBS, params={"limit": 3, "cursor": page["next_cursor"]}).json()
    assert [job["job_id"] for job in page["jobs"] + rest["jobs"]] == ids[::-1]
    assert rest["next_cursor"] is None
    assert client.get(JOBS, params={"limit": 0}).status_code == 422
    assert client.get(JOBS, params={"cursor": "made-up"}).status_code == 422


def test_another_client_finds_nothing(client: TestClient) -> None:
    url = ask(client).json()["url"]
    other = {"X-API-Key": "vls_b"}
    for answer in (
        client.get(url, headers=other),
        client.delete(url, headers=other),
        client.get(f"{url}/events", headers=other),
        client.post(f"{url}/redrive", headers=other),
    ):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.get(JOBS, headers=other).json()["jobs"] == []


def test_a_waiting_job_is_cancelled_at_once(client: TestClient) -> None:
    url = ask(client).json()["url"]
    assert client.delete(url).json()["status"] == "cancelled"
    job = client.get(url).json()
    assert job["error"]["reason"] == "cancelled"


def test_a_failed_job_is_run_again_on_request(client: TestClient, engine: Engine) -> None:
    url = ask(client).json()["url"]
    assert client.post(f"{url}/redrive").status_code == 422
    error = {"title": "X", "detail": "x", "reason": "internal"}
    attempts.fail(engine, take(engine, client.get(url).json()["job_id"]), error)
    assert client.post(f"{url}/redrive").json()["status"] == "pending"


def test_events_tell_the_whole_story_and_end_with_it(client: TestClient, engine: Engine) -> None:
    answer = ask(client).json()
    heard: list[tuple[str, Any, str | None]] = []

    def work() -> None:
        job = take(engine, answer["job_id"])
        attempts.report_progress(
            engine, job, {"done": 1, "total": 2, "unit": "photos", "share": 0.5}
        )
        attempts.complete(engine, job, {"results": []})

    worker = threading.Timer(0.3, work)
    worker.start()
    heard = listen(client, f"{answer['url']}/events")
    worker.join()
    kinds = [kind for kind, _, _ in heard if kind != "progress"]
    assert kinds == ["accepted", "started", "completed"]
    ids = [event_id for kind, _, event_id in heard if kind != "progress"]
    assert None not in ids
    # who comes back with the last id it saw hears the rest only
    rest = listen(client, f"{answer['url']}/events", {"Last-Event-ID": str(ids[1])})
    assert [kind for kind, _, _ in rest] == ["completed"]


def listen(
    client: TestClient, url: str, headers: dict[str, str] | None = None
) -> list[tuple[str, Any, str | None]]:
    heard = []
    with client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        event: dict[str, str] = {}
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
            elif "event" in event:
                heard.append((event["event"], json.loads(event["data"]), event.get("id")))
                event = {}
            else:
                event = {}
    return heard


def test_a_full_queue_says_when_to_come_back(
    app_settings: Settings, engine: Engine, storage: Storage
) -> None:
    settings = app_settings.model_copy(update={"max_queued": 1})
    with open_client(settings, engine, storage) as client:
        assert ask(client).status_code == 202
        full = ask(client)
    assert full.status_code == 503
    assert int(full.headers["retry-after"]) > 0
    assert full.json()["title"] == "QueueFull"


def test_a_client_that_asks_too_often_is_told_to_wait(
    app_settings: Settings, engine: Engine, storage: Storage
) -> None:
    settings = app_settings.model_copy(update={"rate_limit": "3/minute"})
    with open_client(settings, engine, storage) as client:
        assert [client.get(JOBS).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert int(client.get(JOBS).headers["retry-after"]) > 0
        # somebody else is not held back
        assert client.get(JOBS, headers={"X-API-Key": "vls_b"}).status_code == 200


def test_without_a_database_nothing_is_accepted_and_the_answer_says_so(
    app_settings: Settings, storage: Storage
) -> None:
    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with open_client(app_settings, away, storage) as client:
        answer = ask(client)
    assert answer.status_code == 503
    assert answer.json()["title"] == "DatabaseUnavailable"
    assert "retry-after" in answer.headers


@pytest.mark.parametrize(
    "change",
    [
        {"photos": []},
        {"photos": [""]},
        {"photos": "a.jpg"},
        {"priority": 1000},
        {"run_at": "yesterday"},
        {"run_at": "2027-01-01T00:00:00"},
        {"listing_id": "x" * 201},
        {"unknown": 1},
    ],
    ids=str,
)
def test_a_request_that_is_not_one_is_refused(client: TestClient, change: dict[str, Any]) -> None:
    answer = ask(client, **change)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.get(JOBS).json()["jobs"] == []


def test_a_job_may_wait_for_its_time(client: TestClient, engine: Engine) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    job_id = ask(client, run_at=tomorrow).json()["job_id"]
    assert attempts.take(engine, UUID(job_id), uuid4()) is None


def test_a_job_of_a_newer_release_is_shown_and_cancelled(
    client: TestClient, engine: Engine
) -> None:
    """Both releases run side by side while one is brought in."""
    job = ask(client).json()
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobs SET type = 'draw_plans'"))
    assert client.get(job["page"]).status_code == 200
    assert client.get(f"{job['url']}/files/plan.svg").status_code == 404
    ended = client.delete(job["url"])
    assert (ended.status_code, ended.json()["status"]) == (200, "cancelled")
    assert client.get(job["page"]).status_code == 200
    with engine.connect() as connection:
        told = connection.scalars(text("SELECT event FROM webhook_deliveries")).all()
    assert told == ["job-failed"]
