"""Where the database is, and how to talk to it."""

import contextlib
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    func,
    make_url,
    select,
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from serving.db.faults import UNAVAILABLE, sort_errors
from serving.settings import Settings

T = TypeVar("T")

_KEEPALIVE_IDLE_S = 3
_DRIVER = "postgresql+psycopg"
_DIRECT = "direct_url"


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
    """Return an engine on `studio` that survives a restart of the server, and a failover."""
    direct = settings.database_direct_url
    engine = create_engine(
        database_url(settings),
        pool_pre_ping=True,
        pool_size=4,
        max_overflow=28,
        # no `options`: pgbouncer refuses a connection that comes with any
        connect_args={"connect_timeout": 5},
        execution_options={_DIRECT: direct and make_url(direct).set(drivername=_DRIVER)},
    )
    event.listen(engine, "connect", _prepare_nothing_for_a_pooler)
    sort_errors(engine)
    return engine


def session_url(engine: Engine) -> URL:
    """Return where connections lead that need a session: for LISTEN, or a lock that they hold."""
    direct: URL | None = engine.get_execution_options().get(_DIRECT)
    return direct or engine.url


def has_own_session(url: URL) -> bool:
    """Say whether a connection there stays with one session of the server.

    Behind a pooler that gives each transaction another (pgbouncer with `pool_mode=transaction`) a
    lock would outlive who took it, and notifications would reach nobody.
    """
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with _connect_once(address) as one, _connect_once(address) as other:
        if not is_pooled(one):
            return True
        for _ in range(3):
            before = _backend_pid(one)
            with other.transaction():  # takes the session that was let go of last
                if before in (_backend_pid(other), None) or before != _backend_pid(one):
                    return False
    return True


def _connect_once(address: str) -> psycopg.Connection[Any]:
    return psycopg.connect(address, autocommit=True, prepare_threshold=None, connect_timeout=5)


def is_pooled(connection: psycopg.Connection[Any]) -> bool:
    """Say whether a pooler is between: it has told us another number than the server's process."""
    return connection.info.backend_pid != _backend_pid(connection)


def _backend_pid(connection: psycopg.Connection[Any]) -> int | None:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row[0] if row else None


def _prepare_nothing_for_a_pooler(connection: psycopg.Connection[Any], _: object) -> None:
    """Do without prepared statements where the next transaction may be in another session."""
    if is_pooled(connection):
        connection.prepare_threshold = None
    connection.rollback()


def open_session_engine(url: URL) -> Engine:
    """Return an engine each of whose connections is one session of the server, of its user's own.

    Statements are committed one by one. The server notices within seconds when the host at the
    other end is gone, and the other way round; over a socket of the same host these settings do
    nothing.
    """
    engine = create_engine(
        url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={
            "connect_timeout": 5,
            "keepalives_idle": _KEEPALIVE_IDLE_S,
            "keepalives_interval": 1,
            "keepalives_count": 3,
            "tcp_user_timeout": 5_000,
        },
    )

    @event.listens_for(engine, "connect")
    def _watch_client(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(
            f"SELECT set_config('tcp_keepalives_idle', '{_KEEPALIVE_IDLE_S}', false),"
            " set_config('tcp_keepalives_interval', '1', false),"
            " set_config('tcp_keepalives_count', '3', false),"
            " set_config('tcp_user_timeout', '5000', false)"
        )
        cursor.close()
        connection.commit()

    return engine


def create_databases(settings: Settings, names: tuple[str, ...]) -> None:
    """Create on the server those of `names` that are missing."""
    for name in names:
        url = database_url(settings, name)
        if _exists(url):
            continue
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


def _exists(url: URL) -> bool:
    """Say whether a database is there: not everybody may ask that of another one."""
    engine = create_engine(url, poolclass=NullPool)
    try:
        engine.connect().close()
    except OperationalError:
        return False
    return True


def database_time(connection: Connection, later_s: float = 0.0) -> datetime:
    """Return the database's time at the start of this transaction, or so many seconds later.

    Every time that is kept or compared comes from here or from `now()`: the clocks of several
    hosts differ, by an hour now and then.
    """
    at: datetime = connection.execute(
        select(func.now() + func.make_interval(0, 0, 0, 0, 0, 0, later_s))
    ).scalar_one()
    return at


def retry_while_unavailable(call: Callable[[], T], wait_s: float, pause_s: float = 0.2) -> T:
    """Call until the database answers; its error only after it has been away for `wait_s`.

    The call may run again after its transaction was committed and the answer lost: it has to do
    no harm the second time.
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            return call()
        except UNAVAILABLE:
            if time.monotonic() + pause_s > until:
                raise
            time.sleep(pause_s)
