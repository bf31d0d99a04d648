"""How much at once, how slow a body, how many streams: the limits are ours, and so are refusals."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter
from sqlalchemy import Engine

from bentos.gateway.app import create_app
from bentos.gateway.predictors import InlinePredictor
from bentos.gateway.service import make_gateway
from serving.access.api_keys import hash_key
from serving.access.links import LinkSigner
from serving.metrics import REGISTRY
from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.bentos.app_server import Answer, connected, read_answer, serving
from tests.bentos.conftest import NewJobs
from tests.fakes import bake, jpeg
from tests.gateway_state import make_gateway_state, photo_pool

SLOW = {
    "body_idle_s": 1.0,
    "body_window_s": 2.0,
    "body_min_rate": 5_000,
    "max_requests": 3,
    "max_streams": 8,
    "max_streams_per_client": 5,
    "max_streams_per_link": 2,
}


@pytest.fixture
def limited_settings(page_settings: Settings) -> Settings:
    return Settings.model_validate(page_settings.model_dump() | SLOW)


class Held:
    """A route that works until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.router = APIRouter()
        self.router.add_api_route("/internal/held", self.hold)

    async def hold(self) -> str:
        while not self.go.is_set():
            await asyncio.sleep(0.01)
        return "done"


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def address(
    limited_settings: Settings, engine: Engine, storage: Storage, models: LocalModels, held: Held
) -> Iterator[tuple[str, int]]:
    """The app as uvicorn serves it."""
    app = create_app("test", limited_settings)
    app.include_router(held.router)
    rooms = LocalPredictor(models)
    with contextlib.closing(photo_pool()) as pool:
        classifier = InlinePredictor(models, rooms, pool)
        app.state.gateway = make_gateway_state(limited_settings, classifier, storage, engine)
        with serving(app) as address:
            yield address


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("studio_refused_total", {"reason": reason}) or 0.0


def upload(address: tuple[str, int], data: bytes, piece: int, pause_s: float) -> Answer:
    """Send a photo piece by piece."""
    with connected(address) as wire:
        wire.sendall(
            b"POST /internal/photos/classify HTTP/1.1\r\nHost: x\r\nX-API-Key: vls_a\r\n"
            b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data)
        )
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for start in range(0, len(data), piece):
                wire.sendall(data[start : start + piece])
                time.sleep(pause_s)
        return read_answer(wire)


def test_a_photo_may_take_long_as_long_as_it_comes(address: tuple[str, int]) -> None:
    data = jpeg(height=400, width=600, quality=95)
    answer = upload(address, data, -(-len(data) // 12), 0.5)
    assert answer.status == 200, "six seconds, six times what may be idle"


@pytest.mark.parametrize(
    ("piece", "pause_s", "said"),
    [(10, 0.3, "bytes a second"), (1000, 4.0, "nothing of the body arrived")],
    ids=["too slowly", "not at all"],
)
def test_a_body_that_does_not_come_is_refused_by_its_pace(
    address: tuple[str, int], piece: int, pause_s: float, said: str
) -> None:
    before = refused("Request Timeout")
    answer = upload(address, jpeg(height=400, width=600)[:2000], piece, pause_s)
    assert answer.status == 408
    assert said in answer.problem()["detail"]
    assert answer.headers["connection"] == "close"
    assert answer.headers["retry-after"]
    assert refused("Request Timeout") == before + 1


def test_a_json_body_is_held_to_its_pace_too(address: tuple[str, int]) -> None:
    with connected(address) as wire:
        wire.sendall(
            b"POST /internal/video/render HTTP/1.1\r\nHost: x\r\nX-API-Key: vls_a\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        assert read_answer(wire).status == 408


def test_more_than_can_be_worked_on_is_refused_while_health_answers(
    address: tuple[str, int], held: Held
) -> None:
    url = f"http://{address[0]}:{address[1]}"
    before = refused("Overloaded")

    def ask() -> None:
        while httpx.get(f"{url}/internal/held", timeout=60).status_code != 200:
            time.sleep(0.01)  # somebody who only asked was before

    workers = [threading.Thread(target=ask) for _ in range(3)]
    for worker in workers:
        worker.start()
    with httpx.Client(base_url=url, headers={"X-API-Key": "vls_a"}) as client:
        until = time.monotonic() + 20
        while (answer := client.get("/internal/jobs")).status_code == 200:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert answer.status_code == 503
        assert answer.json()["title"] == "Overloaded"
        assert answer.headers["retry-after"]
        assert answer.headers["x-request-id"]
        assert client.get("/health").status_code == 200
        assert "studio_refused_total" in client.get("/internal/metrics").text
        held.go.set()
        for worker in workers:
            worker.join()
        assert client.get("/internal/jobs").status_code == 200
    assert refused("Overloaded") > before


class Streams:
    """Event streams, opened one after the other."""

    def __init__(self, address: tuple[str, int], stack: ExitStack) -> None:
        self._address, self._stack = address, stack
        self.wires: list[Any] = []

    def open(self, job_id: UUID, query: str = "", key: str = "") -> Answer:
        wire = self._stack.enter_context(connected(self._address))
        self.wires.append(wire)
        header = f"X-API-Key: {key}\r\n" if key else ""
        path = f"/internal/jobs/{job_id}/events{query}"
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
        return read_answer(wire)


def link_to(settings: Settings, job_id: UUID) -> str:
    return f"?{LinkSigner.of(settings).sign(job_id, time.time())}"


def test_streams_are_counted_apart_by_client_and_by_link(
    address: tuple[str, int], limited_settings: Settings, new_job: NewJobs
) -> None:
    one, other = new_job("a.jpg"), new_job("b.jpg")
    with ExitStack() as stack:
        streams = Streams(address, stack)
        by_key = [streams.open(one, key="vls_a") for _ in range(6)]
        assert [answer.status for answer in by_key] == [200] * 5 + [429]
        assert by_key[5].problem()["title"] == "TooManyStreams"
        assert by_key[5].headers["retry-after"]
        by_link = [streams.open(one, link_to(limited_settings, one)) for _ in range(3)]
        assert [answer.status for answer in by_link] == [200, 200, 429]
        last = [streams.open(other, link_to(limited_settings, other)) for _ in range(2)]
        assert [answer.status for answer in last] == [200, 503], "more than eight in all"
        url = f"http://{address[0]}:{address[1]}"
        for _ in range(5):
            listed = httpx.get(f"{url}/internal/jobs", headers={"X-API-Key": "vls_a"})
            assert listed.status_code == 200, "streams are no requests at work"
        for wire in streams.wires:
            wire.close()
        until = time.monotonic() + 30
        while streams.open(one, key="vls_a").status != 200:
            assert time.monotonic() < until, "who goes makes room"
            time.sleep(0.1)


def test_bentoml_ends_and_refuses_nothing_of_ours(
    settings: Settings,
    tmp_path: Path,
    logs_as_before: None,
) -> None:
    del logs_as_before
    changes = {
        "slots": "pinned",
        "baked_models": bake(tmp_path / "models"),
        "api_keys": {"backend": (hash_key("vls_a"),)},
    }
    service: Any = make_gateway(settings.model_copy(update=changes), None)
    service.config["traffic"] = {"timeout": 1, "max_concurrency": 1}
    data = jpeg(height=400, width=600, quality=95)
    with serving(service.to_asgi()) as address:
        assert upload(address, data, -(-len(data) // 4), 0.7).status == 200
        with connected(address) as wire:
            wire.sendall(b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            assert read_answer(wire).problem()["status"] == 404
