"""The gateway's parts for tests, without BentoML around them."""

from sqlalchemy import Engine

from bentos.gateway.dependencies import GatewayState, Turns
from bentos.gateway.job_feeds import JobFeeds
from bentos.gateway.limiter import Limiter, Streams
from bentos.gateway.pools import Pool, Pools
from bentos.gateway.predictors import PhotoPredictor
from bentos.gateway.routed import RoutedPredictor
from serving.access.api_keys import KeyRing
from serving.models.router import Router
from serving.settings import Settings
from serving.storage.objects import Storage


def photo_pool() -> Pool:
    """Return a thread for photos."""
    return Pool("photos", 1, wait_s=20.0, deadline_s=60.0)


def make_gateway_state(
    settings: Settings,
    predictor: PhotoPredictor,
    storage: Storage,
    engine: Engine,
    router: Router | None = None,
) -> GatewayState:
    """Return the parts that the gateway's routes work with."""
    pools = Pools.of(settings)
    return GatewayState(
        settings=settings,
        predictor=RoutedPredictor(predictor, pools.photos, router),
        storage=storage,
        keys=KeyRing(settings.api_keys, engine),
        engine=engine,
        job_feeds=JobFeeds(engine, pools.watching),
        limiter=Limiter(settings.rate_limit),
        streams=Streams(settings.max_streams),
        pools=pools,
        turns=Turns(4, settings.download_threads, settings.cpu_wait_s),
    )
