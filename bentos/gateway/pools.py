"""Threads for what waits: a pool for each kind, so that what is slow keeps only its own waiting.

asyncio's own pool (`asyncio.to_thread`) has a few threads for everything: eight downloads from a
host that hangs, and nobody can list a job.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from serving import metrics
from serving.errors import Overloaded
from serving.image import PhotoFile
from serving.logs import ContextThreads
from serving.models.session import cores
from serving.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

_RETRY_AFTER_S = 5.0
_GRACE_S = 5.0  # for what ends by itself, so that it says why
_LIVE_S = 3.0  # who scrapes gives up after ten


class Pool:
    """Threads for one kind of wait, and what it may cost those who come for it.

    Parameters
    ----------
    name : of the kind, as metrics and refusals tell it
    threads : how many wait or work at once
    wait_s : for a free thread; who finds none is refused
    deadline_s : for the answer; None: as long as it takes. The thread stays taken until what it
        waits for ends: a hang is noticed at once, and no requests pile up behind it.
    """

    def __init__(
        self, name: str, threads: int, wait_s: float | None, deadline_s: float | None
    ) -> None:
        self.name = name
        self._wait_s, self._deadline_s = wait_s, deadline_s
        self._threads = ContextThreads(threads, thread_name_prefix=name)
        self._free = asyncio.Semaphore(threads)
        self._busy = metrics.POOL_BUSY.labels(name)
        self._waited = metrics.POOL_WAIT.labels(name)
        metrics.POOL_THREADS.labels(name).set(threads)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `call` returns, from one of the threads.

        Raises
        ------
        Overloaded
            No thread was free in time, or the answer did not come in time.
        """
        if self._free.locked():
            await self._wait()
        else:
            await self._free.acquire()
        loop = asyncio.get_running_loop()
        # not the thread's own future: a thread goes on when nobody waits for it any more
        answer: asyncio.Future[T] = loop.create_future()
        working = self._threads.submit(call, *args, **kwargs)
        self._busy.inc()
        working.add_done_callback(partial(self._hand_over, loop, answer))
        if self._deadline_s is None:
            return await answer
        deadline = loop.call_later(self._deadline_s, self._end_late, answer)
        try:
            return await answer
        finally:
            deadline.cancel()

    def _end_late(self, answer: "asyncio.Future[T]") -> None:
        if not answer.done():
            said = f"'{self.name}' did not answer in {self._deadline_s:g} s"
            answer.set_exception(Overloaded(said, _RETRY_AFTER_S))

    async def _wait(self) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            said = f"no more calls may wait for '{self.name}'"
            raise Overloaded(said, _RETRY_AFTER_S) from None
        finally:
            self._waited.observe(time.monotonic() - began)

    def _hand_over(
        self, loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[T]", done: "Future[T]"
    ) -> None:
        """Wake the loop once: `asyncio.wrap_future` and `shield` chain four futures for that."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(self._settle, answer, done)

    def _settle(self, answer: "asyncio.Future[T]", done: "Future[T]") -> None:
        self._busy.dec()
        self._free.release()
        if answer.done():  # who asked is gone
            return
        if done.cancelled():
            answer.cancel()
        elif error := done.exception():
            answer.set_exception(error)
        else:
            answer.set_result(done.result())

    def close(self) -> None:
        """Take no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class PhotoPools:
    """Keeps what is decoded elsewhere, or waits for much memory, out of the way of JPEGs."""

    def __init__(self, jpegs: Pool, others: Pool | None) -> None:
        self._jpegs, self._others = jpegs, others or jpegs

    def of(self, photo: PhotoFile) -> Pool:
        """Return the pool in which the photo is decoded."""
        return self._jpegs if photo.data.startswith(b"\xff\xd8") else self._others


@dataclass(frozen=True)
class Pools:
    """The kinds of wait.

    Attributes
    ----------
    database : questions of requests
    watching : looks at jobs that are followed; many wait for few
    live : what the queues hold, for status and metrics
    keys : API keys that are not known; anybody may send such
    storage, downloads : objects of ours, and what lies elsewhere
    disk : bodies that are not held in memory
    uploads : what is kept of them, in the storage and the database
    callbacks : tests of a backend's receiver
    photos : decoding and inference
    other_photos : of other kinds than JPEG, which wait for memory and for another process
    analysis : of sound, and photos made better: seconds each
    pages : HTML and metrics
    upkeep : what the process does for itself
    """

    database: Pool
    watching: Pool
    live: Pool
    keys: Pool
    storage: Pool
    downloads: Pool
    disk: Pool
    uploads: Pool
    callbacks: Pool
    photos: Pool
    other_photos: Pool
    analysis: Pool
    pages: Pool
    upkeep: Pool

    @classmethod
    def of(cls, settings: Settings) -> "Pools":
        """Open the pools that the settings describe."""
        wait_s, slow_s = settings.pool_wait_s, settings.cpu_deadline_s
        database_s, storage_s = settings.database_deadline_s, settings.storage_deadline_s
        working = settings.model_threads or cores()
        fetch_s = settings.fetch_timeout_s + _GRACE_S
        return cls(
            database=Pool("database", settings.database_threads, wait_s, database_s),
            watching=Pool("watching", 2, slow_s, database_s),
            live=Pool("live", 1, _LIVE_S, _LIVE_S),
            keys=Pool("keys", 2, wait_s, database_s),
            storage=Pool("storage", settings.storage_threads, wait_s, storage_s),
            downloads=Pool("downloads", settings.download_threads, wait_s, fetch_s),
            disk=Pool("disk", 4, settings.cpu_wait_s, storage_s),
            uploads=Pool("uploads", 8, settings.cpu_wait_s, settings.upload_deadline_s),
            callbacks=Pool("callbacks", 4, wait_s, settings.webhook_timeout_s + _GRACE_S),
            photos=Pool("photos", working, settings.cpu_wait_s, slow_s),
            other_photos=Pool("other-photos", 8, settings.cpu_wait_s, slow_s),
            analysis=Pool("analysis", working, settings.cpu_wait_s, slow_s),
            pages=Pool("pages", 2, wait_s, slow_s),
            upkeep=Pool("upkeep", 2, None, None),
        )

    def close(self) -> None:
        """Take no more."""
        for pool in vars(self).values():
            pool.close()
