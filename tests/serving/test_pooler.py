"""Behind pgbouncer with `pool_mode=transaction` each transaction may have another session."""

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import make_url, text

from serving.db.engine import has_own_session, open_engine, session_url
from serving.db.migrate import prepare, revision_of
from serving.jobs import manage
from serving.jobs.kinds import KINDS
from serving.jobs.queue import open_app
from serving.jobs.submit import NewJob, submit
from serving.models.slots import SlotFollower, Slots
from serving.settings import Settings

pytestmark = pytest.mark.skipif(
    shutil.which("pgbouncer") is None, reason="needs pgbouncer, such as Debian's"
)

WORKER = """
from serving.worker import main
main({"classify_photos": lambda run: {"attempt": run.job.attempt}})
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(params=["transaction"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pooled(settings: Settings, tmp_path: Path, mode: str) -> Iterator[Settings]:
    """The same database through a pgbouncer, without an address of the server itself."""
    direct = make_url(str(settings.database_url))
    host = direct.query.get("host") or direct.host
    if not str(host).startswith("/"):
        pytest.skip("needs a server on a socket of this host")
    port = free_port()
    # the socket's owner may use it, and pgbouncer does not run as root
    owner = pwd.getpwuid(Path(str(host)).stat().st_uid).pw_name
    config = tmp_path / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host={host} user={direct.username}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = 10\n"
    )
    # given open, for the folders above may be closed to its user
    with config.open() as file:
        os.set_inheritable(file.fileno(), True)
        words = ["pgbouncer", "-q", f"/dev/fd/{file.fileno()}"]
        if os.geteuid() == 0:
            readable = Path("/tmp") / f"pgbouncer-{port}.ini"
            shutil.copy(config, readable)
            readable.chmod(0o644)
            words = ["pgbouncer", "-q", "-u", owner, str(readable)]
        process = subprocess.Popen(words, pass_fds=[file.fileno()])
    url = f"postgresql://{direct.username}@127.0.0.1:{port}/{direct.database}"
    try:
        _wait(url)
        yield settings.model_copy(update={"database_url": url})
    finally:
        process.kill()
        process.wait()
        Path(f"/tmp/pgbouncer-{port}.ini").unlink(missing_ok=True)


def _wait(url: str) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert time.monotonic() < until, "pgbouncer did not come"
            time.sleep(0.05)
        else:
            return


def add(settings: Settings) -> UUID:
    engine = open_engine(settings)
    new = NewJob(KINDS["classify_photos"], {"photos": ["a.jpg"]}, "backend")
    job_id = submit(engine, new, 1000).job_id
    engine.dispose()
    return job_id


def test_a_pooler_in_transaction_mode_is_known(settings: Settings, pooled: Settings) -> None:
    assert has_own_session(make_url(str(settings.database_url)))
    for _ in range(5):
        assert not has_own_session(make_url(str(pooled.database_url)))


@pytest.mark.parametrize("mode", ["session"], indirect=True)
def test_a_pooler_in_session_mode_is_as_good_as_none(pooled: Settings) -> None:
    assert has_own_session(make_url(str(pooled.database_url)))
    engine = open_engine(pooled)

    async def take() -> None:
        async with open_app(engine, 1).open_async():
            pass

    asyncio.run(take())


def test_jobs_are_accepted_and_cancelled_through_it_however_sessions_change(
    pooled: Settings,
) -> None:
    engine = prepare(pooled)
    assert revision_of(engine) is not None
    new = NewJob(KINDS["classify_photos"], {"photos": ["a.jpg"]}, "backend")
    # prepared statements would be made after five, and be unknown to the next session
    with engine.connect() as keeps_one, engine.connect() as another:
        for number in range(12):
            keeps_one.execute(text("SELECT 1"))
            if number % 2:
                keeps_one.rollback()
            another.execute(text("SELECT 1"))
            job_id = submit(engine, new, 1000).job_id
            assert manage.cancel(engine, job_id).status == "cancelled"
            another.rollback()
    engine.dispose()


def test_slots_are_followed_through_it_by_looking(pooled: Settings) -> None:
    engine = open_engine(pooled)
    seen: list[Slots] = []
    follower = SlotFollower(engine, seen.append, poll_s=0.1)
    follower.start()
    until = time.monotonic() + 30
    while len(seen) < 3:
        assert time.monotonic() < until
        time.sleep(0.05)
    follower.stop()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_listening_channels()")) == 0
    engine.dispose()


@pytest.mark.slow
def test_a_worker_behind_it_is_told_what_it_needs_and_works_with_that(
    settings: Settings, pooled: Settings
) -> None:
    env = os.environ | {
        "DATABASE_URL": str(pooled.database_url),
        "STUDIO_HOME": str(settings.home()),
    }
    command = [sys.executable, "-c", WORKER]
    refused = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert refused.returncode == 1
    assert "set DATABASE_DIRECT_URL" in refused.stderr
    assert "Traceback" not in refused.stderr

    job_id = add(pooled)
    direct = {"DATABASE_DIRECT_URL": str(settings.database_url)}
    assert session_url(
        open_engine(pooled.model_copy(update={"database_direct_url": settings.database_url}))
    ).database
    worker = subprocess.Popen(command, env=env | direct)
    engine = open_engine(settings)
    try:
        until = time.monotonic() + 60
        while manage.read_job(engine, job_id).status != "completed":
            assert time.monotonic() < until
            time.sleep(0.05)
        assert worker.poll() is None
    finally:
        worker.kill()
        worker.wait()
        engine.dispose()
