"""The model as a service that is overloaded, begins anew, is gone or has no model: 503, or waited
for; and what is measured of its batches."""

import asyncio
import json
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, cast

import pytest
from _bentoml_impl.client.http import AsyncHTTPClient  # type: ignore[import-untyped]
from bentoml.exceptions import ServiceUnavailable
from prometheus_client.parser import text_string_to_metric_families

from bentos.gateway.classifiers import RoomService, ServiceClassifier
from bentos.room_classifier.service import RoomClassifier
from serving.errors import ModelFailed, ModelUnavailable, Overloaded, StudioError
from serving.models.remote import RemoteRooms
from serving.models.rooms import LocalRooms
from serving.models.wire import Pixels, RoomReply
from serving.problems import problem_of
from tests.fakes import RED, FixedModels, StubSession, jpeg, picture
from tests.gateway_state import photo_pool

ROOMS = LocalRooms(FixedModels(StubSession(0, 0)))


class Host:
    """A model service over HTTP, that answers as it is told, one thing after the other."""

    def __init__(self) -> None:
        self.script: list[str] = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                word = host.script.pop(0) if host.script else "well"
                if word == "cut":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if word == "hang":
                    time.sleep(3)
                status = 200 if word in ("well", "hang", "none") else int(word)
                answer = host.replies(body, word == "none") if status == 200 else b'{"error": "-"}'
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def replies(self, body: bytes, none: bool) -> bytes:
        photos = [Pixels.model_validate(each) for each in json.loads(body)["photos"]]
        if none:
            replies = [RoomReply(error="nothing is published", unavailable=True)] * len(photos)
        else:
            results = ROOMS.classify([photo.image() for photo in photos])
            replies = [RoomReply.of(result) for result in results]
        return json.dumps([reply.model_dump(mode="json") for reply in replies]).encode()


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.server.shutdown()
    host.server.server_close()


def classify(host: Host) -> str:
    """Ask through the gateway's classifier and BentoML's own client."""

    async def ask() -> str:
        service: Any = RoomClassifier
        client = AsyncHTTPClient(
            host.url,
            media_type="application/json",
            service=service,
            server_ready_timeout=0,
            timeout=1.0,
        )
        pool = photo_pool()
        async with client:
            room_service = cast(RoomService, client)
            classifier = ServiceClassifier(room_service, None, pool, 10**6)
            try:
                return (await classifier.classify(jpeg(RED))).answer.room_type
            finally:
                pool.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("script", "error", "status"),
    [
        (["503"], Overloaded, 503),
        (["429"], Overloaded, 503),
        (["504"], Overloaded, 503),
        (["hang"], Overloaded, 503),
        (["cut", "cut"], ModelUnavailable, 503),
        (["none"], ModelUnavailable, 503),
        (["500"], ModelFailed, 500),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_what_a_model_service_cannot_now_is_503(
    host: Host, script: list[str], error: type[StudioError], status: int
) -> None:
    host.script += script
    with pytest.raises(error) as raised:
        classify(host)
    assert problem_of(raised.value).status == status
    assert classify(host) == "red", "and afterwards all is well"


def test_a_model_service_that_begins_anew_is_asked_again(host: Host) -> None:
    host.script += ["cut"]
    assert classify(host) == "red"


def test_a_worker_asks_again_until_the_service_can(host: Host) -> None:
    host.script += ["503", "cut", "429"]
    rooms = RemoteRooms(host.url, waits_s=(0.01,) * 4)
    (result,) = rooms.classify([picture(RED)])
    assert not isinstance(result, ModelFailed)
    host.script += ["503"] * 5
    with pytest.raises(ModelUnavailable, match="more to do than it can"):
        rooms.classify([picture(RED)])
    host.script += ["none"]
    with pytest.raises(ModelUnavailable, match="nothing is published"):
        rooms.classify([picture(RED)])
    rooms.close()


def test_bentomls_own_word_for_too_much_is_what_we_think() -> None:
    assert ServiceUnavailable("process is overloaded").error_code == 503


def test_batches_and_waits_for_them_are_measured_by_the_service() -> None:
    inner: Any = RoomClassifier
    service = SimpleNamespace(_rooms=ROOMS)
    photos = [pickle.loads(pickle.dumps(Pixels.of(picture(RED)))) for _ in range(3)]
    before = _measures(inner)
    time.sleep(0.05)
    inner.inner.classify.func(service, photos)
    after = _measures(inner)
    assert after["studio_model_batch_photos_sum"] == before["studio_model_batch_photos_sum"] + 3
    assert after["studio_model_batch_photos_count"] == before["studio_model_batch_photos_count"] + 1
    waited = after["studio_model_queue_seconds_sum"] - before["studio_model_queue_seconds_sum"]
    assert 0.15 <= waited < 60


def _measures(service: Any) -> dict[str, float]:  # noqa: ANN401 - a decorator's
    text = service.inner.measures.func(None)
    found = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    names = ("studio_model_batch_photos_sum", "studio_model_batch_photos_count")
    names += ("studio_model_queue_seconds_sum",)  # type: ignore[assignment]
    return {name: 0.0 for name in names} | found
