"""The gateway's parts for tests, without BentoML around them."""

from sqlalchemy import Engine

from bentos.gateway.classifiers import Classifier
from bentos.gateway.doors import Doors, Turns
from bentos.gateway.limiter import Limiter, Streams
from bentos.gateway.pools import Pool, Pools
from bentos.gateway.watch import Watchers
from serving.jobs.api_keys import KeyRing
from serving.settings import Settings
from serving.storage.objects import Storage


def photo_pool() -> Pool:
    """Return a thread for photos."""
    return Pool("photos", 1, wait_s=20.0, deadline_s=60.0)


def open_doors(
    settings: Settings, classifier: Classifier, storage: Storage, engine: Engine
) -> Doors:
    """Return the parts that the gateway's routes work with."""
    pools = Pools.of(settings)
    return Doors(
        settings=settings,
        classifier=classifier,
        storage=storage,
        keys=KeyRing(settings.api_keys, engine),
        engine=engine,
        watchers=Watchers(engine, pools.watching),
        limiter=Limiter(settings.rate_limit),
        streams=Streams(settings.max_streams),
        pools=pools,
        turns=Turns(4, settings.download_threads, settings.cpu_wait_s),
    )
