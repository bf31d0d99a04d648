"""What many rooms need: a real PostgreSQL, a storage of one's own, a real S3 on a socket."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import boto3
import hypothesis
import psycopg
import pytest
from moto.server import ThreadedMotoServer
from sqlalchemy import Engine, create_engine, make_url

from serving.db.engine import database_url, open_engine
from serving.db.migrate import upgrade
from serving.models.local import LocalModels
from serving.models.slots import Published, read_slots
from serving.settings import Settings
from serving.storage.objects import Storage, open_storage
from tests.fakes import publish, publish_beats

# the same examples every time: a test that fails fails for everybody
hypothesis.settings.register_profile("studio", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("studio")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, and those of the whole stack together and first.

    The stack's take minutes and several processes each: two of them at once would be slow, and the
    last would keep everybody waiting.
    """

    def group(item: pytest.Item) -> str:
        stack = "tests/stack/" in item.nodeid
        return "stack" if stack else item.nodeid.partition("::")[0]

    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))
    items.sort(key=lambda item: group(item) != "stack")


@pytest.fixture(scope="session")
def _outside() -> Iterator[dict[str, str]]:
    """The settings that the tests were started with, and an environment without them."""
    names = [name.upper() for name in Settings.model_fields]
    given = {name: os.environ[name] for name in names if name in os.environ}
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.delenv(name, raising=False)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("BENTOML_DO_NOT_TRACK", "True")
        yield given


@pytest.fixture(scope="session", autouse=True)
def _clean_environment(_outside: dict[str, str]) -> None:
    """Let nobody's own studio be touched."""


@pytest.fixture(scope="session")
def postgres_url(_outside: dict[str, str]) -> Iterator[str]:
    """A PostgreSQL server of this test run's own, or the one that `DATABASE_URL` names."""
    if "DATABASE_URL" in _outside:
        yield _outside["DATABASE_URL"]
        return
    home = Path(tempfile.mkdtemp(prefix="vls-", dir="/tmp"))
    settings = Settings(studio_home=home)
    try:
        with run_postgres(settings):
            url = database_url(settings, "postgres").set(drivername="postgresql")
            _hurry(url.render_as_string(hide_password=False))
            yield url.render_as_string(hide_password=False)
    finally:
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(settings.socket_folder(), ignore_errors=True)


def _hurry(url: str) -> None:
    """Do without the care for the disk that data which is thrown away has no need of."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def run_postgres(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Run the embedded server of `settings`, from its first answer to its end."""
    runner = subprocess.Popen(
        # ends with the tests, even when they are killed
        ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "serving.db.postgres"],
        env=os.environ | {"STUDIO_HOME": str(settings.home())},
        start_new_session=True,
    )
    try:
        wait_for_postgres(settings, runner)
        yield runner
    finally:
        runner.send_signal(signal.SIGTERM)
        runner.wait(30)


def wait_for_postgres(settings: Settings, runner: subprocess.Popen[bytes]) -> None:
    """Return once the server answers."""
    url = database_url(settings, "postgres").set(drivername="postgresql").render_as_string(False)
    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if runner.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


class Server:
    """A PostgreSQL server on which databases come and go."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._engine = create_engine(
            self._url.set(database="postgres"), isolation_level="AUTOCOMMIT"
        )

    def url(self, name: str, driver: str = "psycopg") -> str:
        """Return the URL of one of its databases."""
        url = self._url.set(drivername=f"postgresql+{driver}", database=name)
        return url.render_as_string(hide_password=False)

    def create(self, word: str, template: str = "template0") -> str:
        """Make a copy of `template` and return its name."""
        name = f"{word}_{uuid4().hex[:12]}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def release(self, name: str) -> None:
        """End every connection to a database, so that it can be copied."""
        self._run(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            f"WHERE datname = '{name}'"
        )

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def close(self) -> None:
        """Let go of the server."""
        self._engine.dispose()


@pytest.fixture(scope="session")
def server(postgres_url: str) -> Iterator[Server]:
    server = Server(postgres_url)
    yield server
    server.close()


@pytest.fixture(scope="session")
def studio_template(server: Server) -> Iterator[str]:
    """A migrated `studio` database, to be copied."""
    name = server.create("template_studio")
    engine = create_engine(server.url(name))
    upgrade(engine)
    engine.dispose()
    yield name
    server.drop(name)


@pytest.fixture(scope="session")
def mlflow_template(server: Server) -> Iterator[str]:
    """A migrated `mlflow` database, to be copied."""
    from mlflow import MlflowClient  # seconds to import, and most tests do without

    name = server.create("template_mlflow")
    client = MlflowClient(server.url(name, "psycopg2"), server.url(name, "psycopg2"))
    client.search_registered_models()
    client.search_experiments()
    server.release(name)
    yield name
    server.drop(name)


@pytest.fixture
def settings(server: Server, studio_template: str, tmp_path: Path) -> Iterator[Settings]:
    """A home, a storage and an up-to-date `studio` database of the test's own."""
    name = server.create("studio", studio_template)
    yield Settings(studio_home=tmp_path / "home", database_url=server.url(name))
    server.drop(name)


@pytest.fixture
def registry_settings(
    settings: Settings, server: Server, mlflow_template: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """As `settings`, with an MLflow store of the test's own."""
    name = server.create("mlflow", mlflow_template)
    uri = server.url(name, "psycopg2")
    # mlflow.set_tracking_uri() writes it for child processes; afterwards it is as before
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    yield settings.model_copy(update={"mlflow_tracking_uri": uri})
    server.drop(name)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = open_engine(settings)
    yield engine
    engine.dispose()


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return open_storage(settings.storage())


@pytest.fixture
def published(engine: Engine, storage: Storage) -> Published:
    """The colour model, published as version 1, beside the beat tracker of a fresh machine."""
    publish_beats(engine, storage)
    return publish(engine, storage)


@pytest.fixture
def models(engine: Engine, storage: Storage, published: Published) -> LocalModels:
    """The published models, loaded."""
    del published
    models = LocalModels(storage)
    models.apply(read_slots(engine))
    return models


@pytest.fixture(scope="session")
def s3(_outside: dict[str, str]) -> Iterator[str]:
    """An S3 that speaks HTTP, which boto3 and child processes find by the environment."""
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield url
    server.stop()


@pytest.fixture
def bucket(s3: str) -> str:
    """An empty bucket."""
    name = f"bucket-{uuid4().hex[:12]}"
    boto3.client("s3", endpoint_url=s3).create_bucket(Bucket=name)
    return name


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """What a service sets up in its process is put back."""
    root = logging.root
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, threading.excepthook)
    yield
    root.handlers[:], root.level = handlers, level
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)
