"""What was accepted is there, once, and would wake a worker."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from serving.errors import KeyReused, QueueFull
from serving.jobs.attempts import take
from serving.jobs.kinds import KINDS
from serving.jobs.queue_stats import read_queue_stats
from serving.jobs.submit import NewJob, submit
from tests.serving.jobs.conftest import Submit, rows

CLASSIFY = KINDS["classify_photos"]


def test_a_job_its_event_and_its_place_in_the_queue_are_there_together(
    engine: Engine, new_job: Submit
) -> None:
    job_id = new_job(priority=7)
    ((entry,),) = rows(engine, "SELECT queue_job_id FROM jobs WHERE id = :id", id=job_id)
    found = rows(
        engine,
        "SELECT queue_name, priority, status::text, args FROM queue.procrastinate_jobs "
        "WHERE id = :id",
        id=entry,
    )
    assert found == [("classify", 14, "todo", {"job_id": str(job_id)})]
    assert rows(engine, "SELECT kind FROM job_events") == [("accepted",)]


@pytest.fixture
def failing_commit(engine: Engine) -> Iterator[None]:
    def fail(_: object) -> None:
        raise OperationalError("COMMIT", {}, Exception("the line broke"))

    event.listen(engine, "commit", fail)
    yield
    event.remove(engine, "commit", fail)


@pytest.mark.usefixtures("failing_commit")
def test_what_was_not_committed_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(OperationalError):
        submit(engine, NewJob(CLASSIFY, {"photos": ["a.jpg"]}, "backend"), 10)
    for table in ("jobs", "job_events", "queue.procrastinate_jobs"):
        assert rows(engine, f"SELECT count(*) FROM {table}") == [(0,)]


def test_500_identical_requests_with_one_key_make_one_job(engine: Engine) -> None:
    new = NewJob(CLASSIFY, {"photos": ["a.jpg"]}, "backend", idempotency_key="once")
    ready = threading.Barrier(24)

    def ask(number: int) -> tuple[object, bool]:
        if number < 24:
            ready.wait()
        accepted = submit(engine, new, 10)
        return accepted.job_id, accepted.created

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(ask, range(500)))
    assert len({job_id for job_id, _ in answers}) == 1
    assert sum(created for _, created in answers) == 1
    assert rows(engine, "SELECT count(*) FROM queue.procrastinate_jobs") == [(1,)]


def test_a_key_is_one_clients_and_holds_for_one_request(engine: Engine) -> None:
    mine = NewJob(CLASSIFY, {"photos": ["a.jpg"]}, "backend", idempotency_key="k")
    theirs = NewJob(CLASSIFY, {"photos": ["a.jpg"]}, "other", idempotency_key="k")
    changed = NewJob(CLASSIFY, {"photos": ["b.jpg"]}, "backend", idempotency_key="k")
    assert submit(engine, mine, 10).job_id != submit(engine, theirs, 10).job_id
    with pytest.raises(KeyReused):
        submit(engine, changed, 10)


def test_a_full_queue_refuses_but_still_answers_a_repeated_key(engine: Engine) -> None:
    first = NewJob(CLASSIFY, {"photos": ["a.jpg"]}, "backend", idempotency_key="k")
    accepted = submit(engine, first, 1)
    with pytest.raises(QueueFull) as full:
        submit(engine, NewJob(CLASSIFY, {"photos": ["b.jpg"]}, "backend"), 1)
    assert full.value.retry_after_s > 0
    assert submit(engine, first, 1).job_id == accepted.job_id
    # another queue has room
    submit(engine, NewJob(KINDS["render_video"], {}, "backend"), 1)


def test_a_time_that_is_over_is_now(engine: Engine, new_job: Submit) -> None:
    """Or the queue would seem to have stood still since then."""
    new_job(run_at=datetime.min.replace(tzinfo=UTC))
    assert rows(engine, "SELECT run_at = created_at FROM jobs") == [(True,)]
    (queue,) = [queue for queue in read_queue_stats(engine).queues if queue.name == "classify"]
    assert (queue.waiting, queue.oldest_s < 60) == (1, True)


def test_a_scheduled_job_is_not_taken_before_its_time(engine: Engine, new_job: Submit) -> None:
    later = new_job(run_at=datetime.now(UTC) + timedelta(hours=1))
    assert take(engine, later, uuid4()) is None
    ((due,),) = rows(engine, "SELECT scheduled_at > now() FROM queue.procrastinate_jobs")
    assert due
