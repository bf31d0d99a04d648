"""Two workers in process groups of their own: they share the load, and one is enough."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

import pytest
from sqlalchemy import Engine

from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.settings import Settings
from tests.serving.jobs.conftest import rows

pytestmark = pytest.mark.slow

JOBS = 200
# its jobs take time and no CPU: who takes them does not depend on who gets the cores
SLEEPY = """
import time
from serving.worker import main
main({"classify_photos": lambda run: time.sleep(0.05) or {}})
"""


@contextmanager
def worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    where = {"DATABASE_URL": str(settings.database_url), "STUDIO_HOME": str(settings.home())}
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPY], env=os.environ | where, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(happened: Callable[[], bool], timeout_s: float = 90) -> None:
    until = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.05)


def add(engine: Engine, count: int) -> list[UUID]:
    new = NewJob(KINDS["classify_photos"], {"photos": ["a.jpg"]}, "backend")
    return [submit(engine, new, 1000).job_id for _ in range(count)]


def ended(engine: Engine) -> int:
    return len(rows(engine, "SELECT id FROM jobs WHERE status = 'completed'"))


def started(engine: Engine) -> Counter[object]:
    """How many attempts each worker began."""
    events = rows(engine, "SELECT data ->> 'worker' FROM job_events WHERE kind = 'started'")
    return Counter(worker_id for (worker_id,) in events)


def freeze_in_a_job(engine: Engine, process: subprocess.Popen[bytes]) -> None:
    """Stop the worker at a moment at which it has a job: between two it would lose nothing."""
    held = (
        "SELECT jobs.id FROM jobs JOIN workers ON workers.id = jobs.worker_id "
        f"WHERE workers.pid = {process.pid} AND jobs.status = 'processing'"
    )
    for _ in range(100):
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.05)  # what it sent before reaches the database
        if rows(engine, held):
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.01)
    raise AssertionError("the worker never had a job")


def test_two_workers_share_the_load_and_one_that_is_killed_takes_nothing_with_it(
    settings: Settings, engine: Engine
) -> None:
    with ExitStack() as both:
        victim, _ = (both.enter_context(worker(settings)) for _ in range(2))
        wait_for(lambda: len(rows(engine, "SELECT id FROM workers")) == 2)
        add(engine, JOBS)
        wait_for(lambda: ended(engine) == JOBS)
        shares = started(engine)
        assert shares.total() == JOBS
        assert min(shares.values()) >= 0.35 * JOBS, shares

        add(engine, JOBS)
        wait_for(lambda: ended(engine) >= JOBS + 20)
        freeze_in_a_job(engine, victim)
        victim.kill()
        wait_for(lambda: ended(engine) == 2 * JOBS)
    ends = rows(engine, "SELECT count(*) FROM job_events WHERE kind = 'completed' GROUP BY job_id")
    assert ends == [(1,)] * 2 * JOBS
    assert rows(engine, "SELECT count(*) FROM job_events WHERE kind = 'worker_lost'") != [(0,)]
