"""The gateway: the backend's HTTP API, with the model in its process or as a service beside it."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import bentoml
from bentoml import Service
from sqlalchemy import Engine
from starlette.types import ASGIApp, Receive, Scope, Send

import serving
from bentos.gateway.app import create_app
from bentos.gateway.connections import ConnectionLimits, limit_by_default
from bentos.gateway.dependencies import GatewayState, Turns
from bentos.gateway.job_feeds import JobFeeds
from bentos.gateway.limiter import Limiter, Streams
from bentos.gateway.pools import Pools
from bentos.gateway.predictors import (
    InlinePredictor,
    ModelService,
    PhotoPredictor,
    ServicePredictor,
)
from bentos.gateway.routed import RoutedPredictor
from bentos.model_services import model_services
from bentos.traffic import QUIET, baked_models, end_with_arbiter
from serving.access.api_keys import KeyRing
from serving.budget import set_budgets
from serving.db.engine import open_engine
from serving.environment import read_settings
from serving.logs import open_logs
from serving.memory import bound_memory
from serving.metrics import observe_cache
from serving.models.cached import with_cache
from serving.models.loading import follow_slots, open_models
from serving.models.observe import open_observer
from serving.models.predictor import LocalPredictor
from serving.models.router import open_router
from serving.models.session import cores, gpu_available, open_session
from serving.process import allow_open_files
from serving.settings import Settings
from serving.storage.cache import Answers, open_answers
from serving.storage.interface import Storage
from serving.storage.objects import storage_of
from serving.traces import close_traces, open_traces

_SHARE_S, _KEYS_REREAD_S = 0.5, 5.0
_PROBES = ("/livez", "/healthz")


def make_gateway(settings: Settings, services: Mapping[str, type] | None) -> type:
    """Return the gateway as a BentoML service.

    Parameters
    ----------
    services : the model services to ask, by task; None holds the models in the gateway's process
    """
    app = create_app(serving.__version__, settings)

    class UnwrappedService(Service[Any]):  # type: ignore[misc] # BentoML loads its names lazily
        """Served with our app outermost: nothing of BentoML's lies around our answers.

        Its layers would count streams as requests, and end what takes 60 s, in words of its own.
        """

        def to_asgi(self, is_main: bool = True) -> ASGIApp:
            """Return what uvicorn is to serve, however it was started."""
            limit_by_default(ConnectionLimits.of(settings))
            return _OurApp(super().to_asgi(is_main), ours=app)

    class Gateway:
        """The HTTP API of the backend."""

        def __init__(self) -> None:
            end_with_arbiter()
            open_logs(settings.log_level, settings.log_form)
            open_traces("gateway")
            bound_memory()
            allow_open_files()
            set_budgets(settings.photo_memory_bytes, settings.photo_wait_s)
            clients = {task: getattr(self, _field(task)).to_async for task in services or ()}
            self._closing = ExitStack()
            asked = clients if services is not None else None
            state, answers = _open_state(settings, asked, self._closing)
            app.state.gateway = state
            self._upkeep = [asyncio.ensure_future(_reread(state))]
            if answers is not None:
                self._upkeep.append(asyncio.ensure_future(_share(answers, state)))

        @bentoml.on_shutdown
        def close(self) -> None:
            """Follow the slots no longer, and send the last spans."""
            self._closing.close()
            close_traces()

    for task, service in (services or {}).items():
        setattr(Gateway, _field(task), bentoml.depends(service))
    served: type = bentoml.service(Gateway, name="gateway", service_class=UnwrappedService, **QUIET)
    return served


def _field(task: str) -> str:
    """Return the gateway's attribute for a task's service."""
    return f"{task.replace('-', '_')}_service"


def _open_state(
    settings: Settings, services: Mapping[str, ModelService] | None, closing: ExitStack
) -> tuple[GatewayState, Answers | None]:
    """Open the gateway's parts; without model services the models are held here.

    Parameters
    ----------
    closing : is told what is to be done at the end
    """
    engine = open_engine(settings)
    following = engine if settings.slots == "follow" else None
    pools = Pools.of(settings)
    storage = storage_of(settings)
    keys = KeyRing(settings.api_keys, following)
    keys.refresh()
    answers = open_answers(settings, following)
    if answers is not None:
        observe_cache("answers", answers)
    parts = _Parts(settings, storage, following, answers, pools)
    predictor = _open_predictor(parts, services, closing)
    threads = settings.model_threads or cores()
    state = GatewayState(
        settings=settings,
        predictor=predictor,
        storage=storage,
        keys=keys,
        engine=engine,
        job_feeds=JobFeeds(engine, pools.watching),
        limiter=Limiter(settings.rate_limit),
        streams=Streams(settings.max_streams),
        pools=pools,
        turns=Turns(2 * threads, settings.download_threads, settings.cpu_wait_s),
    )
    return state, answers


@dataclass(frozen=True)
class _Parts:
    """What models are asked with; `following`: the database of the slots, if they are followed."""

    settings: Settings
    storage: Storage
    following: Engine | None
    answers: Answers | None
    pools: Pools


def _open_predictor(
    parts: _Parts, services: Mapping[str, ModelService] | None, closing: ExitStack
) -> RoutedPredictor:
    """Open the champions, and what lets versions beside them answer."""
    settings, pools, answers = parts.settings, parts.pools, parts.answers
    champions: PhotoPredictor
    if services is None:
        baked = baked_models(settings)
        opened = open_models(settings, parts.storage, parts.following, baked, open_session)
        local = with_cache(LocalPredictor(opened.models, parts.storage), answers)
        champions = InlinePredictor(opened.models, local, pools.photos, pools.other_photos)
        follower = opened.follower
    else:
        waits = settings.slots_poll_s, settings.model_requests
        champions = ServicePredictor(services, answers, pools.photos, pools.other_photos, *waits)
        follower = follow_slots(settings, parts.following)
    if follower is None:
        return RoutedPredictor(champions, pools.photos)
    closing.callback(follower.stop, wait=False)
    observer = open_observer(settings, parts.following, parts.storage)
    router = open_router(settings, parts.storage, answers, observer)
    closing.callback(router.close)
    follower.also(router.apply)
    return RoutedPredictor(champions, pools.photos, router)


class _OurApp:
    """Gives our app every request but those to BentoML's probes, which say when it has started."""

    def __init__(self, app: ASGIApp, ours: ASGIApp) -> None:
        self._theirs, self._ours = app, ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        probe = scope["type"] != "http" or (
            scope["path"] in _PROBES and scope["method"] in ("GET", "HEAD")
        )
        await (self._theirs if probe else self._ours)(scope, receive, send)


async def _reread(state: GatewayState) -> None:
    """Learn of keys made and revoked elsewhere."""
    while True:
        await asyncio.sleep(_KEYS_REREAD_S)
        await state.pools.upkeep.run(state.keys.refresh, older_than_s=_KEYS_REREAD_S / 2)


async def _share(answers: Answers, state: GatewayState) -> None:
    """Write new answers where others find them."""
    while True:
        await asyncio.sleep(_SHARE_S)
        await state.pools.upkeep.run(answers.flush)


_settings = read_settings()
Gateway = make_gateway(
    _settings, None if _settings.serve_inline(gpu_available()) else model_services()
)
