"""Many jobs at once: behind what somebody waits for, and never more than the queue has room for."""

import os
import signal
import time
from uuid import uuid4

import dagster as dg
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from dagster_project.batches.bulk import BulkJob, Interrupted, Rules, Unfinished, run_bulk
from dagster_project.batches.interrupts import noted_interrupts
from dagster_project.batches.run import final_errors
from serving.jobs import attempts
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from tests.dagster_project.batches import RULES, jobs_of, result_of, worker


def test_what_somebody_waits_for_comes_before_the_batch(engine: Engine) -> None:
    bulk = [BulkJob(KINDS["render_video"], {"n": n}, str(n), f"k{n}") for n in range(3)]
    with pytest.raises(Unfinished):
        run_bulk(engine, bulk, Rules(1_000, 0.0, 0.01), lambda _: None)
    submit(engine, NewJob(KINDS["render_video"], {}, "app", "urgent"), 1_000)
    with worker(engine, result_of) as taken:
        run_bulk(engine, bulk, RULES, lambda _: None)
    assert taken[0].listing_id == "urgent"


def test_a_batch_holds_back_while_enough_is_waiting(engine: Engine) -> None:
    """The queue's room is for others too: they would be refused."""
    bulk = [BulkJob(KINDS["render_video"], {"n": n}, str(n), f"k{n}") for n in range(5)]
    lines: list[str] = []
    with pytest.raises(Unfinished):
        run_bulk(engine, bulk, Rules(2, 0.1, 0.02), lines.append)
    assert len(jobs_of(engine)) == 2
    assert "3 held back" in lines[-1]
    with worker(engine, result_of):
        made = run_bulk(engine, bulk, Rules(2, 30.0, 0.02), lines.append)
    assert [outcome.listing_id for outcome in made] == ["0", "1", "2", "3", "4"]
    assert {outcome.status for outcome in made} == {"completed"}
    assert lines[-1] == "5 of 5 jobs have ended"


def test_the_log_tells_of_jobs_under_way(engine: Engine) -> None:
    bulk = [BulkJob(KINDS["render_video"], {}, "1", "k")]
    with pytest.raises(Unfinished):
        run_bulk(engine, bulk, Rules(9, 0.0, 0.01), lambda _: None)
    job = attempts.take(engine, jobs_of(engine)[0].id, uuid4())
    assert job is not None
    lines: list[str] = []
    with pytest.raises(Unfinished):
        run_bulk(engine, bulk, Rules(9, 0.0, 0.01), lines.append)
    assert lines == ["0 of 1 jobs have ended: 1 being made"]


def interrupt(_: str) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.1)  # a signal to oneself is soon, not at once, raised


@pytest.mark.usefixtures("interruptible")
def test_a_batch_whose_run_is_terminated_is_cancelled(engine: Engine) -> None:
    bulk = [BulkJob(KINDS["render_video"], {"n": n}, str(n), f"k{n}") for n in range(2)]
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match="2 open jobs are cancelled"):
        run_bulk(engine, bulk, RULES, interrupt, lambda: True)
    assert [job.status for job in jobs_of(engine)] == ["cancelled"] * 2
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_run_that_cannot_be_asked_about_is_not_tried_again(engine: Engine) -> None:
    def is_terminated() -> bool:
        raise OperationalError("SELECT", {}, Exception("the database goes down, too"))

    bulk = [BulkJob(KINDS["render_video"], {"n": 0}, "0", "k0")]
    with pytest.raises(Interrupted, match="goes down, too"):
        run_bulk(engine, bulk, RULES, interrupt, is_terminated)
    assert [job.status for job in jobs_of(engine)] == ["pending"]


@pytest.mark.usefixtures("interruptible")
def test_who_interrupts_twice_does_not_wait_for_an_end_in_good_order() -> None:
    with noted_interrupts() as interrupted:
        interrupt("once")
        assert interrupted.wait(10)
        with pytest.raises(KeyboardInterrupt):
            interrupt("twice")


@pytest.mark.parametrize("error", [KeyboardInterrupt, dg.DagsterExecutionInterruptedError])
def test_an_interrupt_anywhere_in_a_step_is_final(error: type[BaseException]) -> None:
    with pytest.raises(dg.Failure) as raised, final_errors():
        raise error
    assert not raised.value.allow_retries
