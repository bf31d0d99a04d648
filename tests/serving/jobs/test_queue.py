"""A worker's connections to the queue, wherever they lead."""

import asyncio

from procrastinate import PsycopgConnector
from sqlalchemy import Engine

from serving.jobs.queue import open_app


def test_a_connection_finds_the_queue_without_asking_for_it_at_its_start(engine: Engine) -> None:
    """A pooler that keeps sessions refuses one that comes with `options`, as others do."""

    async def look() -> tuple[dict[str, str], object]:
        app = open_app(engine, 1)
        connector = app.connector
        assert isinstance(connector, PsycopgConnector)
        async with app.open_async(), connector.pool.connection() as connection:
            found = await connection.execute("SELECT count(*) FROM procrastinate_jobs")
            return connection.info.get_parameters(), await found.fetchone()

    parameters, jobs = asyncio.run(look())
    assert "options" not in parameters
    assert jobs == (0,)
