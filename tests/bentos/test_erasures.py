"""A listing that its client wants forgotten is forgotten, and the client is told what went."""

import hashlib
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from serving.access.api_keys import hash_key
from serving.db.tables import Job
from serving.jobs import attempts
from serving.jobs.erasure import Eraser, request_erasure
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.models.local import LocalModels
from serving.settings import Settings
from serving.storage.cache import Answers
from serving.storage.clips import ClipStore
from serving.storage.objects import Storage
from tests.bentos.gateway_client import open_gateway_client
from tests.fakes import RED, jpeg

# ids as backends have them, and how an address names them
IDS = {
    "MLS/42": "MLS%2F42",
    "7/data": "7%2Fdata",
    "a/b/data": "a%2Fb%2Fdata",
    "Main St 1": "Main%20St%201",
    "50%2F": "50%252F",
}
OTHER = {"X-API-Key": "another key"}


@pytest.fixture
def app_settings(settings: Settings) -> Settings:
    keys = {"backend": (hash_key("key"),), "other": (hash_key("another key"),)}
    return settings.model_copy(update={"api_keys": keys})


@pytest.fixture
def client(
    app_settings: Settings,
    engine: Engine,
    storage: Storage,
    models: LocalModels,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[TestClient]:
    monkeypatch.setattr("bentos.gateway.erasures._WAIT_S", 1.0)
    with open_gateway_client(app_settings, engine, storage, models) as client:
        yield client


def begin(engine: Engine, photos: list[str], listing: str = "42", client: str = "backend") -> Job:
    said = {"photos": [{"photo": photo} for photo in photos]}
    new = NewJob(KINDS["render_video"], said, client, listing)
    job = attempts.take(engine, submit(engine, new, 1000).job_id, uuid4())
    assert job is not None
    return job


def film(
    engine: Engine,
    storage: Storage,
    photos: list[str],
    listing: str = "42",
    client: str = "backend",
) -> UUID:
    """A film that was made of these photos, with a clip and an answer kept of each."""
    job = begin(engine, photos, listing, client)
    storage.write(f"films/{job.id}/16x9.mp4", b"film")
    answers = Answers(engine, 100)
    for photo in photos:
        sha256 = hashlib.sha256(storage.read(photo)).hexdigest()
        ClipStore(engine, storage).put(sha256[::-1], b"clip", sha256)
        answers.put(sha256, "room-classifier", "1@a", {"room": "kitchen"})
    answers.flush()
    attempts.complete(engine, job, {"films": [{"film": f"films/{job.id}/16x9.mp4"}]})
    return job.id


def send(client: TestClient, data: bytes, listing: str | None, **headers: str) -> str:
    told = {"Content-Type": "image/jpeg"} | ({"X-Listing-Id": listing} if listing else {})
    return str(client.post("/internal/uploads", content=data, headers=told | headers).json()["key"])


def rows(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


def test_a_listing_is_forgotten_with_jobs_films_uploads_clips_and_answers(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    storage.write("listings/42/own.jpg", b"written by the backend")
    named = send(client, jpeg(RED), "42")
    loose = send(client, b"without a listing", None)
    job_id = film(engine, storage, [named, loose, "listings/42/own.jpg"])
    send(client, b"never used", "42")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO feedback (task, content_sha256, correct, client, listing_id) "
                "VALUES ('t', 'x', 'bath', 'backend', '42'), ('t', 'x', 'bath', 'other', '42')"
            )
        )
    answer = client.delete("/internal/listings/42")
    assert answer.status_code == 200
    told = answer.json()
    assert told["finished"] is True
    assert told["erased"] == {
        "jobs": 1,
        "objects": 1,
        "uploads": 3,
        "clips": 3,
        "answers": 3,
        "feedback": 1,
    }
    assert client.get(told["url"]).json() == told
    assert client.get(f"/internal/jobs/{job_id}").status_code == 404
    # what the backend wrote itself is the backend's
    left = set(storage.keys()) - set(storage.keys("models/"))
    assert left == {"listings/42/own.jpg"}
    tables = ("jobs", "job_events", "webhook_deliveries", "uploads", "cached_clips")
    assert {table: rows(engine, table) for table in (*tables, "cached_answers")} == dict.fromkeys(
        (*tables, "cached_answers"), 0
    )
    assert rows(engine, "feedback") == 1


def test_other_listings_and_other_clients_lose_nothing(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    mine = send(client, b"of both", "43")
    theirs = send(client, b"theirs", "42", **OTHER)
    shared = send(client, b"of no listing", None)
    kept = [
        film(engine, storage, [mine, shared], "43"),
        film(engine, storage, [theirs], "42", "other"),
    ]
    film(engine, storage, [mine, shared], "42")
    told = client.delete("/internal/listings/42").json()
    assert told["erased"]["jobs"] == 1
    assert "uploads" not in told["erased"]
    for job_id in kept:
        assert storage.exists(f"films/{job_id}/16x9.mp4")
    assert all(storage.exists(key) for key in (mine, theirs, shared))
    assert rows(engine, "jobs") == 2
    assert client.get(told["url"], headers=OTHER).status_code == 404


def test_running_jobs_are_cancelled_first_and_workers_go_on_with_it(
    client: TestClient, engine: Engine, storage: Storage, app_settings: Settings
) -> None:
    running = begin(engine, ["a.jpg"])
    waiting = submit(
        engine, NewJob(KINDS["classify_photos"], {"photos": []}, "backend", "42"), 100
    ).job_id
    answer = client.delete("/internal/listings/42")
    assert answer.status_code == 202
    assert answer.json()["finished"] is False
    assert client.get(f"/internal/jobs/{waiting}").status_code == 404
    assert client.get(f"/internal/jobs/{running.id}").json()["cancel_requested"] is True
    # the worker hears it; then another goes on
    attempts.end_cancelled(engine, running)
    eraser = Eraser(app_settings, engine, storage)
    eraser.carry_on(UUID(answer.json()["erasure_id"]), 5, wait=False)
    told = client.get(answer.headers["Location"]).json()
    assert told["finished"] is True
    assert told["erased"] == {"jobs": 2}
    assert rows(engine, "webhook_deliveries") == 0


def test_what_is_sent_after_the_wish_stays(
    client: TestClient, engine: Engine, storage: Storage, app_settings: Settings
) -> None:
    erasure_id = request_erasure(engine, "backend", listing_id="42")
    later = send(client, b"later", "42")
    job_id = film(engine, storage, [later])
    row = Eraser(app_settings, engine, storage).carry_on(erasure_id, 5)
    assert row.finished_at is not None
    assert row.erased == {}
    assert storage.exists(f"films/{job_id}/16x9.mp4")
    assert storage.exists(later)


def test_a_job_is_erased_alone_and_a_plain_delete_of_an_ended_one_changes_nothing(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    key = send(client, b"photo", "42")
    gone, kept = film(engine, storage, [key]), film(engine, storage, [key])
    assert client.delete(f"/internal/jobs/{gone}").json()["status"] == "completed"
    assert client.get(f"/internal/jobs/{gone}").status_code == 200
    foreign = client.delete(f"/internal/jobs/{gone}?erase=true", headers=OTHER)
    assert foreign.status_code == 404
    told = client.delete(f"/internal/jobs/{gone}?erase=true").json()
    assert told["job_id"] == str(gone)
    assert told["erased"]["jobs"] == told["erased"]["objects"] == 1
    assert client.get(f"/internal/jobs/{gone}").status_code == 404
    assert storage.exists(f"films/{kept}/16x9.mp4")
    assert storage.exists(key)


def test_erasing_what_is_not_there_is_done_at_once(client: TestClient) -> None:
    told = client.delete("/internal/listings/none").json()
    assert told["finished"] is True
    assert told["erased"] == {}


def test_an_eraser_that_dies_halfway_is_followed_by_another(
    engine: Engine, storage: Storage, app_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        storage.write(f"{number}.jpg", bytes([number]))
        film(engine, storage, [f"{number}.jpg"])
    erasure_id = request_erasure(engine, "backend", listing_id="42")
    deleted: list[str] = []
    delete = storage.delete

    def dies(key: str) -> None:
        if len(deleted) == 3:
            raise OSError("the disk is away")
        deleted.append(key)
        delete(key)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "delete", dies)
        with pytest.raises(OSError, match="away"):
            Eraser(app_settings, engine, storage).carry_on(erasure_id, 5)
    row = Eraser(app_settings, engine, storage).carry_on(erasure_id, 5)
    assert row.finished_at is not None
    assert row.erased["jobs"] == 3
    assert list(storage.keys("films/")) == []
    assert list(storage.keys("clips/")) == []


@pytest.mark.parametrize("end", ["", "/data"])
def test_a_listing_of_any_name_is_forgotten_and_no_other_is(
    client: TestClient, engine: Engine, end: str
) -> None:
    for listing in IDS:
        send(client, listing.encode(), listing)
    others = ["MLS", "7", "a", "a/b", "50/"]
    for listing in others:
        send(client, listing.encode(), listing)
    for listing, named in IDS.items():
        told = client.delete(f"/internal/listings/{named}{end}")
        assert told.status_code == 200, told.text
        assert (told.json()["listing_id"], told.json()["erased"]) == (listing, {"uploads": 1})
    assert rows(engine, "uploads") == len(others)
    told = client.delete(f"/internal/%6Cistings/7{end}")
    assert told.json()["listing_id"] == "7", "a letter sent as a code is the letter"
