import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session as Database

from serving.db.tables import Job, Json, WebhookDelivery
from serving.jobs import attempts, webhooks
from serving.jobs.control import cancel, redrive
from serving.jobs.dead_letters import replay_all
from serving.jobs.kinds import KINDS
from serving.jobs.outbox import dead_letters, replay
from serving.jobs.reaper import reap
from serving.jobs.submit import NewJob, submit
from serving.jobs.webhooks import Answer, Schedule, Sender
from serving.settings import Settings
from stack.backend.app import Desk
from stack.backend.events import Verifier
from stack.backend.inbox import Inbox
from stack.backend.sandbox import Sandbox, Switches
from stack.backend.server import running

OLD, NEW = "whsec_b2xkIHNlY3JldCBvZiB0ZXN0cw==", "whsec_bmV3IHNlY3JldCBvZiB0ZXN0cw=="
QUICK = Schedule(first_s=0.05, longest_s=0.4, attempts=40)
TIMEOUT_S = 0.4


class Receiver:
    """The reference backend, running."""

    def __init__(self, url: str, desk: Desk) -> None:
        self.url, self.desk = url, desk

    def trouble(self, **switches: object) -> None:
        self.desk.sandbox.set(Switches.model_validate(switches))

    def deliveries(self) -> dict[str, Json]:
        return {row["id"]: row for row in self.desk.inbox.deliveries(10_000)}


@contextmanager
def receiving(folder: Path, *secrets: str) -> Iterator[Receiver]:
    desk = Desk(Verifier(secrets), Inbox(folder / "inbox.sqlite"), Sandbox())
    with running(desk) as url:
        yield Receiver(url, desk)
    desk.inbox.close()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path, OLD) as receiver:
        yield receiver


@pytest.fixture
def sender(receiver: Receiver) -> Iterator[Sender]:
    sender = Sender(receiver.url, [OLD], TIMEOUT_S)
    yield sender
    sender.close()


@contextmanager
def answering(*parts: bytes, pause_s: float = 0.0) -> Iterator[str]:
    """A server that sends `parts` to whoever calls, the last again and again while there is one."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    for part in parts:
                        connection.sendall(part)
                    while pause_s:
                        time.sleep(pause_s)
                        connection.sendall(parts[-1])
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def begin(engine: Engine, kind: str = "render_video") -> Job:
    new = NewJob(KINDS[kind], {"photos": []}, client="test", listing_id="l-1")
    job = attempts.take(engine, submit(engine, new, 10_000).job_id, uuid4())
    assert job is not None
    return job


def finish(engine: Engine, kind: str = "render_video", progress: int = 0) -> Job:
    job = begin(engine, kind)
    for done in range(progress):
        attempts.tell_progress(engine, job, {"done": done, "total": progress})
    attempts.complete(engine, job, {"object": "films/1.mp4"})
    return job


def rows(engine: Engine) -> list[WebhookDelivery]:
    with Database(engine) as database:
        found = database.scalars(select(WebhookDelivery).order_by(WebhookDelivery.created_at)).all()
        database.expunge_all()
        return list(found)


def only(engine: Engine) -> WebhookDelivery:
    (row,) = rows(engine)
    return row


def claimed(engine: Engine, delivery_id: str) -> WebhookDelivery:
    delivery = webhooks.claim(engine, delivery_id, uuid4())
    assert delivery is not None
    return delivery


def try_once(engine: Engine, sender: Sender, delivery_id: str, schedule: Schedule = QUICK) -> None:
    """What a worker does when the queue wakes it."""
    delivery = webhooks.claim(engine, delivery_id, uuid4())
    if delivery is not None:
        webhooks.settle(engine, delivery, sender.send(delivery), schedule)


def deliver(
    engine: Engine, sender: Sender, schedule: Schedule = QUICK, within_s: float = 60
) -> None:
    """Do what workers do until nothing is owed, eight at once, without the queue's polling."""
    due = select(WebhookDelivery.id).where(
        WebhookDelivery.status == "pending", WebhookDelivery.run_at <= func.now()
    )
    owed = select(func.count()).where(WebhookDelivery.status.in_(("pending", "sending")))
    until = time.monotonic() + within_s
    with ThreadPoolExecutor(8) as pool, engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        while connection.scalar(owed):
            assert time.monotonic() < until, "something is still owed"
            ids = connection.scalars(due).all()
            list(pool.map(lambda delivery_id: try_once(engine, sender, delivery_id, schedule), ids))
            time.sleep(0.01)


def give_up(engine: Engine, jobs: list[Job]) -> None:
    for job in jobs:
        delivery = claimed(engine, end_id(job))
        once = Schedule(0, 0, attempts=1)
        webhooks.settle(engine, delivery, Answer(None, "the line was cut"), once)


def end_id(job: Job) -> str:
    return f"msg_{job.id.hex}_{job.attempt}"


@pytest.mark.slow
@pytest.mark.parametrize("close_at", ["before", "halfway"])
def test_every_end_arrives_once_by_id_though_the_receiver_fails_hangs_and_closes_early(
    engine: Engine, receiver: Receiver, sender: Sender, close_at: str
) -> None:
    receiver.trouble(
        fail_percent=30, hang_percent=10, hang_s=30, close_percent=15, close_at=close_at, seed=1
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
    receiver.trouble(outage_s=1.5)
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
        sender = Sender(url, [OLD], TIMEOUT_S)
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
        sender = Sender(url, [OLD], TIMEOUT_S)
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
        attempts.tell_progress(engine, job, {"done": done})
    assert Counter(row.status for row in rows(engine)) == {"superseded": 4, "pending": 1}
    deliver(engine, sender)
    (row,) = receiver.deliveries().values()
    assert row["payload"]["data"]["progress"] == {"done": 4}


def test_the_end_supersedes_progress_that_could_not_be_delivered(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    job = begin(engine)
    receiver.trouble(fail_percent=100, events=["video-progress"])
    attempts.tell_progress(engine, job, {"done": 1})
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
    attempts.tell_progress(engine, job, {"done": 1})
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
    attempts.tell_progress(engine, job, {"done": 1})
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


def test_what_is_given_up_is_listed_and_arrives_when_replayed_under_its_id(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    job = finish(engine)
    receiver.trouble(fail_percent=100, fail_status=429)
    deliver(engine, sender, Schedule(0.01, 0.01, attempts=3))
    with engine.begin() as connection:
        (letter,) = dead_letters(connection)
    assert (letter.id, letter.attempt, letter.last_status) == (end_id(job), 3, 429)
    assert letter.last_error is not None
    assert letter.last_error.startswith("429 Too Many Requests: {")
    receiver.trouble()
    with engine.begin() as connection:
        assert replay(connection, letter.id)
        assert not replay(connection, "msg_unknown")
        assert dead_letters(connection) == []
    deliver(engine, sender)
    assert set(receiver.deliveries()) == {end_id(job)}


def test_the_newest_dead_letters_are_listed_first(engine: Engine) -> None:
    jobs = [finish(engine) for _ in range(3)]
    give_up(engine, jobs)
    with engine.begin() as connection:
        assert [row.job_id for row in dead_letters(connection, limit=2)] == [
            jobs[2].id,
            jobs[1].id,
        ]


@pytest.mark.slow
def test_the_command_lists_what_was_given_up_and_replays_all_or_some(
    engine: Engine, settings: Settings
) -> None:
    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "serving.jobs.dead_letters", *words],
            env=os.environ | {"DATABASE_URL": str(settings.database_url), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    jobs = [finish(engine) for _ in range(3)]
    give_up(engine, jobs)
    listed = command("list").stdout
    assert all(end_id(job) in listed for job in jobs)
    assert "tried 1x: the line was cut" in listed
    some = command("replay", end_id(jobs[0]), "msg_unknown")
    assert (some.returncode, some.stdout) == (1, "1 are sent again\n")
    assert "msg_unknown: no such delivery" in some.stderr
    assert command("replay", "--all").stdout == "2 are sent again\n"
    assert command("list").stdout == "none was given up\n"
    assert command("replay").returncode == 2
    assert {row.status for row in rows(engine)} == {"pending"}


def test_more_dead_letters_than_fit_one_transaction_are_all_replayed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.jobs.dead_letters._AT_ONCE", 2)
    give_up(engine, [finish(engine) for _ in range(5)])
    assert replay_all(engine) == 5
    assert {row.status for row in rows(engine)} == {"pending"}


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_a_job_that_does_not_end_well_is_told_of_as_job_failed(
    engine: Engine, receiver: Receiver, sender: Sender, end: str
) -> None:
    job = begin(engine)
    if end == "failed":
        attempts.fail(engine, job, {"title": "BadInput", "reason": "bad_input"})
    else:
        attempts.end_cancelled(engine, job)
    deliver(engine, sender)
    (row,) = receiver.deliveries().values()
    reason = "bad_input" if end == "failed" else "cancelled"
    assert row["event"] == "job-failed"
    assert row["payload"]["data"]["status"] == end
    assert row["payload"]["data"]["error"]["reason"] == reason


def test_a_job_cancelled_while_it_waits_is_told_of(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    new = NewJob(KINDS["stage_rooms"], {}, client="test")
    cancel(engine, submit(engine, new, 10).job_id)
    deliver(engine, sender)
    assert receiver.desk.inbox.statuses() == {"cancelled": 1}


def test_a_failed_job_that_is_run_again_has_two_ends_told_apart(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    job = begin(engine)
    attempts.fail(engine, job, {"reason": "internal"})
    deliver(engine, sender)
    redrive(engine, job.id)
    again = attempts.take(engine, job.id, uuid4())
    assert again is not None
    attempts.complete(engine, again, {})
    attempts.complete(engine, again, {})  # its answer was lost; no second event
    deliver(engine, sender)
    assert set(receiver.deliveries()) == {end_id(job), end_id(again)}
    assert receiver.desk.inbox.statuses() == {"completed": 1}


def test_a_trace_goes_on_in_the_backend(engine: Engine, sender: Sender) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    new = NewJob(KINDS["stage_rooms"], {}, client="test", traceparent=trace)
    cancel(engine, submit(engine, new, 10).job_id)
    headers = sender._headers(only(engine), "{}", datetime.now(UTC))
    assert headers["traceparent"] == trace


def test_a_try_that_breaks_on_our_side_is_a_failed_try_and_leaves_nothing_stranded(
    engine: Engine, sender: Sender
) -> None:
    job = finish(engine)
    delivery = claimed(engine, end_id(job))
    delivery.payload = {"no JSON": object()}
    answer = sender.send(delivery)
    assert (answer.status, answer.error) == (None, "TypeError, an error of ours")
    assert webhooks.settle(engine, delivery, answer, QUICK) == "pending"


def test_the_waits_grow_from_five_seconds_to_a_day() -> None:
    schedule = Schedule(5.0, 86_400.0, 12)
    waits = [schedule.delay_s(attempt) or 0.0 for attempt in range(1, 12)]
    expected = [5, 20, 80, 320, 1280, 5120, 20480, 81920, 86400, 86400, 86400]
    assert waits == pytest.approx(expected, rel=0.101)
    assert sum(expected) > 3 * 86_400, "a backend that is away for a weekend misses nothing"
    assert schedule.delay_s(12) is None


@given(
    first_s=st.floats(0.01, 60),
    longest_s=st.floats(60, 1e6),
    attempt=st.integers(1, 5000),
    more=st.integers(0, 100),
    retry_after_s=st.none() | st.floats(0, 1e9),
)
def test_a_wait_is_as_long_as_asked_for_never_past_the_longest_and_grows(
    first_s: float, longest_s: float, attempt: int, more: int, retry_after_s: float | None
) -> None:
    schedule = Schedule(first_s, longest_s, attempts=5001 + more)
    wait_s = schedule.delay_s(attempt, retry_after_s)
    assert wait_s is not None
    assert min(longest_s, retry_after_s or 0.0, 0.9 * first_s) <= wait_s <= longest_s
    assert wait_s >= min(longest_s, retry_after_s or 0.0)
    later_s = schedule.delay_s(attempt + 1)
    assert later_s is not None
    if retry_after_s is None:
        # four times as long, a tenth either way
        assert later_s >= min(2.5 * wait_s, 0.9 * longest_s)
    assert schedule.delay_s(schedule.attempts + more) is None


def test_waits_are_spread_so_that_what_failed_together_does_not_come_together() -> None:
    schedule = Schedule(5.0, 86_400.0, 12)
    for asked_s in (None, 60.0):
        waits = [schedule.delay_s(1, asked_s) or 0.0 for _ in range(200)]
        assert max(waits) - min(waits) > 0.05 * min(waits)


class Workers:
    """Real workers that only deliver."""

    def __init__(self, settings: Settings, url: str) -> None:
        self._environment = os.environ | {
            "STUDIO_HOME": str(settings.home()),
            "DATABASE_URL": str(settings.database_url),
            "BACKEND_URL": url,
            "WEBHOOK_SECRETS": f'["{OLD}"]',
            "WEBHOOK_FIRST_RETRY_S": "0.2",
            "WEBHOOK_LONGEST_RETRY_S": "0.5",
            "WEBHOOK_ATTEMPTS": "60",
            "WEBHOOK_TIMEOUT_S": "0.5",
            "HEARTBEAT_S": "0.2",
            "HEARTBEAT_TIMEOUT_S": "1.0",
            "PYTHONSAFEPATH": "1",
        }
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        # ends with the tests, even when they are killed
        tied = ["setpriv", "--pdeathsig", "KILL"]
        process = subprocess.Popen(
            [*tied, sys.executable, "-m", "serving.worker", "--queues", "webhook"],
            env=self._environment,
        )
        self._processes.append(process)
        return process

    def end(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.wait(30)


@pytest.mark.slow
def test_real_workers_deliver_every_end_though_one_is_killed_on_the_way(
    settings: Settings, engine: Engine, receiver: Receiver
) -> None:
    receiver.trouble(fail_percent=20, hang_percent=10, close_percent=10)
    jobs: list[UUID] = [finish(engine, progress=1).id for _ in range(60)]
    workers = Workers(settings, receiver.url)
    try:
        victim = workers.start()
        workers.start()
        wait_until(lambda: len(receiver.deliveries()) > 5)
        victim.kill()
        wait_until(lambda: not unsettled(engine))
    finally:
        workers.end()
    assert set(receiver.deliveries()) >= {f"msg_{job.hex}_1" for job in jobs}
    assert receiver.desk.inbox.statuses() == {"completed": 60}


def unsettled(engine: Engine) -> int:
    with engine.connect() as connection:
        live = WebhookDelivery.status.in_(("pending", "sending"))
        return connection.scalar(select(func.count()).where(live)) or 0


def wait_until(happened, timeout_s: float = 90) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.1)
