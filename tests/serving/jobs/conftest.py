"""Jobs without a worker's process: each step is called by hand."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Engine, text

from serving.db.tables import Job
from serving.jobs.attempts import take
from serving.jobs.heartbeat import Heartbeat
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.jobs.webhooks import Sender
from tests.serving.jobs.receivers import OLD, TIMEOUT_S, Receiver, receiving

Submit = Callable[..., UUID]


@pytest.fixture
def new_job(engine: Engine) -> Submit:
    """Accept a job of the type given, with these other fields."""

    def make(type_: str = "classify_photos", **fields: object) -> UUID:
        new = NewJob(KINDS[type_], {"photos": ["a.jpg"]}, "backend", **fields)  # type: ignore[arg-type]
        return submit(engine, new, max_queued=1000).job_id

    return make


@pytest.fixture
def worker_id(engine: Engine) -> UUID:
    """A worker that has just said that it is alive."""
    worker = uuid4()
    Heartbeat(engine, worker, 1.0).beat()
    return worker


def begin(engine: Engine, job_id: UUID, worker_id: UUID) -> Job:
    """Take the job, which must be there to be taken."""
    job = take(engine, job_id, worker_id)
    assert job is not None
    return job


def wait_until_old(postgres_url: str, age_s: float) -> None:
    """Return once the server has been up for so long."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute(
            "SELECT pg_sleep(greatest(0, extract(epoch FROM"
            " pg_postmaster_start_time() + make_interval(secs => %s) - now())))",
            [age_s],
        )


def age(engine: Engine, seconds: float) -> None:
    """Let all that was written lie back by some seconds."""
    with engine.begin() as connection:
        for table, columns in {
            "jobs": ("updated_at", "run_at"),
            "webhook_deliveries": ("updated_at", "run_at"),
            "workers": ("heartbeat_at",),
        }.items():
            changes = ", ".join(f"{name} = {name} - :age" for name in columns)
            connection.execute(
                text(
                    f"UPDATE {table} SET {changes}".replace(":age", "make_interval(secs => :age)")
                ),
                {"age": seconds},
            )


def rows(engine: Engine, statement: str, **values: object) -> list[tuple[object, ...]]:
    """Return what a statement finds."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), values)]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path, OLD) as receiver:
        yield receiver


@pytest.fixture
def sender(receiver: Receiver) -> Iterator[Sender]:
    sender = Sender(receiver.url, [OLD], TIMEOUT_S)
    yield sender
    sender.close()
