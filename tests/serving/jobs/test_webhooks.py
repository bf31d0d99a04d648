"""Every end arrives, once by id, whatever the receiver does."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from serving.jobs import attempts, webhooks
from serving.jobs.reaper import reap
from serving.jobs.webhooks import Answer, Schedule, Sender
from tests.serving.jobs.receivers import (
    NEW,
    OLD,
    PATIENT_S,
    QUICK,
    TIMEOUT_S,
    Receiver,
    answering,
    begin,
    claimed,
    deliver,
    end_id,
    finish,
    only,
    receiving,
    rows,
    try_once,
)


@pytest.mark.slow
@pytest.mark.parametrize("close_at", ["before", "halfway"])
def test_every_end_arrives_once_by_id_though_the_receiver_fails_hangs_and_closes_early(
    engine: Engine, receiver: Receiver, sender: Sender, close_at: str
) -> None:
    receiver.trouble(
        fail_percent=30, hang_percent=20, hang_s=30, close_percent=15, close_at=close_at, seed=1
    )
    jobs = [finish(engine, progress=1) for _ in range(30)]
    deliver(engine, sender)
    ends = {id for id, row in receiver.deliveries().items() if row["event"] == "video-complete"}
    assert ends == {end_id(job) for job in jobs}
    assert receiver.desk.inbox.statuses() == {"completed": 30}
    counts = receiver.desk.counts()
    assert min(counts["met_fail"], counts["met_hang"], counts["met_close"]) > 0
    assert counts["terminal_duplicates"] > 0, "answers were lost, so events had to come again"
    assert {row.status for row in rows(engine) if row.terminal} == {"delivered"}


@pytest.mark.slow
def test_every_end_arrives_after_an_outage_of_the_receiver(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    jobs = [finish(engine, "classify_photos") for _ in range(20)]
    receiver.trouble(outage_s=3.0)
    deliver(engine, sender)
    assert set(receiver.deliveries()) == {end_id(job) for job in jobs}
    assert receiver.desk.counts()["met_outage"] >= 20
    assert all(row.last_status == 200 and row.attempt > 1 for row in rows(engine))


def test_an_event_keeps_its_id_over_retries_and_counts_once(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    job = finish(engine)
    receiver.trouble(close_percent=100, recorded_percent=100)
    for _ in range(3):
        try_once(engine, sender, end_id(job), Schedule(0, 0, 40))
    receiver.trouble()
    deliver(engine, sender)
    assert {id: row["receipts"] for id, row in receiver.deliveries().items()} == {end_id(job): 4}
    assert only(engine).attempt == 4


def test_an_event_says_what_the_backend_needs(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    job = finish(engine, "classify_photos")
    deliver(engine, sender)
    (row,) = receiver.deliveries().values()
    assert row["payload"]["type"] == row["event"] == "classification-complete"
    assert datetime.fromisoformat(row["payload"]["timestamp"]).tzinfo is not None
    assert row["payload"]["data"] == {
        "job_id": str(job.id),
        "type": "classify_photos",
        "status": "completed",
        "listing_id": "l-1",
        "attempt": 1,
        "result": {"object": "films/1.mp4"},
    }


@pytest.mark.parametrize("known", [[OLD], [NEW], [OLD, NEW]])
def test_while_secrets_rotate_a_receiver_with_either_takes_the_event(
    engine: Engine, tmp_path: Path, known: list[str]
) -> None:
    finish(engine)
    with receiving(tmp_path, *known) as receiver:
        sender = Sender(receiver.url, [OLD, NEW], TIMEOUT_S)
        deliver(engine, sender)
        sender.close()
        assert receiver.desk.counts()["rejected"] == 0
    assert only(engine).status == "delivered"


def test_a_receiver_that_knows_neither_secret_refuses_and_is_tried_again(
    engine: Engine, tmp_path: Path
) -> None:
    job = finish(engine)
    with receiving(tmp_path, "whsec_YW5vdGhlciBzZWNyZXQ=") as receiver:
        sender = Sender(receiver.url, [OLD, NEW], TIMEOUT_S)
        try_once(engine, sender, end_id(job))
        sender.close()
        assert receiver.desk.counts()["recorded"] == 0
    row = only(engine)
    assert (row.status, row.last_status) == ("pending", 401)


@pytest.mark.parametrize("shape", ["{}", "date"])
def test_retry_after_is_honoured(engine: Engine, shape: str) -> None:
    job = finish(engine)
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=121), usegmt=True)
    header = "120" if shape == "{}" else later
    with answering(f"HTTP/1.1 503 Busy\r\nRetry-After: {header}\r\n\r\n".encode()) as url:
        sender = Sender(url, [OLD], PATIENT_S)
        try_once(engine, sender, end_id(job), Schedule(0.1, 3600, 12))
        sender.close()
    wait_s = (only(engine).run_at - datetime.now(UTC)).total_seconds()
    assert 115 < wait_s < 135


@pytest.mark.parametrize("header", ["²", "soon", "-5", "", "9" * 400, "Thu, 99 Foo 2026"])
def test_a_senseless_retry_after_is_no_reason_to_lose_the_event(
    engine: Engine, header: str
) -> None:
    job = finish(engine)
    head = f"HTTP/1.1 503 Busy\r\nRetry-After: {header}\r\n\r\n".encode("latin-1")
    with answering(head) as url:
        sender = Sender(url, [OLD], PATIENT_S)
        try_once(engine, sender, end_id(job), Schedule(0.1, 3600, 12))
        sender.close()
    row = only(engine)
    assert (row.status, row.last_status) == ("pending", 503)
    assert row.run_at < datetime.now(UTC) + timedelta(seconds=2)


@pytest.mark.parametrize(
    "parts",
    [
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n", b"a"),
    ],
    ids=["head", "body"],
)
def test_a_receiver_that_drips_its_answer_holds_a_worker_no_longer_than_the_timeout(
    engine: Engine, parts: tuple[bytes, ...]
) -> None:
    job = finish(engine)
    with answering(*parts, pause_s=0.05) as url:
        sender = Sender(url, [OLD], TIMEOUT_S)
        started = time.monotonic()
        try_once(engine, sender, end_id(job))
        took_s = time.monotonic() - started
        sender.close()
    assert took_s < 3 * TIMEOUT_S
    assert only(engine).last_error == "no answer within 0.4 s"


@pytest.mark.parametrize(
    "answer", [b"", b"\x00\xff\x16 what?\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"]
)
def test_what_is_no_clear_yes_is_tried_again(engine: Engine, answer: bytes) -> None:
    job = finish(engine)
    with answering(answer) as url:
        sender = Sender(url, [OLD], TIMEOUT_S)
        try_once(engine, sender, end_id(job))
        sender.close()
    row = only(engine)
    assert row.status == "pending"
    assert row.last_error


def test_gone_ends_the_tries(engine: Engine, receiver: Receiver, sender: Sender) -> None:
    job = finish(engine)
    receiver.trouble(gone_percent=100)
    deliver(engine, sender)
    receiver.trouble()
    assert only(engine).status == "refused"
    assert webhooks.claim(engine, end_id(job), uuid4()) is None
    assert receiver.deliveries() == {}


def test_progress_is_coalesced_to_the_newest(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    job = begin(engine)
    for done in range(5):
        attempts.report_progress(engine, job, {"done": done})
    assert Counter(row.status for row in rows(engine)) == {"superseded": 4, "pending": 1}
    deliver(engine, sender)
    (row,) = receiver.deliveries().values()
    assert row["payload"]["data"]["progress"] == {"done": 4}


def test_the_end_supersedes_progress_that_could_not_be_delivered(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    job = begin(engine)
    receiver.trouble(fail_percent=100, events=["video-progress"])
    attempts.report_progress(engine, job, {"done": 1})
    try_once(engine, sender, only(engine).id)
    attempts.complete(engine, job, {})
    assert [row.status for row in rows(engine)] == ["superseded", "pending"]
    deliver(engine, sender)
    receiver.trouble()
    assert set(receiver.deliveries()) == {end_id(job)}
    assert {row.event: row.status for row in rows(engine)} == {
        "video-progress": "superseded",
        "video-complete": "delivered",
    }


@pytest.mark.slow
def test_the_end_does_not_wait_for_progress_that_hangs(engine: Engine, receiver: Receiver) -> None:
    job = begin(engine)
    patient = Sender(receiver.url, [OLD], timeout_s=2.0)
    receiver.trouble(hang_percent=100, recorded_percent=0, events=["video-progress"])
    attempts.report_progress(engine, job, {"done": 1})
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(try_once, engine, patient, only(engine).id)
        while only(engine).status != "sending":
            time.sleep(0.01)
        attempts.complete(engine, job, {})
        try_once(engine, patient, end_id(job))
        assert set(receiver.deliveries()) == {end_id(job)}
        assert not hanging.done()
    patient.close()
    assert {row.status for row in rows(engine)} == {"superseded", "delivered"}


def test_progress_whose_sender_died_does_not_come_after_the_end(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    job = begin(engine)
    attempts.report_progress(engine, job, {"done": 1})
    claimed(engine, only(engine).id)  # by a worker that is never heard of again
    attempts.complete(engine, job, {})
    reap(engine, timeout_s=0.0, max_losses=10)
    deliver(engine, sender)
    assert set(receiver.deliveries()) == {end_id(job)}


def test_an_end_whose_sender_died_is_sent_by_another(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    job = finish(engine)
    lost = claimed(engine, end_id(job))
    reap(engine, timeout_s=0.0, max_losses=10)
    deliver(engine, sender)
    assert set(receiver.deliveries()) == {end_id(job)}
    assert webhooks.settle(engine, lost, Answer(500, "late"), QUICK) is None, "its try is over"
    assert only(engine).status == "delivered"


def test_a_try_that_was_thought_dead_does_not_settle_the_one_after_it(engine: Engine) -> None:
    job = finish(engine)
    lost = claimed(engine, end_id(job))
    reap(engine, timeout_s=0.0, max_losses=10)
    claimed(engine, end_id(job))
    assert webhooks.settle(engine, lost, Answer(410, "late"), QUICK) is None
    assert (only(engine).status, only(engine).attempt) == ("sending", 2)
