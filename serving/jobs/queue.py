"""The queue: entries that wake a worker, deferred in the transaction of the row they stand for.

Procrastinate keeps them in the same database. They carry an id and nothing else: what is to be
done, and whether it still is, stands in the row.
"""

import contextlib
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import psycopg
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from serving.db.engine import session_url
from serving.db.faults import needs_another_connection
from serving.queues import WEBHOOK_QUEUE

RUN_JOB = "run_job"
DELIVER = "deliver"
# terminal events before progress
TERMINAL_PRIORITY, PROGRESS_PRIORITY = 10, 0


@cache
def _deferring() -> App:
    """Return an app that never connects: it defers through the connection of a transaction."""
    return App(connector=SyncPsycopgConnector())


def open_app(engine: Engine, connections: int) -> App:
    """Return the app that a worker runs, on the database of `engine`."""
    address = session_url(engine).set(drivername="postgresql").render_as_string(hide_password=False)
    connector = PsycopgConnector(
        conninfo=address,
        kwargs={"connect_timeout": 5},
        configure=_look_into_queue_always,
        min_size=1,
        max_size=connections,
        timeout=10.0,
    )
    return App(connector=connector)


async def _look_into_queue_always(connection: psycopg.AsyncConnection[Any]) -> None:
    """Let a session find the queue's tables; as `options` of a connection pgbouncer refuses it."""
    await connection.execute("SET search_path TO public, queue")
    await connection.commit()


async def drop_connections(app: App) -> None:
    """Have the app connect anew: after a failover its connections may lead to a standby."""
    connector = app.connector
    if isinstance(connector, PsycopgConnector):
        with contextlib.suppress(psycopg.Error):
            await connector.pool.drain()


def wake_for_job(
    connection: Connection, job_id: UUID, queue: str, priority: int, run_at: datetime | None = None
) -> int:
    """Let a worker take the job, at `run_at` or at once; return the entry's id."""
    return _defer(connection, RUN_JOB, queue, 2 * priority, run_at, job_id=str(job_id))


def wake_again(connection: Connection, job_id: UUID, queue: str, priority: int) -> int:
    """Let a worker take a job that had its turn and lost it; return the entry's id.

    It goes before all of the same priority: it would be behind whatever came since.
    """
    return _defer(connection, RUN_JOB, queue, 2 * priority + 1, None, job_id=str(job_id))


def wake_for_delivery(
    connection: Connection, delivery_id: str, terminal: bool, run_at: datetime | None = None
) -> int:
    """Let a worker send the callback, at `run_at` or at once; return the entry's id."""
    priority = TERMINAL_PRIORITY if terminal else PROGRESS_PRIORITY
    return _defer(connection, DELIVER, WEBHOOK_QUEUE, priority, run_at, delivery_id=delivery_id)


def abort(connection: Connection, queue_job_id: int) -> None:
    """Tell the worker that runs this entry to stop; nothing happens when none does."""
    _look_into_queue(connection)
    connection.execute(
        text("SELECT procrastinate_cancel_job_v1(:id, true, false)"), {"id": queue_job_id}
    )


def _look_into_queue(connection: Connection) -> None:
    """Let this transaction find the queue's functions and types, which are named without a schema.

    Said here and not once per connection: a pooler may give the next transaction another session.
    """
    connection.execute(text("SET LOCAL search_path TO public, queue"))


def _defer(
    connection: Connection,
    task: str,
    queue: str,
    priority: int,
    run_at: datetime | None,
    **arguments: str,
) -> int:
    _look_into_queue(connection)
    deferrer = _deferring().configure_task(
        task,
        queue=queue,
        priority=priority,
        schedule_at=run_at,
        connection=connection.connection.driver_connection,
    )
    try:
        return deferrer.defer(**arguments)
    except ConnectorException as error:
        # so that who waits for the database to come back knows this for what it is
        if needs_another_connection(error):
            connection.invalidate(error)
        raise OperationalError("defer", arguments, error) from error
