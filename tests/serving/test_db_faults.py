"""A database that cannot now is waited for: whatever SQLSTATE it says that with."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bentos.problems import install_problems
from serving.db.engine import open_engine, retry_while_unavailable
from serving.db.faults import UNAVAILABLE, sort_errors
from serving.jobs import manage
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.settings import Settings
from tests.serving.jobs.conftest import rows

# one of each kind, and the neighbours that are somebody's mistake
LATER = (
    "25006", "57P01", "57P02", "57P03", "57P05", "53000", "53100", "53200", "53300", "55P03",
    "55006", "57014", "40001", "40P01", "08006", "08003", "58030", "25P03",
)  # fmt: skip
NEVER = ("22012", "23505", "42P01", "XX001", "P0001")


def fail(engine: Engine, state: str) -> None:
    """Have the server answer with that SQLSTATE."""
    with engine.begin() as connection:
        connection.execute(text(f"DO $$ BEGIN RAISE 'no' USING ERRCODE = '{state}'; END $$"))


@contextmanager
def read_only(engine: Engine) -> Iterator[Connection]:
    """Let every new connection, and none that there is, lead to a server that only reads."""
    name = engine.url.database
    admin = create_engine(engine.url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        change = f'ALTER DATABASE "{name}"'
        connection.execute(text(f"{change} SET default_transaction_read_only = on"))
        try:
            yield connection
        finally:
            connection.execute(text("SET default_transaction_read_only = off"))
            connection.execute(text(f"{change} RESET default_transaction_read_only"))
    admin.dispose()


def end_connections(connection: Connection) -> None:
    """Close everybody else's connections, as a server that restarts does."""
    connection.execute(
        text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    )


@pytest.fixture
def client(engine: Engine) -> TestClient:
    app = FastAPI()
    install_problems(app)

    @app.get("/{state}")
    def answer(state: str) -> None:
        fail(engine, state)

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("state", LATER)
def test_what_means_not_now_is_503_with_retry_after(client: TestClient, state: str) -> None:
    answer = client.get(f"/{state}")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["title"] == "DatabaseUnavailable"


@pytest.mark.parametrize("state", NEVER)
def test_what_is_our_own_fault_is_not_waited_for(engine: Engine, state: str) -> None:
    with pytest.raises(DBAPIError) as caught:
        fail(engine, state)
    assert not isinstance(caught.value, UNAVAILABLE)


def test_no_connection_and_none_that_is_free_are_503(settings: Settings) -> None:
    app = FastAPI()
    install_problems(app)
    nowhere = open_engine(Settings(database_url="postgresql://u@127.0.0.1:1/studio"))
    nameless = open_engine(Settings(database_url="postgresql://u@db.invalid/studio"))
    small = create_engine(str(settings.database_url), pool_size=1, max_overflow=0, pool_timeout=0.1)
    sort_errors(small)
    engines = {"nowhere": nowhere, "nameless": nameless, "small": small}

    @app.get("/{name}")
    def answer(name: str) -> None:
        engines[name].connect().close()

    client = TestClient(app, raise_server_exceptions=False)
    with small.connect(), pytest.raises(PoolTimeout):
        small.connect()
    with small.connect():
        for name in engines:
            assert client.get(f"/{name}").status_code == 503, name
    small.dispose()


def test_connections_to_a_server_that_only_reads_now_are_given_up(engine: Engine) -> None:
    def write() -> None:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS written ()"))

    with read_only(engine):
        engine.dispose()
        for _ in range(2):
            with pytest.raises(OperationalError, match="read-only"):
                write()
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1, "reading goes on"
    # the pool holds a connection that would say so for ever
    retry_while_unavailable(write, wait_s=5.0)


JOBS = """
import time
from serving.worker import main

def slowly(run):
    for step in range(100):
        time.sleep(0.02)
        run.report_progress(step, 100, "photos")
    return {"attempt": run.job.attempt}

main({"classify_photos": slowly})
"""


@pytest.mark.slow
def test_a_worker_goes_on_after_a_failover_that_left_it_at_a_standby(
    settings: Settings, engine: Engine
) -> None:
    def add() -> object:
        new = NewJob(KINDS["classify_photos"], {"photos": ["a.jpg"]}, "backend")
        return submit(engine, new, 100).job_id

    def wait(job_id: object, status: str) -> None:
        until = time.monotonic() + 60
        while manage.read_job(engine, job_id).status != status:  # type: ignore[arg-type]
            assert time.monotonic() < until, f"never {status}"
            time.sleep(0.05)

    worker = subprocess.Popen(
        [sys.executable, "-c", JOBS],
        env=os.environ
        | {"DATABASE_URL": str(settings.database_url), "STUDIO_HOME": str(settings.home())},
    )
    try:
        before = add()
        wait(before, "processing")
        with read_only(engine) as admin:
            end_connections(admin)
            time.sleep(4)
        after = retry_while_unavailable(add, wait_s=20.0)
        wait(before, "completed")
        wait(after, "completed")
        assert worker.poll() is None
    finally:
        worker.kill()
        worker.wait()
    assert rows(engine, "SELECT count(*) FROM jobs WHERE status = 'failed'") == [(0,)]
