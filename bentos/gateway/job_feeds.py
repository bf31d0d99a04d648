"""Lets many followers of jobs share one database connection, and one query for each job."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import NoResultFound, SQLAlchemyError

from bentos.gateway.pools import Pool
from serving.db.engine import session_url
from serving.db.tables import Json
from serving.errors import StudioError, first_line
from serving.jobs.events import CHANNEL, Event, JobSnapshot, read_snapshot

log = logging.getLogger(__name__)

_RETRY_S = 1.0
# A notification is lost with its connection: jobs are queried besides, and more often while no
# notification can arrive at all.
_LOOK_EVERY_S, _LOOK_OFTEN_S = 15.0, 2.0
DELETED = "deleted"  # the status of a job that is gone


@dataclass(frozen=True)
class Change:
    """What has become of a job since the last change.

    Attributes
    ----------
    events : in order
    progress : the newest
    """

    status: str
    progress: Json | None
    events: Sequence[Event]


class Subscriber:
    """Somebody who follows a job; changes wait here until they are taken.

    Attributes
    ----------
    seen : the id of the newest event that was pushed
    """

    def __init__(self, seen: int) -> None:
        self.seen = seen
        self._events: list[Event] = []
        self._newest: JobSnapshot | None = None
        self._told = asyncio.Event()

    def push(self, now: JobSnapshot) -> None:
        """Keep a change; of progress only the newest counts."""
        for event in now.events:
            if event.id > self.seen:
                self.seen = event.id
                self._events.append(event)
        self._newest = now
        self._told.set()

    async def next(self, wait_s: float) -> Change | None:
        """Return what has changed; None if nothing did in `wait_s`."""
        try:
            async with asyncio.timeout(wait_s):
                await self._told.wait()
        except TimeoutError:
            return None
        self._told.clear()
        events, self._events = self._events, []
        assert self._newest is not None
        return Change(self._newest.status, self._newest.progress, events)


class _Feed:
    """One job, looked at once for all who follow it."""

    def __init__(self) -> None:
        self.subscribers: set[Subscriber] = set()
        self.changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class JobFeeds:
    """Pushes changes of jobs to their subscribers as soon as they happen.

    Nothing is connected and nothing looked at while nobody follows. While the database is away
    those who follow stay: they hear of what they missed once it is back.

    Parameters
    ----------
    pool : where jobs are looked at
    """

    def __init__(self, engine: Engine, pool: Pool) -> None:
        self._engine, self._pool = engine, pool
        address = session_url(engine).set(drivername="postgresql")
        self._address = address.render_as_string(hide_password=False)
        self._feeds: dict[str, _Feed] = {}
        self._listening: asyncio.Task[None] | None = None
        self._heard = False

    @contextlib.contextmanager
    def subscribe(self, job_id: UUID, seen: int) -> Iterator[Subscriber]:
        """Yield a subscriber that receives each change of the job.

        Parameters
        ----------
        seen : the id of an event; the first change brings those after it
        """
        subscriber, name = Subscriber(seen), str(job_id)
        feed = self._feeds.setdefault(name, _Feed())
        feed.subscribers.add(subscriber)
        feed.changed.set()
        if feed.task is None:
            feed.task = asyncio.create_task(self._follow(job_id, feed))
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen())
        try:
            yield subscriber
        finally:
            feed.subscribers.discard(subscriber)
            if not feed.subscribers:
                feed.task.cancel()
                del self._feeds[name]

    def count(self) -> int:
        """Return how many follow."""
        return sum(len(feed.subscribers) for feed in self._feeds.values())

    async def _follow(self, job_id: UUID, feed: _Feed) -> None:
        while True:
            feed.changed.clear()
            wait_s = _LOOK_EVERY_S if self._heard else _LOOK_OFTEN_S
            asking = list(feed.subscribers)  # who comes meanwhile has its own look after this one
            after = min(subscriber.seen for subscriber in asking)
            try:
                now = await self._pool.run(read_snapshot, self._engine, job_id, after)
            except NoResultFound:
                now = JobSnapshot(DELETED, None, ())
            except (SQLAlchemyError, StudioError) as error:
                log.warning("job %s cannot be followed now: %s", job_id, first_line(error))
                await asyncio.sleep(_RETRY_S)
                continue
            for subscriber in asking:
                subscriber.push(now)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await feed.changed.wait()

    async def _listen(self) -> None:
        while self._feeds:
            try:
                await self._listen_once()
            except (psycopg.Error, OSError) as error:
                log.warning("changes of jobs are not heard, only looked for: %s", first_line(error))
                await asyncio.sleep(_RETRY_S)
            finally:
                self._heard = False

    async def _listen_once(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            self._address, autocommit=True, connect_timeout=5
        )
        async with connection:
            cursor = await connection.execute("SELECT pg_backend_pid()")
            if await cursor.fetchone() == (connection.info.backend_pid,):
                await connection.execute(f"LISTEN {CHANNEL}")
                self._heard = True
                self._look_at_all()  # at what happened while nobody listened
            # else a pooler is between, and jobs are looked at by the clock
            while self._feeds:
                async for notification in connection.notifies(timeout=5.0):
                    feed = self._feeds.get(notification.payload)
                    if feed is not None:
                        feed.changed.set()

    def _look_at_all(self) -> None:
        for feed in self._feeds.values():
            feed.changed.set()
