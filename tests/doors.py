"""The gateway's parts for tests, without BentoML around them."""

import asyncio

from sqlalchemy import Engine

from bentos.gateway.classifiers import Classifier
from bentos.gateway.doors import Doors
from bentos.gateway.limiter import Limiter
from bentos.gateway.watch import Watchers
from serving.jobs.api_keys import KeyRing
from serving.settings import Settings
from serving.storage.objects import Storage


def open_doors(
    settings: Settings, classifier: Classifier, storage: Storage, engine: Engine
) -> Doors:
    """Return the parts that the gateway's routes work with."""
    return Doors(
        settings=settings,
        classifier=classifier,
        storage=storage,
        keys=KeyRing(settings.api_keys, engine),
        engine=engine,
        watchers=Watchers(engine.url),
        limiter=Limiter(settings.rate_limit),
        turns=asyncio.Semaphore(4),
    )
