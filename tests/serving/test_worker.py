"""The worker's process: it takes jobs, stops in order, and is brought back from a SIGKILL."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy import Engine

from serving.db.tables import Job
from serving.jobs import manage
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.models.slots import Published
from serving.settings import Settings
from serving.storage.interface import Storage
from tests.fakes import GREEN, jpeg
from tests.serving.jobs.conftest import rows

pytestmark = pytest.mark.slow

# works until it is told to end, a step every 20 ms
PATIENT = """
import time
from serving.worker import main

def patient(run):
    for step in range(int(run.job.input["steps"])):
        time.sleep(0.02)
        run.check()
    return {"attempt": run.job.attempt}

main({"classify_photos": patient})
"""


@contextmanager
def worker(settings: Settings, *command: str, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker in a process group of its own."""
    process = subprocess.Popen(
        [sys.executable, *(command or ("-m", "serving.worker"))],
        env=os.environ
        | {"DATABASE_URL": str(settings.database_url), "STUDIO_HOME": str(settings.home())}
        | env,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def add(engine: Engine, **work: object) -> UUID:
    return submit(engine, NewJob(KINDS["classify_photos"], work, "backend"), 1000).job_id


def wait(engine: Engine, job_id: UUID, until: Callable[[Job], bool], timeout_s: float = 60) -> Job:
    end = time.monotonic() + timeout_s
    while True:
        job = manage.read_job(engine, job_id)
        if until(job):
            return job
        assert time.monotonic() < end, f"still {job.status}"
        time.sleep(0.02)


def wait_for_workers(engine: Engine, count: int) -> None:
    end = time.monotonic() + 60
    while len(rows(engine, "SELECT id FROM workers")) < count:
        assert time.monotonic() < end, "they did not come"
        time.sleep(0.02)


def is_over(job: Job) -> bool:
    return job.status in ("completed", "failed", "cancelled")


def is_running(job: Job) -> bool:
    return job.status == "processing"


def test_a_worker_does_what_was_accepted_before_and_after_it_came(
    settings: Settings, engine: Engine, storage: Storage, published: Published
) -> None:
    storage.write("a.jpg", jpeg(GREEN))
    before = add(engine, photos=["a.jpg"])
    with worker(settings):
        wait(engine, before, is_over)
        job = wait(engine, add(engine, photos=["a.jpg"]), is_over)
    assert job.result is not None
    (result,) = job.result["results"]
    assert result["room_type"] == "green"
    assert result["model"]["version"] == published.version
    assert result["cached"], "the same photo is not worked out twice"


def test_told_to_stop_it_hands_back_what_would_take_too_long(
    settings: Settings, engine: Engine
) -> None:
    short, long = add(engine, steps=30), add(engine, steps=10_000)
    with worker(settings, "-c", PATIENT, WORKER_GRACE_S="3") as process:
        wait(engine, long, is_running)
        wait(engine, short, is_running)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert manage.read_job(engine, short).status == "completed"
    handed = manage.read_job(engine, long)
    assert (handed.status, handed.failures, handed.losses) == ("pending", 0, 0)
    assert rows(engine, "SELECT count(*) FROM workers") == [(0,)]


def test_a_running_job_that_is_cancelled_ends_within_moments(
    settings: Settings, engine: Engine
) -> None:
    job_id = add(engine, steps=10_000)
    with worker(settings, "-c", PATIENT):
        wait(engine, job_id, is_running)
        started = time.monotonic()
        assert manage.cancel(engine, job_id).cancel_requested
        assert wait(engine, job_id, is_over).status == "cancelled"
    assert time.monotonic() - started < 5


def test_a_job_of_a_worker_that_was_killed_is_done_by_another(
    settings: Settings, engine: Engine
) -> None:
    job_id = add(engine, steps=100)
    with worker(settings, "-c", PATIENT) as first:
        wait(engine, job_id, is_running)
        first.kill()
    with worker(settings, "-c", PATIENT):
        job = wait(engine, job_id, is_over)
    assert job.status == "completed"
    assert (job.losses, job.result) == (1, {"attempt": 2})


def test_a_worker_that_gets_no_time_to_run_keeps_its_job(
    settings: Settings, engine: Engine
) -> None:
    """It stands still for longer than its heartbeats may be late, while another one looks."""
    job_id = add(engine, steps=150)
    with worker(settings, "-c", PATIENT, HEARTBEAT_TIMEOUT_S="1") as slow:
        wait(engine, job_id, is_running)
        with worker(settings, "-c", PATIENT, HEARTBEAT_TIMEOUT_S="1"):
            wait_for_workers(engine, 2)
            for _ in range(2):
                slow.send_signal(signal.SIGSTOP)
                time.sleep(3)
                slow.send_signal(signal.SIGCONT)
                time.sleep(0.3)
            job = wait(engine, job_id, is_over)
    assert (job.status, job.losses, job.result) == ("completed", 0, {"attempt": 1})
    assert rows(engine, "SELECT 1 FROM job_events WHERE kind = 'worker_lost'") == []


def test_what_somebody_waits_for_goes_before_bulk(settings: Settings, engine: Engine) -> None:
    bulk = [
        submit(engine, NewJob(KINDS["classify_photos"], {"steps": 5}, "b", priority=-50), 99).job_id
        for _ in range(12)
    ]
    urgent = submit(
        engine, NewJob(KINDS["classify_photos"], {"steps": 5}, "b", priority=50), 99
    ).job_id
    with worker(settings, "-c", PATIENT):
        for job_id in (*bulk, urgent):
            wait(engine, job_id, is_over)
    order = rows(engine, "SELECT id FROM jobs ORDER BY started_at")
    assert urgent in [job_id for (job_id,) in order[:2]]
