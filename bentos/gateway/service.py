"""The gateway: the backend's HTTP API, with the model in its process or as a service beside it."""

import asyncio

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

import serving
from bentos.gateway.app import create_app
from bentos.gateway.classifiers import (
    Classifier,
    InlineClassifier,
    RoomService,
    ServiceClassifier,
)
from bentos.gateway.doors import Doors
from bentos.gateway.limiter import Limiter
from bentos.gateway.watch import Watchers
from bentos.room_classifier.service import RoomClassifier
from bentos.traffic import QUIET, baked_models, end_with_arbiter
from serving.db.engine import open_engine, session_url
from serving.environment import read_settings
from serving.jobs.api_keys import KeyRing
from serving.logs import ContextThreads, open_logs
from serving.memory import bound_memory
from serving.metrics import watch_cache
from serving.models.known import KnownRooms
from serving.models.opening import open_models
from serving.models.session import cores, gpu_available, open_session
from serving.settings import Settings
from serving.storage.cache import Answers, open_answers
from serving.storage.objects import storage_of
from serving.traces import close_traces, open_traces

_TIDY_S, _KEYS_REREAD_S = 0.5, 5.0
_PROBES = ("/livez", "/healthz")


def make_gateway(settings: Settings, rooms: type | None) -> type:
    """Return the gateway as a BentoML service.

    Parameters
    ----------
    rooms : the model service to ask; None holds the model in the gateway's own process
    """
    app = create_app(serving.__version__, settings)

    @bentoml.service(name="gateway", traffic={"timeout": 60, "max_concurrency": 256}, **QUIET)
    class Gateway:
        """The door to the backend."""

        if rooms is not None:
            rooms_service = bentoml.depends(rooms)

        def __init__(self) -> None:
            end_with_arbiter()
            open_logs(settings.log_level, settings.log_form)
            open_traces("gateway")
            bound_memory()
            service = self.rooms_service.to_async if rooms is not None else None
            doors, answers = _open_doors(settings, service)
            app.state.doors = doors
            self._tidying = asyncio.ensure_future(_tidy(doors.keys, answers))

        @bentoml.on_shutdown
        def close(self) -> None:
            """Send the last spans."""
            close_traces()

    Gateway.add_asgi_middleware(_Ours, ours=app)  # type: ignore[attr-defined]
    return Gateway


def _open_doors(settings: Settings, service: RoomService | None) -> tuple[Doors, Answers | None]:
    """Open the gateway's parts; without a model service the model is held here."""
    engine = open_engine(settings)
    following = engine if settings.slots == "follow" else None
    threads = settings.model_threads or cores()
    pool = ContextThreads(threads, thread_name_prefix="photos")
    storage = storage_of(settings)
    keys = KeyRing(settings.api_keys, following)
    keys.refresh()
    answers = open_answers(settings, following)
    if answers is not None:
        watch_cache("answers", answers)
    classifier: Classifier
    if service is None:
        baked = baked_models(settings)
        models = open_models(settings, storage, following, baked, open_session).models
        rooms = KnownRooms(models, answers, settings.max_pixels)
        classifier = InlineClassifier(models, rooms, pool)
    else:
        classifier = ServiceClassifier(service, answers, pool, settings.max_pixels)
    doors = Doors(
        settings=settings,
        classifier=classifier,
        storage=storage,
        keys=keys,
        engine=engine,
        watchers=Watchers(session_url(engine)),
        limiter=Limiter(settings.rate_limit),
        turns=asyncio.Semaphore(2 * threads),
    )
    return doors, answers


class _Ours:
    """Gives our app every request but BentoML's probes.

    Mounted, it would get only those that it has a route for; the others were answered by pages of
    BentoML's, without our headers.
    """

    def __init__(self, app: ASGIApp, ours: ASGIApp) -> None:
        self._theirs, self._ours = app, ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        to_us = scope["type"] == "http" and scope["path"] not in _PROBES
        await (self._ours if to_us else self._theirs)(scope, receive, send)


async def _tidy(keys: KeyRing, answers: Answers | None) -> None:
    """Learn of keys made and revoked elsewhere; share new answers."""
    while True:
        await asyncio.sleep(_TIDY_S)
        if answers is not None:
            await asyncio.to_thread(answers.flush)
        await asyncio.to_thread(keys.refresh, older_than_s=_KEYS_REREAD_S)


_settings = read_settings()
Gateway = make_gateway(
    _settings, None if _settings.serve_inline(gpu_available()) else RoomClassifier
)
