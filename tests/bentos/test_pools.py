"""What is slow keeps only its own waiting: hosts, a storage, a table of the database that hang."""

import asyncio
import contextlib
import inspect
import pkgutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from sqlalchemy import Engine, text

import bentos.gateway
from bentos.gateway.app import create_app
from bentos.gateway.pools import Pool
from bentos.gateway.predictors import InlinePredictor
from serving.access.api_keys import hash_key
from serving.errors import Overloaded
from serving.models.cached import CachedPredictor
from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor
from serving.settings import Settings
from serving.storage.cache import Answers
from serving.storage.objects import Storage
from serving.storage.s3 import S3Storage
from serving.storage.s3_options import S3Options
from tests.bentos.app_server import serving
from tests.fakes import jpeg
from tests.gateway_state import make_gateway_state, photo_pool

QUICK = {
    "pool_wait_s": 0.5,
    "cpu_wait_s": 1.0,
    "database_deadline_s": 1.0,
    "storage_deadline_s": 1.0,
    "fetch_timeout_s": 30.0,
    "fetch_private": True,
    "database_threads": 3,
    "storage_threads": 3,
    "download_threads": 3,
    "rate_limit": "100000/second",
}


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A host that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        yield listener.getsockname()[1]


@contextlib.contextmanager
def gateway(
    settings: Settings, engine: Engine, storage: Storage, models: LocalModels, **changes: object
) -> Iterator[httpx.Client]:
    """The gateway behind a port, with an answer cache in the database."""
    keys = {"api_keys": {"backend": (hash_key("key"),)}}
    settings = Settings.model_validate(settings.model_dump() | QUICK | keys | changes)
    rooms = CachedPredictor(LocalPredictor(models), Answers(engine, 1000))
    app = create_app("test", settings)
    with contextlib.closing(photo_pool()) as pool:
        app.state.gateway = make_gateway_state(
            settings, InlinePredictor(models, rooms, pool), storage, engine
        )
        with serving(app) as (host, port):
            yield httpx.Client(
                base_url=f"http://{host}:{port}", headers={"X-API-Key": "key"}, timeout=60
            )


class CurrentCaller:
    """Requests that are being made in the background."""

    def __init__(self, ask: Callable[[], httpx.Response], count: int) -> None:
        self.answers: list[httpx.Response] = []
        self._threads = [threading.Thread(target=self._ask, args=(ask,)) for _ in range(count)]

    def _ask(self, ask: Callable[[], httpx.Response]) -> None:
        self.answers.append(ask())

    def __enter__(self) -> "CurrentCaller":
        for thread in self._threads:
            thread.start()
        time.sleep(0.3)  # let them get to where they hang
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()


def post_photo(client: httpx.Client) -> httpx.Response:
    photo = jpeg(height=40 + int(time.monotonic() * 1e6) % 50)
    headers = {"Content-Type": "image/jpeg"}
    return client.post("/internal/photos/classify", content=photo, headers=headers)


def new_job(client: httpx.Client) -> httpx.Response:
    return client.post("/internal/photos/classify", json={"photos": ["a.jpg"], "async": True})


def test_a_host_that_hangs_keeps_nobody_from_the_rest(
    settings: Settings, engine: Engine, storage: Storage, models: LocalModels, silent_port: int
) -> None:
    storage.write("a.jpg", jpeg())
    host = f"127.0.0.1:{silent_port}"
    hosts = {"fetch_hosts": (host,), "fetch_timeout_s": 4.0}
    with gateway(settings, engine, storage, models, **hosts) as client:

        def analyze() -> httpx.Response:
            track = {"track": f"http://{host}/song.mp3"}
            return client.post("/internal/audio/analyze", json=track)

        def classify() -> httpx.Response:
            body = {"photos": [f"http://{host}/a.jpg"] * 8}
            return client.post("/internal/photos/classify", json=body)

        with CurrentCaller(analyze, 12) as tracks, CurrentCaller(classify, 4):
            began = time.monotonic()
            assert client.get("/internal/jobs").status_code == 200
            assert new_job(client).status_code == 202
            assert post_photo(client).status_code == 200
            stored = client.post("/internal/photos/classify", json={"photos": ["a.jpg"]})
            assert "room_type" in stored.json()["results"][0]
            assert client.get("/internal/status").json()["database"] is True
            assert time.monotonic() - began < 3.5, "before any of the downloads gave up"
    statuses = {answer.status_code for answer in tracks.answers}
    assert statuses == {502, 503}, "too late, or no thread free"
    for answer in tracks.answers:
        if answer.status_code == 503:
            assert answer.json()["title"] == "Overloaded"
            assert answer.headers["retry-after"]


def test_a_storage_that_hangs_keeps_nobody_from_the_rest(
    settings: Settings,
    engine: Engine,
    models: LocalModels,
    silent_port: int,
    s3: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del s3
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent_port}")
    hanging = S3Storage("bucket", options=S3Options(read_timeout_s=5.0, attempts=1))
    with gateway(settings, engine, hanging, models) as client:

        def classify() -> httpx.Response:
            return client.post("/internal/photos/classify", json={"photos": ["a.jpg"]})

        with CurrentCaller(classify, 12) as asked:
            began = time.monotonic()
            assert client.get("/internal/jobs").status_code == 200
            assert new_job(client).status_code == 202
            assert post_photo(client).status_code == 200
            assert time.monotonic() - began < 4.0
    for answer in asked.answers:
        (result,) = answer.json()["results"]
        assert result["error"]["status"] == 503


def test_a_table_that_is_locked_keeps_nobody_from_the_rest(
    settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> None:
    storage.write("a.jpg", jpeg())
    with gateway(settings, engine, storage, models) as client, ExitStack() as stack:
        assert new_job(client).status_code == 202
        for table in ("jobs", "api_keys", "cached_answers"):
            connection = stack.enter_context(engine.connect())
            connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        with CurrentCaller(lambda: client.get("/internal/jobs"), 12) as asked:
            began = time.monotonic()
            for _ in range(3):
                assert post_photo(client).status_code == 200
            stored = client.post("/internal/photos/classify", json={"photos": ["a.jpg"]})
            assert "room_type" in stored.json()["results"][0]
            assert client.get("/health").status_code == 200
            assert time.monotonic() - began < 5.0
            for _ in range(4):
                strange = client.get("/internal/jobs", headers={"X-API-Key": "who?"})
                assert strange.status_code == 503, "nobody can say whose key that is"
            assert "studio_database_up 0.0" in client.get("/internal/metrics").text
        assert {answer.status_code for answer in asked.answers} == {503}
        assert all(answer.headers["retry-after"] for answer in asked.answers)
        stack.close()
        until = time.monotonic() + 20
        while client.get("/internal/jobs").status_code != 200:
            assert time.monotonic() < until, "all is well again once the locks are gone"
            time.sleep(0.1)


def test_a_pool_refuses_after_a_bounded_wait_and_takes_again_when_it_may() -> None:
    async def scene() -> None:
        pool, go = Pool("test", 2, wait_s=0.1, deadline_s=0.2), threading.Event()
        try:
            late = [asyncio.create_task(pool.run(go.wait)) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(Overloaded, match="no more calls may wait for 'test'"):
                await pool.run(str, 1)
            for task in late:
                with pytest.raises(Overloaded, match=r"did not answer in 0\.2 s"):
                    await task
            with pytest.raises(Overloaded):
                await pool.run(str, 1)
            go.set()
            await asyncio.sleep(0.2)
            assert await asyncio.gather(*(pool.run(str, n) for n in range(2))) == ["0", "1"]
            with pytest.raises(TimeoutError):
                await pool.run(_raise, TimeoutError("of its own"))
            cancelled = asyncio.create_task(pool.run(time.sleep, 0.05))
            await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.sleep(0.2)
            assert await asyncio.gather(*(pool.run(str, n) for n in range(2))) == ["0", "1"]
        finally:
            pool.close()

    asyncio.run(scene())


def _raise(error: Exception) -> None:
    raise error


def test_no_route_waits_in_threads_that_all_share() -> None:
    """FastAPI sends what is not `async` to one pool of threads for everything."""
    routes = [
        route
        for module in pkgutil.iter_modules(bentos.gateway.__path__)
        if module.name not in ("__main__", "service")
        for route in getattr(
            getattr(import_module(f"bentos.gateway.{module.name}"), "router", None), "routes", []
        )
        if isinstance(route, APIRoute)
    ]
    assert len(routes) > 10
    assert [str(call) for route in routes for call in _plain(route.dependant)] == []


def _plain(dependant: Dependant) -> Iterator[object]:
    call = dependant.call
    waits = inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call)
    if not waits and not isinstance(call, SecurityBase):
        yield call
    for inner in dependant.dependencies:
        yield from _plain(inner)
