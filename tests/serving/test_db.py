"""The studio's tables come and go by migration, and keys are what opens the door."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import OperationalError

from serving.access import api_keys
from serving.access.api_keys import KeyRing, create_key, hash_key, live_keys, revoke_keys
from serving.db.engine import create_databases, open_engine
from serving.db.migrate import downgrade, newest_revision, prepare, revision_of, upgrade
from serving.db.tables import Base
from serving.errors import NotAllowed
from serving.settings import Settings
from tests.conftest import Server

ROOT = Path(__file__).resolve().parents[2]


def tables(engine: Engine) -> set[str]:
    """Return the tables, without the partitions of one."""
    names = set(inspect(engine).get_table_names("public")) - {"alembic_version"}
    return {name for name in names if not name.startswith("predictions_")}


def schemas(engine: Engine) -> set[str]:
    return {name for name in inspect(engine).get_schema_names() if name == "queue"}


def test_migrations_go_up_down_and_up_again(engine: Engine) -> None:
    known = set(Base.metadata.tables)
    assert tables(engine) == known
    upgrade(engine)  # there already: nothing happens
    assert schemas(engine) == {"queue"}
    downgrade(engine, "base")
    assert tables(engine) == schemas(engine) == set()
    upgrade(engine)
    assert tables(engine) == known


def test_a_database_that_is_up_to_date_is_known_without_alembic(engine: Engine) -> None:
    assert revision_of(engine) == newest_revision()
    downgrade(engine, "base")
    assert revision_of(engine) is None
    upgrade(engine, "0001")
    assert revision_of(engine) == "0001"


def test_migrations_make_what_the_tables_say(engine: Engine) -> None:
    inspector = inspect(engine)
    for name, table in Base.metadata.tables.items():
        made = {column["name"]: column["nullable"] for column in inspector.get_columns(name)}
        assert made == {column.name: column.nullable for column in table.columns}


def test_a_database_that_is_missing_is_made(server: Server) -> None:
    name = server.create("gone")
    server.drop(name)
    settings = Settings(database_url=server.url(name))
    create_databases(settings, ("studio",))
    create_databases(settings, ("studio",))
    engine = prepare(settings)
    assert tables(engine) == set(Base.metadata.tables)
    engine.dispose()
    server.drop(name)


def test_a_key_opens_and_only_its_hash_is_kept(engine: Engine) -> None:
    key = create_key(engine, "backend")
    ring = KeyRing({}, engine)
    ring.refresh()
    assert ring.client_of(key) == "backend"
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM api_keys")).all()
    assert key not in str(rows)
    assert hash_key(key) in str(rows)


@pytest.mark.parametrize("key", [None, "", "vls_guess", "ключ"])
def test_a_wrong_key_opens_nothing(engine: Engine, key: str | None) -> None:
    create_key(engine, "backend")
    ring = KeyRing({}, engine)
    ring.refresh()
    with pytest.raises(NotAllowed):
        ring.client_of(key)


def test_a_new_key_s_first_requests_are_all_let_in_though_only_one_of_them_reads(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring, key = KeyRing({}, engine), create_key(engine, "backend")
    readings = []

    def read_slowly(engine: Engine) -> dict[str, str]:
        readings.append(engine)
        time.sleep(0.05)
        return live_keys(engine)

    def ask(_: int) -> str:
        ring.refresh(older_than_s=10.0)
        return ring.client_of(key)

    monkeypatch.setattr(api_keys, "live_keys", read_slowly)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == ["backend"] * 8
    assert len(readings) == 1


def test_rotation_keeps_two_keys_alive(engine: Engine) -> None:
    keys = [create_key(engine, "backend") for _ in range(3)]
    other = create_key(engine, "other")
    ring = KeyRing({}, engine)
    ring.refresh()
    with pytest.raises(NotAllowed):
        ring.client_of(keys[0])
    assert [ring.client_of(key) for key in (*keys[1:], other)] == ["backend", "backend", "other"]
    assert revoke_keys(engine, "backend") == 2
    assert list(live_keys(engine).values()) == ["other"]


def test_known_keys_go_on_working_while_the_database_is_away(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_engine(settings)
    key = create_key(engine, "backend")
    ring = KeyRing({"fixed": (hash_key("vls_fixed"),)}, engine)
    ring.refresh()
    ring._engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    ring.refresh()
    assert ring.client_of(key) == "backend"
    assert ring.client_of("vls_fixed") == "fixed"
    assert "cannot be read" in caplog.text
    engine.dispose()


def test_a_key_is_not_called_wrong_while_the_keys_cannot_be_read() -> None:
    """The gateway may start before its database: its clients are to try again, not to give up."""
    ring = KeyRing({}, create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none"))
    ring.refresh()
    with pytest.raises(OperationalError):
        ring.client_of("vls_good_or_not")
    with pytest.raises(NotAllowed):
        ring.client_of(None)


@pytest.mark.slow
def test_the_command_alembic_works_in_the_checkout_on_the_database_of_the_settings(
    server: Server, tmp_path: Path
) -> None:
    name = server.create("alembic")
    env = {"DATABASE_URL": server.url(name), "STUDIO_HOME": str(tmp_path)}

    def alembic(*words: str) -> str:
        command = [str(Path(sys.executable).parent / "alembic"), *words]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | env, check=True, capture_output=True, text=True
        )
        return done.stdout

    try:
        alembic("upgrade", "head")
        assert f"{newest_revision()} (head)" in alembic("current")
        alembic("downgrade", "base")
        assert alembic("current").strip() == ""
    finally:
        server.drop(name)


def test_a_database_of_a_newer_release_is_left_as_it_is(settings: Settings, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    prepare(settings).dispose()
    assert revision_of(engine) == "9999"
