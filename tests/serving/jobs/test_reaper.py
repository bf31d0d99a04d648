"""What a dead worker held comes back, and nothing that lives is taken away."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from serving.jobs import attempts, manage, webhooks
from serving.jobs.heartbeat import Heartbeat
from serving.jobs.reaper import Reaped, reap, sweep
from tests.serving.jobs.conftest import Submit, age, begin, rows, wait_until_old

TIMEOUT_S = 2.5


@pytest.fixture(autouse=True, scope="module")
def _a_server_that_is_not_new(postgres_url: str) -> None:
    """Silence counts from the server's start at the earliest."""
    wait_until_old(postgres_url, TIMEOUT_S + 0.1)


def look(engine: Engine, max_losses: int = 10) -> Reaped:
    return reap(engine, TIMEOUT_S, max_losses)


def wakes(engine: Engine, job_id: UUID) -> bool:
    """Whether the one entry that the row names would wake a worker."""
    return bool(
        rows(
            engine,
            "SELECT 1 FROM jobs JOIN queue.procrastinate_jobs AS entry ON entry.id = queue_job_id "
            "WHERE jobs.id = :id AND entry.status = 'todo'",
            id=job_id,
        )
    )


def test_a_dead_workers_job_waits_again(engine: Engine, new_job: Submit, worker_id: UUID) -> None:
    job = begin(engine, new_job(), worker_id)
    assert look(engine) == Reaped()
    age(engine, TIMEOUT_S + 1)
    assert look(engine).lost_jobs == (job.id,)
    assert wakes(engine, job.id)
    assert look(engine) == Reaped()
    again = begin(engine, job.id, worker_id)
    assert (again.attempt, again.losses) == (2, 1)


def test_a_dead_workers_job_goes_before_others_of_its_priority(
    engine: Engine, new_job: Submit, worker_id: UUID
) -> None:
    begun = begin(engine, new_job(priority=3), worker_id).id
    waiting, urgent = new_job(priority=3), new_job(priority=4)
    age(engine, TIMEOUT_S + 1)
    look(engine)
    in_turn = rows(
        engine,
        "SELECT jobs.id FROM jobs JOIN queue.procrastinate_jobs AS entry "
        "ON entry.id = queue_job_id ORDER BY entry.priority DESC, entry.id",
    )
    assert [job_id for (job_id,) in in_turn] == [urgent, begun, waiting]


def test_a_living_workers_long_job_stays(engine: Engine, new_job: Submit, worker_id: UUID) -> None:
    job = begin(engine, new_job(), worker_id)
    age(engine, 3600)
    Heartbeat(engine, worker_id, 1.0).beat()
    assert look(engine).lost_jobs == ()
    attempts.complete(engine, job, {})


def test_a_job_that_kills_its_workers_fails_at_last(
    engine: Engine, new_job: Submit, worker_id: UUID
) -> None:
    job_id = new_job()
    for _ in range(3):
        begin(engine, job_id, worker_id)
        age(engine, TIMEOUT_S + 1)
        look(engine, max_losses=3)
    job = manage.read_job(engine, job_id)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error["reason"] == "worker_lost"
    assert rows(engine, "SELECT event FROM webhook_deliveries") == [("job-failed",)]


def test_a_waiting_job_that_lost_its_place_gets_another(engine: Engine, new_job: Submit) -> None:
    """Its entry was fetched by a worker that died before it took the job, or is gone."""
    fetched, gone, fine = new_job(), new_job(), new_job()
    with engine.begin() as connection:
        entry = "SELECT queue_job_id FROM jobs WHERE id = :id"
        connection.execute(
            text(f"UPDATE queue.procrastinate_jobs SET status = 'doing' WHERE id = ({entry})"),
            {"id": fetched},
        )
        connection.execute(
            text(f"DELETE FROM queue.procrastinate_jobs WHERE id = ({entry})"), {"id": gone}
        )
    assert look(engine) == Reaped()  # too soon: it may be on its way
    age(engine, TIMEOUT_S + 1)
    assert look(engine).asleep_jobs == 2
    assert all(wakes(engine, job_id) for job_id in (fetched, gone, fine))
    sweep(engine)
    assert rows(engine, "SELECT count(*) FROM queue.procrastinate_jobs") == [(3,)]


def test_a_callback_whose_sender_died_is_sent_again(
    engine: Engine, new_job: Submit, worker_id: UUID
) -> None:
    job = begin(engine, new_job(), worker_id)
    attempts.complete(engine, job, {})
    ((delivery_id,),) = rows(engine, "SELECT id FROM webhook_deliveries")
    claimed = webhooks.claim(engine, str(delivery_id), worker_id)
    assert claimed is not None
    assert webhooks.claim(engine, str(delivery_id), uuid4()) is None
    age(engine, TIMEOUT_S + 1)
    assert look(engine).deliveries == 1
    again = webhooks.claim(engine, str(delivery_id), uuid4())
    assert again is not None
    assert (again.id, again.attempt) == (claimed.id, 2)
    # the first one comes back late: its word no longer counts
    late = webhooks.Answer(200, None)
    assert webhooks.settle(engine, claimed, late, webhooks.Schedule(1, 2, 3)) is None


def test_only_one_looks_at_a_time(engine: Engine, new_job: Submit, worker_id: UUID) -> None:
    begin(engine, new_job(), worker_id)
    age(engine, TIMEOUT_S + 1)
    with engine.begin() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(7305217)"))
        assert look(engine) == Reaped()
    assert len(look(engine).lost_jobs) == 1
