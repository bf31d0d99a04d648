"""What people say of answers is stored once, and with the version that they speak of."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, func, select

from serving.access.api_keys import hash_key
from serving.db.canary_tables import BadEvent, Feedback
from serving.db.tables import Base
from serving.image import hash_photo
from serving.models.local import LocalModels
from serving.models.observe import Observed, Observer
from serving.models.routing import CHALLENGER
from serving.settings import Settings
from serving.storage.cache import Answers
from serving.storage.objects import Storage
from tests.bentos.gateway_client import open_gateway_client
from tests.fakes import jpeg
from tests.serving.models.observations import BESIDE, about, observed, room_answer, said

URL = "/internal/feedback"
TASK = "room-classifier"
A, B = "a" * 64, "b" * 64
OTHER = {"X-API-Key": "another key"}


@pytest.fixture
def client(
    settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> Iterator[TestClient]:
    keys = {"shop": (hash_key("key"),), "other": (hash_key("another key"),)}
    changed = settings.model_copy(update={"api_keys": keys})
    with open_gateway_client(changed, engine, storage, models) as client:
        yield client


def write(engine: Engine, storage: Storage, *answers: Observed) -> None:
    observer = Observer(engine, storage, 2**24)
    for answer in answers:
        observer.observe(answer)
    observer.close()


def rows(engine: Engine, table: type[Base]) -> list[tuple[object, ...]]:
    columns = {
        Feedback: ("content_sha256", "version", "slot", "answered", "accepted", "correct"),
        BadEvent: ("version", "kind", "listing_key", "slot", "share", "beside"),
    }[table]
    with engine.connect() as connection:
        found = connection.execute(select(*(getattr(table, name) for name in columns)))
        return sorted(map(tuple, found), key=repr)


def test_a_correction_is_joined_to_the_version_that_answered_and_counts_against_it(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    green = said(room_answer("green"), CHALLENGER)
    paired = observed(about=about("h", A), role="paired")
    write(engine, storage, observed(about=about("h", A), said=green), paired)
    answer = client.post(URL, json={"task": TASK, "content_sha256": A, "correct": "blue"})
    assert answer.status_code == 200
    (result,) = answer.json()["results"]
    told = {name: result[name] for name in ("version", "slot", "answered", "accepted", "error")}
    assert told == {
        "version": "2",
        "slot": "challenger",
        "answered": "green",
        "accepted": False,
        "error": None,
    }
    assert rows(engine, Feedback) == [(A, "2", "challenger", "green", False, "blue")]
    assert rows(engine, BadEvent) == [("2", "override", "h", "challenger", 0.05, "2")]


def test_the_last_answer_is_meant_or_that_of_the_listing_or_the_job(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    job = uuid4()
    write(
        engine,
        storage,
        observed(about=about("one", A, job_id=job), said=said(room_answer("red"))),
        observed(about=about("two", A), said=said(room_answer("green"))),
        observed(about=about("two", A), said=said(room_answer("blue"))),
        observed(about=about("one", A, "other"), said=said(room_answer("red", 0.5))),
    )

    def answered(**item: str) -> str:
        sent = {"task": TASK, "content_sha256": A, "accepted": True} | item
        return str(client.post(URL, json=sent).json()["results"][0]["answered"])

    assert answered() == "blue"
    assert answered(listing_id="one") == "red"
    assert answered(job_id=str(job)) == "red"
    assert client.post(URL, json={"task": TASK, "content_sha256": A, "accepted": True},
                       headers=OTHER).json()["results"][0]["answered"] == "red"  # fmt: skip


@pytest.mark.parametrize("photo", ["a.jpg", f"sha256:{A}"])
def test_a_photo_is_known_by_what_it_was_asked_about_as(
    client: TestClient, engine: Engine, storage: Storage, photo: str
) -> None:
    write(engine, storage, observed(about=about("h", A)))
    answer = client.post(URL, json={"task": TASK, "photo": photo, "accepted": True})
    assert answer.json()["results"][0]["content_sha256"] == A
    assert rows(engine, Feedback) == [(A, "1", "champion", "red", True, "red")]
    assert rows(engine, BadEvent) == []


def test_an_answer_that_is_not_in_the_sample_is_known_by_its_content(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    data = jpeg()
    storage.write("listings/42/a.jpg", data)
    answers = Answers(engine, 100)
    answers.put(hash_photo(data), TASK, "1@a.b", {"room_type": "red"})
    answers.flush()
    item = {"task": TASK, "photo": "listings/42/a.jpg", "correct": "blue", "listing_id": "42"}
    (result,) = client.post(URL, json={"items": [item]}).json()["results"]
    assert (result["error"], result["version"], result["accepted"]) == (None, None, None)
    assert rows(engine, Feedback) == [(hash_photo(data), None, None, None, None, "blue")]


def test_one_unknown_photo_is_404_and_among_others_an_error_beside_them(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    write(engine, storage, observed(about=about("h", A)))
    unknown = {"task": TASK, "photo": "never.jpg", "accepted": True}
    alone = client.post(URL, json=unknown)
    assert alone.status_code == 404
    assert alone.headers["content-type"] == "application/problem+json"
    assert "never.jpg" in alone.json()["detail"]
    foreign = {"task": TASK, "content_sha256": A, "accepted": True}
    assert client.post(URL, json=foreign, headers=OTHER).status_code == 404
    both = client.post(URL, json={"items": [unknown, foreign]})
    assert both.status_code == 200
    assert [r["error"] and r["error"]["status"] for r in both.json()["results"]] == [404, None]
    assert len(rows(engine, Feedback)) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"task": TASK, "accepted": True},
        {"task": TASK, "content_sha256": A},
        {"task": TASK, "content_sha256": A, "photo": "a.jpg", "accepted": True},
        {"task": TASK, "content_sha256": "A" * 64, "accepted": True},
        {"task": "nobody's", "content_sha256": A, "accepted": True},
        {"task": TASK, "content_sha256": A, "accepted": True, "correct": "blue"},
        {"task": TASK, "content_sha256": A, "accepted": True, "stars": 5},
        {"task": TASK, "content_sha256": A, "correct": "x" * 201},
        {"task": TASK, "content_sha256": A, "correct": "nul \0"},
        {"items": []},
        {"items": [{"task": TASK, "content_sha256": A, "accepted": True}] * 501},
        [],
    ],
)
def test_what_cannot_be_meant_is_refused(
    client: TestClient, engine: Engine, storage: Storage, body: object
) -> None:
    write(engine, storage, observed(about=about("h", A)))
    answer = client.post(URL, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert rows(engine, Feedback) == []


def test_the_same_said_twice_is_stored_once_and_something_else_besides(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    write(engine, storage, observed(about=about("h", A)))
    item = {"task": TASK, "content_sha256": A, "correct": "blue"}
    told = [client.post(URL, json=item).json()["results"][0]["repeated"] for _ in range(3)]
    assert told == [False, True, True]
    assert rows(engine, BadEvent) == [("1", "override", "h", "champion", 0.05, "2")]
    client.post(URL, json=item | {"correct": "red"})
    assert [row[-1] for row in rows(engine, Feedback)] == ["blue", "red"]
    assert rows(engine, BadEvent) == [], "it was said by mistake"


def test_a_request_that_comes_again_with_its_key_changes_nothing(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    answers = (observed(about=about("h", sha)) for sha in (A, B))
    write(engine, storage, *answers)
    items = [{"task": TASK, "content_sha256": sha, "correct": "blue"} for sha in (A, B)]
    key = {"Idempotency-Key": "k"}
    first = client.post(URL, json={"items": items}, headers=key).json()["results"]
    client.post(URL, json=items[0] | {"correct": "red"})
    again = client.post(URL, json={"items": items}, headers=key).json()["results"]
    assert [r["repeated"] for r in first] == [False, False]
    assert [r["repeated"] for r in again] == [True, True]
    assert len(rows(engine, Feedback)) == 3
    other = client.post(URL, json={"items": items[:1]}, headers=key)
    assert (other.status_code, other.json()["title"]) == (422, "KeyReused")
    assert client.post(URL, json={"items": items}, headers=key | OTHER).status_code == 200


def test_what_comes_many_times_at_once_is_stored_once(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    write(engine, storage, observed(about=about("h", A)))
    item = {"task": TASK, "content_sha256": A, "correct": "blue"}
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(client.post(URL, json=item).status_code))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 6
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(Feedback)) == 1


def test_nobody_learns_of_an_upload_of_another_client(client: TestClient, engine: Engine) -> None:
    sent = client.post(
        "/internal/uploads", content=jpeg(), headers={"Content-Type": "image/jpeg"} | OTHER
    ).json()
    answers = Answers(engine, 100)
    answers.put(hash_photo(jpeg()), TASK, "1@a.b", {})
    answers.flush()
    item = {"task": TASK, "photo": sent["key"], "accepted": True}
    assert client.post(URL, json=item).status_code == 404
    assert client.post(URL, json=item, headers=OTHER).status_code == 200


def test_only_shadowed_traffic_has_nothing_that_counts_against_a_version(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    write(engine, storage, observed(about=about("h", A), beside=replace(BESIDE, share=0.0)))
    client.post(URL, json={"task": TASK, "content_sha256": A, "correct": "blue"})
    assert len(rows(engine, Feedback)) == 1
    assert rows(engine, BadEvent) == []
