"""Times that are kept or compared are the database's: a worker's own clock may be an hour off."""

import ast
import importlib
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import format_datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

import serving
from serving.access.api_keys import create_key, revoke_keys
from serving.jobs import attempts
from serving.jobs.attempts import Retries
from serving.jobs.webhooks import Schedule, Sender
from tests.serving.jobs import conftest
from tests.serving.jobs.conftest import Submit
from tests.serving.jobs.receivers import (
    OLD,
    PATIENT_S,
    answering,
    claimed,
    end_id,
    finish,
    only,
    try_once,
)

# modules that may ask this host's clock, and why
OWN_CLOCK = {
    "access/links.py": "a link says until when it holds, and whoever opens it has no database",
    "operations/tables.py": "how long ago something was, for people",
    "storage/scratch.py": "of files on this host",
    "storage/folder.py": "of files on this host",
}


@pytest.fixture(autouse=True, params=[-1, 1], ids=["behind", "ahead"])
def _a_clock_that_is_an_hour_off(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Off(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Off":
            at = datetime.now(tz) + timedelta(hours=request.param)
            return cls.fromtimestamp(at.timestamp(), tz)

    jobs = ("attempts", "webhooks", "outbox", "queue", "submit", "reaper")
    for name in (*(f"jobs.{name}" for name in jobs), "access.api_keys"):
        module = importlib.import_module(f"serving.{name}")
        monkeypatch.setattr(module, "datetime", Off, raising=False)


def test_a_retry_waits_as_long_as_it_is_to(
    engine: Engine, new_job: Submit, worker_id: object
) -> None:
    job = conftest.begin(engine, new_job(), worker_id)  # type: ignore[arg-type]
    delay_s = attempts.retry(engine, job, {"title": "Away"}, Retries(5, 100.0, 600.0))
    assert delay_s is not None
    ((wait_s, entry_s),) = conftest.rows(
        engine,
        "SELECT extract(epoch FROM run_at - now()), extract(epoch FROM scheduled_at - now())"
        " FROM jobs JOIN queue.procrastinate_jobs AS entry ON entry.id = queue_job_id",
    )
    for seconds in (wait_s, entry_s):
        assert delay_s - 30 < float(str(seconds)) <= delay_s


def test_a_callbacks_next_try_waits_as_long_as_it_is_to(engine: Engine) -> None:
    job = finish(engine)
    with answering(b"HTTP/1.1 503 Busy\r\n\r\n") as url:
        sender = Sender(url, [OLD], PATIENT_S)
        try_once(engine, sender, end_id(job), Schedule(600, 3600, 12))
        sender.close()
    assert 500 < (only(engine).run_at - datetime.now(UTC)).total_seconds() < 700


@pytest.mark.parametrize("off", [timedelta(0), timedelta(hours=3)])
def test_a_retry_after_that_is_a_date_is_by_the_receivers_clock(
    engine: Engine, off: timedelta
) -> None:
    job = finish(engine)
    there = datetime.now(UTC) + off
    date, later = (
        format_datetime(at, usegmt=True) for at in (there, there + timedelta(seconds=120))
    )
    head = f"HTTP/1.1 503 Busy\r\nDate: {date}\r\nRetry-After: {later}\r\n\r\n".encode()
    with answering(head) as url:
        sender = Sender(url, [OLD], PATIENT_S)
        try_once(engine, sender, end_id(job), Schedule(0.1, 36000, 12))
        sender.close()
    assert 100 < (only(engine).run_at - datetime.now(UTC)).total_seconds() < 135


def test_a_callback_is_signed_at_a_time_that_its_receiver_takes(
    engine: Engine, sender: Sender
) -> None:
    job = finish(engine)
    delivery = claimed(engine, end_id(job))
    assert sender.send(delivery).delivered, "the receiver allows five minutes either way"
    told_at = datetime.fromisoformat(delivery.payload["timestamp"])
    assert abs(datetime.now(UTC) - told_at) < timedelta(minutes=5)


def test_a_key_is_revoked_by_the_databases_time(engine: Engine) -> None:
    for _ in range(3):
        create_key(engine, "backend")
    revoke_keys(engine, "backend")
    ((first_s, last_s),) = conftest.rows(
        engine,
        "SELECT extract(epoch FROM now() - min(revoked_at)), "
        "extract(epoch FROM now() - max(revoked_at)) FROM api_keys",
    )
    assert 0 <= float(str(last_s)) <= float(str(first_s)) < 60


def test_nothing_that_is_kept_takes_its_time_from_the_hosts_clock() -> None:
    folder = Path(serving.__file__).parent
    asks = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("datetime.now", "datetime.utcnow", "time.time")
    }
    assert asks == set(OWN_CLOCK)
