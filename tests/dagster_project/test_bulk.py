"""Many jobs at once: behind what somebody waits for, and never more than the queue has room for."""

from uuid import uuid4

import pytest
from sqlalchemy import Engine

from dagster_project.batches.bulk import BulkJob, Rules, Unfinished, run_bulk
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
