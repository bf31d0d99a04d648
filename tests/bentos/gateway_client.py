"""The whole gateway, its own layers included: for a client in this process, and on a port."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import uvicorn
from fastapi import APIRouter
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from bentos.gateway.app import create_app
from bentos.gateway.predictors import InlinePredictor
from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.gateway_state import make_gateway_state, photo_pool


@contextmanager
def open_gateway_client(
    settings: Settings,
    engine: Engine,
    storage: Storage,
    models: LocalModels,
    router: APIRouter | None = None,
) -> Iterator[TestClient]:
    """A client of the whole app, with a router more if a test needs one."""
    with closing(photo_pool()) as pool:
        app = create_app("test", settings)
        app.state.gateway = make_gateway_state(
            settings, InlinePredictor(models, LocalPredictor(models), pool), storage, engine
        )
        if router is not None:
            app.include_router(router)
        with TestClient(app, headers={"X-API-Key": "key"}, raise_server_exceptions=False) as client:
            yield client


@contextmanager
def serve_gateway(settings: Settings, engine: Engine, storage: Storage) -> Iterator[str]:
    """Serve the gateway on a port of its own."""
    models = LocalModels(storage)
    with closing(photo_pool()) as pool:
        app = create_app("test", settings)
        predictor = InlinePredictor(models, LocalPredictor(models), pool)
        app.state.gateway = make_gateway_state(settings, predictor, storage, engine)
        config = uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.02)
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
