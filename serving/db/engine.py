"""Where the database is, and how to talk to it."""

import contextlib
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from serving.settings import Settings

T = TypeVar("T")


def database_url(settings: Settings, name: str = "studio", driver: str = "psycopg") -> URL:
    """Return the URL of one of our databases: `studio`, `mlflow` or `dagster`.

    Without `DATABASE_URL` they are on the embedded server; with it, `studio` is the database it
    names and the other two stand beside it on the same server.
    """
    if settings.database_url is None:
        return URL.create(
            f"postgresql+{driver}",
            username="postgres",
            database=name,
            query={"host": str(settings.socket_folder())},
        )
    url = make_url(settings.database_url).set(drivername=f"postgresql+{driver}")
    return url if name == "studio" else url.set(database=name)


def open_engine(settings: Settings) -> Engine:
    """Return an engine on `studio` that survives a restart of the server."""
    return create_engine(
        database_url(settings), pool_pre_ping=True, pool_size=4, connect_args={"connect_timeout": 5}
    )


def create_databases(settings: Settings, names: tuple[str, ...]) -> None:
    """Create on the server those of `names` that are missing."""
    for name in names:
        url = database_url(settings, name)
        server = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        try:
            with server.connect() as connection:
                found = connection.scalar(
                    text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": url.database}
                )
                if not found:
                    # two processes may start together: the second finds it made
                    with contextlib.suppress(ProgrammingError):
                        connection.execute(text(f'CREATE DATABASE "{url.database}"'))
        finally:
            server.dispose()


def once_more(call: Callable[[], T]) -> T:
    """Call again, once, when the connection broke under the first call (the server restarted)."""
    try:
        return call()
    except OperationalError:
        return call()
