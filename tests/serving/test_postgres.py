"""The embedded PostgreSQL starts again, whenever it was killed."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.settings import Settings
from tests.conftest import run_postgres

pytestmark = pytest.mark.slow


@pytest.fixture
def embedded() -> Iterator[Settings]:
    """A home whose path the server's user may walk."""
    settings = Settings(studio_home=Path(tempfile.mkdtemp(prefix="vls-", dir="/tmp")))
    yield settings
    shutil.rmtree(settings.home())
    shutil.rmtree(settings.socket_folder(), ignore_errors=True)


def test_it_starts_after_a_death_at_any_moment_of_its_start(embedded: Settings) -> None:
    data, sockets = embedded.home() / "postgres", embedded.socket_folder()
    (embedded.home() / "postgres.new").mkdir()
    (embedded.home() / "postgres.new" / "PG_VERSION").touch()  # while it made the database
    with run_postgres(embedded):
        assert not (embedded.home() / "postgres.new").exists()
    for lock in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
        lock.touch()  # between making a lock and writing it
    with run_postgres(embedded):
        assert (data / "postmaster.pid").stat().st_size
