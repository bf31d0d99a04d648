"""What the routes need from the process they run in."""

import asyncio
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Engine

from bentos.gateway.classifiers import Classifier
from bentos.gateway.limiter import Limiter
from bentos.gateway.watch import Watchers
from serving import logs
from serving.errors import NotAllowed
from serving.jobs.api_keys import KeyRing
from serving.jobs.live import LiveReader
from serving.settings import Settings
from serving.storage.objects import Storage
from serving.storage.scratch import Scratch, open_scratch
from serving.storage.uploads import Quota, UploadStore

_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="your key")
_bearer = HTTPBearer(auto_error=False, description="the same key, as `Authorization: Bearer`")


@dataclass(frozen=True)
class Doors:
    """The gateway's parts, made once per process.

    Attributes
    ----------
    engine : of the database that has the jobs
    watchers : who waits for changes of jobs
    limiter : how often each client may ask
    turns : how many photos of all JSON requests together are read and worked on at once; bounds
        the memory
    """

    settings: Settings
    classifier: Classifier
    storage: Storage
    keys: KeyRing
    engine: Engine
    watchers: Watchers
    limiter: Limiter
    turns: asyncio.Semaphore

    @cached_property
    def uploads(self) -> UploadStore:
        """The files that clients sent."""
        return UploadStore(self.engine, self.storage, Quota.of(self.settings))

    @cached_property
    def scratch(self) -> Scratch:
        """Where bodies lie that are not held in memory."""
        return open_scratch(self.settings)

    @cached_property
    def trials(self) -> Limiter:
        """How often a client may have a test event sent to its backend."""
        return Limiter("6/minute")

    @cached_property
    def live(self) -> LiveReader:
        """Who looks at the queues, for all who ask."""
        return LiveReader(self.engine)


async def doors_of(request: Request) -> Doors:  # async: FastAPI sends plain functions to a thread
    """Return the parts that the process hung on the app."""
    return cast(Doors, request.app.state.doors)


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
    doors = await doors_of(request)
    try:
        client = doors.keys.client_of(key)
    except NotAllowed:
        # perhaps made a moment ago: look once a second at most
        await asyncio.to_thread(doors.keys.refresh, older_than_s=1.0)
        client = doors.keys.client_of(key)
    logs.bind(client=client)
    doors.limiter.count(client, request.scope)
    return client


Opened = Annotated[Doors, Depends(doors_of)]
