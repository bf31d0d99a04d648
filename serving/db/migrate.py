"""Brings the database to its newest shape: `python -m serving.db.migrate`."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from serving.db.engine import create_databases, open_engine
from serving.environment import read_settings
from serving.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_305_216  # any number, the same for all who migrate


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Move the schema up to `revision`; nothing happens when it is there already."""
    with _configured(engine) as config:
        from alembic import command

        command.upgrade(config, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Move the schema back to `revision`; `base` leaves an empty database."""
    with _configured(engine) as config:
        from alembic import command

        command.downgrade(config, revision)


def prepare(settings: Settings) -> Engine:
    """Return an engine on a `studio` database that exists and is up to date.

    One that a newer release has migrated is left as it is: processes of both run side by side
    during an upgrade, and the older has to be able to start again.
    """
    create_databases(settings, ("studio",))
    engine = open_engine(settings)
    # Alembic takes a fifth of a worker's start to import, and most starts have nothing to migrate
    if (revision_of(engine) or "") < newest_revision():
        upgrade(engine)
    return engine


def newest_revision() -> str:
    """Return the revision that this code knows: its files are numbered."""
    return max(file.name for file in (_FOLDER / "versions").glob("[0-9]*.py")).partition("_")[0]


def revision_of(engine: Engine) -> str | None:
    """Return where a database stands; None if it was never migrated."""
    try:
        with engine.connect() as connection:
            found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except ProgrammingError:
        return None
    return found


@contextmanager
def alone(engine: Engine) -> Iterator[Connection]:
    """Return a transaction to migrate in, with every other migrating process kept waiting."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield connection


@contextmanager
def _configured(engine: Engine) -> Iterator["Config"]:
    """Alembic's configuration, with the connection that its `env.py` is to use."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    with alone(engine) as connection:
        config.attributes["connection"] = connection
        yield config


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="serving.db.migrate", description=__doc__)
    parser.add_argument("--down", metavar="REVISION", help="go back to it; 'base' drops all tables")
    down = parser.parse_args().down
    engine = prepare(read_settings())
    if down:
        downgrade(engine, down)
    print(f"studio database: {'back at ' + down if down else 'up to date'}")


if __name__ == "__main__":
    main()
