"""A callback's body stays below what receivers take, whatever the job has made."""

import json

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from serving.db.tables import Json
from serving.jobs import attempts
from serving.jobs.payloads import shorten_event, write_body
from serving.jobs.webhooks import Sender
from tests.serving.jobs.receivers import Receiver, begin, deliver

ROOM = {
    "room_type": "kitchen",
    "scores": {f"room_type_{number}": 0.0345678 for number in range(12)},
    "model": {"name": "room-classifier", "version": "1", "slot": "champion"},
}


def results(count: int) -> list[Json]:
    """What classifying so many photos answers, every tenth of them unreadable."""
    return [
        {"photo": f"listings/42/{number:04}.jpg"}
        | ({"error": {"title": "BadImage", "status": 422}} if number % 10 == 9 else ROOM)
        for number in range(count)
    ]


def payload(**data: object) -> Json:
    job = {"job_id": "0eeb496f-2c30-4fa9-b458-47343c3c58be", "status": "completed", "attempt": 1}
    return {"type": "classification-complete", "timestamp": "2026-11-25T14:02Z", "data": job | data}


def test_the_end_of_a_job_of_250_photos_arrives_thin_and_names_the_job(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    job = begin(engine, "classify_photos")
    attempts.complete(engine, job, {"results": results(250)})
    deliver(engine, sender)
    (row,) = receiver.deliveries().values()
    data = row["payload"]["data"]
    assert len(json.dumps(row["payload"])) < 1000
    assert data["thin"] is True
    assert data["bytes"] > 64 * 2**10
    assert data["counts"] == {"results": 250, "errors": 25}
    assert data["url"] == f"/internal/jobs/{job.id}"
    assert (data["status"], data["attempt"], data["listing_id"]) == ("completed", 1, "l-1")
    assert "result" not in data


def test_a_body_within_the_limit_is_whole() -> None:
    whole = payload(result={"results": results(20)})
    body = write_body(whole, 64 * 2**10)
    assert json.loads(body) == whole
    assert write_body(whole, len(body)) == body
    assert json.loads(write_body(whole, len(body) - 1))["data"]["thin"] is True


@given(
    st.lists(st.text(max_size=200), max_size=400),
    st.text(max_size=100_000) | st.none(),
)
def test_no_body_passes_the_least_limit_that_can_be_set(lines: list[str], detail: str) -> None:
    error = {"title": "FaultyOutput", "detail": detail, "findings": lines} if detail else None
    body = write_body(payload(result={"results": lines}, error=error), 4096)
    assert len(body.encode()) <= 4096


def test_an_event_of_a_stream_is_bounded_too() -> None:
    small = {"error": {"title": "BadImage", "detail": "cut short"}}
    assert shorten_event(small, 1000) == small
    large = {"error": {"title": "FaultyOutput", "detail": "x" * 10**5, "findings": ["y"] * 10**5}}
    assert len(json.dumps(shorten_event(large, 1000))) < 1000
