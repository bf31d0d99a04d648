"""A death is evident, or it is waited for; who was held for dead and writes again was not."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from serving.jobs import attempts
from serving.jobs.heartbeat import Heartbeat
from serving.jobs.liveness import SilenceLimits
from serving.jobs.manage import read_job
from serving.jobs.queue_stats import read_queue_stats
from serving.jobs.reaper import ObservationWindow, Reaped, reap
from serving.settings import Settings
from tests.serving.jobs.conftest import Submit, age, begin, rows, wait_until_old

TIMEOUT_S, HUNG_S = 1.0, 6.0


@pytest.fixture(autouse=True, scope="module")
def _a_server_that_is_not_new(postgres_url: str) -> None:
    """Silence counts from the server's start at the earliest."""
    wait_until_old(postgres_url, HUNG_S + 1)


BEATING = """
import sys, time
from uuid import UUID
from serving.db.engine import open_engine
from serving.jobs.heartbeat import Heartbeat
from serving.settings import Settings
Heartbeat(open_engine(Settings()), UUID(sys.argv[1]), 3600).start()
print("started", flush=True)
time.sleep(3600)
"""


@contextmanager
def process(settings: Settings, worker_id: UUID) -> Iterator[subprocess.Popen[bytes]]:
    """A process that says once that it is this worker, and then never again."""
    started = subprocess.Popen(
        [sys.executable, "-c", BEATING, str(worker_id)],
        env=os.environ | {"DATABASE_URL": str(settings.database_url)},
        stdout=subprocess.PIPE,
    )
    try:
        assert started.stdout is not None
        assert started.stdout.readline() == b"started\n"
        yield started
    finally:
        started.kill()
        started.wait()


def look(engine: Engine, watched_s: float = float("inf"), max_losses: int = 10) -> Reaped:
    return reap(engine, TIMEOUT_S, max_losses, SilenceLimits(TIMEOUT_S, HUNG_S, watched_s))


def wait_for(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.02)


def test_a_worker_that_is_slow_or_stopped_is_not_dead_and_one_that_was_killed_is_at_once(
    settings: Settings, engine: Engine, new_job: Submit
) -> None:
    worker_id = uuid4()
    with process(settings, worker_id) as worker:
        job = begin(engine, new_job(), worker_id)
        age(engine, TIMEOUT_S + 1)
        worker.send_signal(signal.SIGSTOP)
        assert look(engine) == Reaped()
        assert read_queue_stats(engine).workers[0].connected
        worker.send_signal(signal.SIGKILL)  # which also ends one that is stopped
        wait_for(lambda: look(engine).lost_jobs == (job.id,))
    assert not read_queue_stats(engine).workers[0].connected


def test_a_worker_that_hangs_for_long_loses_its_jobs(
    settings: Settings, engine: Engine, new_job: Submit
) -> None:
    worker_id = uuid4()
    with process(settings, worker_id):
        job = begin(engine, new_job(), worker_id)
        age(engine, HUNG_S + 1)
        assert look(engine).lost_jobs == (job.id,)


def test_a_worker_without_a_connection_is_waited_for_as_its_heartbeats_were_late(
    engine: Engine, new_job: Submit, worker_id: UUID
) -> None:
    job = begin(engine, new_job(), worker_id)
    with engine.begin() as connection:
        connection.execute(text("UPDATE workers SET late_s = 1"))
    age(engine, TIMEOUT_S + 1)
    assert look(engine) == Reaped()
    age(engine, 4)
    assert look(engine).lost_jobs == (job.id,)


def test_heartbeats_say_how_late_they_come(engine: Engine) -> None:
    heartbeat = Heartbeat(engine, uuid4(), every_s=0.01)
    heartbeat.beat()
    time.sleep(0.3)
    heartbeat.beat()
    ((late_s,),) = rows(engine, "SELECT late_s FROM workers")
    assert float(str(late_s)) >= 0.25
    heartbeat.beat()
    ((later_s,),) = rows(engine, "SELECT late_s FROM workers")
    assert 0.2 < float(str(later_s)) < float(str(late_s)), "it is forgotten by and by"


def test_who_was_held_for_dead_and_writes_again_costs_its_jobs_nothing(
    engine: Engine, new_job: Submit
) -> None:
    heartbeat = Heartbeat(engine, worker_id := uuid4(), 1.0)
    job_id, over = new_job(), new_job()
    for _ in range(15):  # more often than a job may lose its worker
        heartbeat.beat()
        for one in (job_id, over):
            begin(engine, one, worker_id)
        age(engine, TIMEOUT_S + 1)
        assert len(look(engine).lost_jobs) == 2
        assert read_job(engine, job_id).losses == 1
    begin(engine, over, worker_id)
    attempts.complete(engine, read_job(engine, over), {})
    heartbeat.beat()
    assert (read_job(engine, job_id).status, read_job(engine, job_id).losses) == ("pending", 0)
    assert read_job(engine, over).losses == 1, "what has ended stays as it ended"
    assert rows(engine, "SELECT taken_jobs FROM workers") == [([],)]


def test_a_job_that_gets_further_each_time_outlives_any_number_of_workers(
    engine: Engine, new_job: Submit, worker_id: UUID
) -> None:
    job_id = new_job()
    for done in (1, 2, 3, 4, 4, 3):
        job = begin(engine, job_id, worker_id)
        progress = {"done": done, "total": 9, "unit": "photos"}
        attempts.report_progress(engine, job, progress)
        age(engine, TIMEOUT_S + 1)
        look(engine, max_losses=4)
    assert (read_job(engine, job_id).status, read_job(engine, job_id).losses) == ("pending", 3)
    begin(engine, job_id, worker_id)
    age(engine, TIMEOUT_S + 1)
    look(engine, max_losses=4)
    assert read_job(engine, job_id).status == "failed", "it no longer got further"


def test_a_reaper_that_was_away_does_not_take_its_own_silence_for_others(
    engine: Engine, new_job: Submit, worker_id: UUID
) -> None:
    begin(engine, new_job(), worker_id)
    age(engine, 3600)
    assert look(engine, watched_s=TIMEOUT_S / 2) == Reaped()
    assert len(look(engine, watched_s=TIMEOUT_S).lost_jobs) == 1


def test_a_watch_begins_anew_after_a_gap_or_a_look_that_saw_nothing() -> None:
    watch = ObservationWindow(gap_s=1.0)
    assert watch.look(100.0) == float("inf")
    assert watch.look(100.6) == float("inf")
    assert watch.look(120.0) == 0.0
    assert watch.look(120.6) == pytest.approx(0.6)
    watch.lose()
    assert watch.look(121.2) == 0.0
    assert watch.look(121.8) == pytest.approx(0.6)
