"""When a delivery is tried, and that real workers bring each to its end."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from serving.db.tables import WebhookDelivery
from serving.jobs import webhooks
from serving.jobs.kinds import KINDS
from serving.jobs.manage import cancel
from serving.jobs.submit import NewJob, submit
from serving.jobs.webhooks import Schedule, Sender
from serving.settings import Settings
from tests.serving.jobs.receivers import (
    OLD,
    QUICK,
    Receiver,
    claimed,
    end_id,
    finish,
    only,
)


def test_a_trace_goes_on_in_the_backend(engine: Engine, sender: Sender) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    new = NewJob(KINDS["stage_photos"], {}, client="test", traceparent=trace)
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
    assert (answer.status, answer.error) == (None, "TypeError, an internal error")
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
