"""Lets many who watch jobs wait on one connection of the database."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterator
from uuid import UUID

import psycopg
from sqlalchemy import URL

from serving.errors import first_line
from serving.jobs.events import CHANNEL

log = logging.getLogger(__name__)

_RETRY_S = 1.0


class Watchers:
    """Wakes whoever waits for a job as soon as something happened to it.

    A notification is lost with its connection: who waits does so with a time limit and looks
    again. Nothing is connected while nobody waits.
    """

    def __init__(self, address: URL) -> None:
        self._address = address.set(drivername="postgresql").render_as_string(False)
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._listening: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def watching(self, job_id: UUID) -> Iterator[asyncio.Event]:
        """Yield an event that is set at each change of the job; clear it before looking."""
        changed, name = asyncio.Event(), str(job_id)
        self._waiting[name].add(changed)
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen())
        try:
            yield changed
        finally:
            self._waiting[name].discard(changed)
            if not self._waiting[name]:
                del self._waiting[name]

    def count(self) -> int:
        """Return how many watch."""
        return sum(map(len, self._waiting.values()))

    async def _listen(self) -> None:
        while self._waiting:
            try:
                await self._listen_once()
            except psycopg.Error as error:
                log.warning("changes of jobs are not heard, only looked for: %s", first_line(error))
                await asyncio.sleep(_RETRY_S)

    async def _listen_once(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._address, autocommit=True)
        async with connection:
            cursor = await connection.execute("SELECT pg_backend_pid()")
            if await cursor.fetchone() == (connection.info.backend_pid,):
                await connection.execute(f"LISTEN {CHANNEL}")
            # else a pooler is between, and who waits looks again by the clock
            while self._waiting:
                async for notification in connection.notifies(timeout=5.0):
                    for changed in self._waiting.get(notification.payload, ()):
                        changed.set()
