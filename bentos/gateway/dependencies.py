"""The dependencies of the routes: what the process holds, and which client asks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Engine

from bentos.gateway.job_feeds import JobFeeds
from bentos.gateway.limiter import Limiter, Streams
from bentos.gateway.pools import Pools
from bentos.gateway.routed import RoutedPredictor
from serving import logs
from serving.access.api_keys import KeyRing
from serving.errors import NotAllowed, Overloaded
from serving.jobs.queue_stats import QueueStats, QueueStatsReader
from serving.jobs.uploads import mark_uploads_used, may_name_uploads
from serving.kits.release import ReleaseKits
from serving.kits.store import KitStore
from serving.settings import Settings
from serving.storage.objects import Storage
from serving.storage.references import is_external, read_reference
from serving.storage.scratch import Scratch, open_scratch
from serving.storage.uploads import Quota, UploadStore

_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="your key")
_bearer = HTTPBearer(auto_error=False, description="the same key, as `Authorization: Bearer`")


class Turns:
    """Photos of all JSON requests together that are read and worked on at once.

    That bounds the memory. What is downloaded has turns of its own: a host that hangs keeps nobody
    from what lies in the storage.
    """

    def __init__(self, stored: int, downloaded: int, wait_s: float) -> None:
        self._stored = asyncio.Semaphore(stored)
        self._downloaded = asyncio.Semaphore(downloaded)
        self._wait_s = wait_s

    @contextlib.asynccontextmanager
    async def one(self, downloaded: bool) -> AsyncIterator[None]:
        """Hold one; Overloaded if there is none in time."""
        turns = self._downloaded if downloaded else self._stored
        try:
            async with asyncio.timeout(self._wait_s):
                await turns.acquire()
        except TimeoutError:
            what = "downloaded" if downloaded else "read from the storage"
            raise Overloaded(f"as many photos as may be are being {what}", 5.0) from None
        try:
            yield
        finally:
            turns.release()


@dataclass(frozen=True)
class GatewayState:
    """What the gateway holds for all requests, made once per process.

    Attributes
    ----------
    engine : of the database that has the jobs
    job_feeds : who waits for changes of jobs
    limiter : how often each client may ask
    streams : how many event streams each may hold
    pools : the threads for each kind of wait
    turns : of photos that JSON requests name
    """

    settings: Settings
    predictor: RoutedPredictor
    storage: Storage
    keys: KeyRing
    engine: Engine
    job_feeds: JobFeeds
    limiter: Limiter
    streams: Streams
    pools: Pools
    turns: Turns

    @cached_property
    def uploads(self) -> UploadStore:
        """The files that clients sent."""
        return UploadStore(self.engine, self.storage, Quota.of(self.settings))

    @cached_property
    def kits(self) -> KitStore:
        """The design kits of the release and of clients."""
        return KitStore(self.engine, self.storage, ReleaseKits())

    @cached_property
    def scratch(self) -> Scratch:
        """Where bodies lie that are not held in memory."""
        return open_scratch(self.settings)

    @cached_property
    def receiver_checks(self) -> Limiter:
        """How often a client may have a test event sent to its backend."""
        return Limiter("6/minute")

    @cached_property
    def queue_stats(self) -> QueueStatsReader:
        """Reads the queues once a second at most, for all who ask."""
        return QueueStatsReader(self.engine)

    async def read_queue_stats(self) -> QueueStats | None:
        """Return what the queues hold; None while the database does not answer."""
        try:
            return await self.pools.live.run(self.queue_stats.read)
        except Overloaded:
            return None

    async def mark_uploads_used(self, client: str, references: Sequence[str]) -> None:
        """Let a client name no uploads but its own; ObjectNotFound."""
        if may_name_uploads(references):
            await self.pools.database.run(mark_uploads_used, self.engine, client, references)

    async def read(self, reference: str, max_bytes: int | None = None) -> bytes:
        """Return what a request names, as `serving.storage.references.read_reference` does."""
        away = is_external(reference, self.storage)
        pool = self.pools.downloads if away else self.pools.storage
        return await pool.run(read_reference, reference, self.storage, self.settings, max_bytes)

    def turn(self, reference: str) -> AbstractAsyncContextManager[None]:
        """Hold a turn at what a request names; Overloaded if there is none in time."""
        return self.turns.one(is_external(reference, self.storage))


async def gateway_state(
    request: Request,
) -> GatewayState:  # async: FastAPI sends plain functions to a thread
    """Return what the process keeps in `app.state`."""
    return cast(GatewayState, request.app.state.gateway)


async def key_of(
    header: Annotated[str | None, Security(_header)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> str | None:
    """Return the key that was sent in either header; `X-API-Key` is looked at first."""
    return header or (bearer.credentials if bearer else None)


SentKey = Annotated[str | None, Depends(key_of)]


async def client_of(request: Request, key: SentKey) -> str:
    """Return the client whose key was sent.

    Raises
    ------
    NotAllowed
        It is nobody's key (401).
    TooManyRequests
        The client asks too often (429).
    """
    state = await gateway_state(request)
    try:
        client = state.keys.client_of(key)
    except NotAllowed:
        # perhaps made a moment ago: look once a second at most
        await state.pools.keys.run(state.keys.refresh, older_than_s=1.0)
        client = state.keys.client_of(key)
    logs.bind(client=client)
    state.limiter.count(client, request.scope)
    return client


State = Annotated[GatewayState, Depends(gateway_state)]
