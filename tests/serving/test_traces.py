"""One trace from the request through the queue and the worker to the webhook."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from pydantic import SecretStr
from sqlalchemy import Engine

from bentos.gateway.app import create_app
from bentos.gateway.predictors import InlinePredictor
from serving import traces
from serving.access.api_keys import hash_key
from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor
from serving.models.slots import Published, read_slots
from serving.settings import Settings
from serving.storage.interface import Storage
from serving.storage.objects import storage_of
from serving.storage.scratch import open_scratch
from serving.worker import JobWorker
from serving.workflows import WORKFLOWS
from serving.workflows.run import Parts
from tests.fakes import GREEN, jpeg
from tests.gateway_state import make_gateway_state, photo_pool

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE = PARENT[3:35]


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    traces.open_traces("tests", exporter)
    yield exporter
    traces.close_traces()


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


@contextmanager
def backend() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A receiver of webhooks that takes each; its URL and the headers it was sent."""
    received: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            received.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()
    thread.join()


def post_job(settings: Settings, engine: Engine, storage: Storage, **headers: str) -> None:
    """Have the gateway accept a job."""
    storage.write("green.jpg", jpeg(GREEN))
    rooms = LocalPredictor(LocalModels(storage))
    app = create_app("test", settings)
    classifier = InlinePredictor(LocalModels(storage), rooms, photo_pool())
    app.state.gateway = make_gateway_state(settings, classifier, storage, engine)
    with TestClient(app, headers={"X-API-Key": "key"} | headers) as client:
        body = {"photos": ["green.jpg"], "async": True}
        assert client.post("/internal/photos/classify", json=body).status_code == 202


def work_until_told(settings: Settings, engine: Engine, received: list[dict[str, str]]) -> None:
    """Run a whole worker in this process until the backend has heard."""

    def stop() -> None:
        until = time.monotonic() + 30
        while not received and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    stopper = threading.Thread(target=stop)
    models = LocalModels(storage_of(settings))
    models.apply(read_slots(engine))
    rooms = LocalPredictor(models)
    parts = Parts(settings, engine, storage_of(settings), open_scratch(settings), rooms)
    worker = JobWorker(parts, None, WORKFLOWS, ("classify", "webhook"))
    stopper.start()
    worker.run()
    stopper.join()


@pytest.fixture
def traced_settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "api_keys": {"backend": (hash_key("key"),)},
            "webhook_secrets": (SecretStr("whsec_YW4gb2xkIHNlY3JldCBvZiB0aGUgdGVzdHM="),),
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("given", [None, PARENT], ids=["begun here", "the backend's own"])
def test_one_trace_from_request_to_webhook(
    traced_settings: Settings,
    engine: Engine,
    storage: Storage,
    published: Published,
    exporter: InMemorySpanExporter,
    given: str | None,
) -> None:
    del published
    with backend() as (url, received):
        settings = traced_settings.model_copy(update={"backend_url": url})
        post_job(settings, engine, storage, **({"traceparent": given} if given else {}))
        work_until_told(settings, engine, received)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    ways = {
        "POST /internal/photos/classify",
        "job classify_photos",
        "stage classify",
        "webhook classification-complete",
    }
    assert ways <= spans.keys()
    (trace_id,) = {trace_of(spans[name]) for name in ways}
    assert received[0]["traceparent"].split("-")[1] == trace_id
    if given:
        assert trace_id == TRACE
    stage, job = spans["stage classify"], spans["job classify_photos"]
    assert stage.parent is not None
    assert job.context is not None
    assert stage.parent.span_id == job.context.span_id
    assert (job.attributes or {})["job.outcome"] == "completed"


@pytest.mark.slow
def test_without_an_exporter_the_backend_gets_its_trace_back(
    traced_settings: Settings, engine: Engine, storage: Storage, published: Published
) -> None:
    del published
    with backend() as (url, received):
        settings = traced_settings.model_copy(update={"backend_url": url})
        post_job(settings, engine, storage, traceparent=PARENT)
        work_until_told(settings, engine, received)
    assert received[0]["traceparent"].split("-")[1] == TRACE


def test_a_request_that_fails_is_a_failed_span(
    traced_settings: Settings, engine: Engine, storage: Storage, exporter: InMemorySpanExporter
) -> None:
    rooms = LocalPredictor(LocalModels(storage))
    app = create_app("test", traced_settings)
    classifier = InlinePredictor(LocalModels(storage), rooms, photo_pool())
    app.state.gateway = make_gateway_state(traced_settings, classifier, storage, engine)
    with TestClient(app, headers={"X-API-Key": "key"}) as client:
        client.post(
            "/internal/photos/classify", content=jpeg(GREEN), headers={"Content-Type": "image/jpeg"}
        )
        client.get("/nowhere/12345")
    failed, lost = exporter.get_finished_spans()
    assert failed.status.status_code is StatusCode.ERROR
    assert (failed.attributes or {})["http.response.status_code"] == 503
    assert lost.status.status_code is StatusCode.UNSET
    assert "12345" not in lost.name


@pytest.mark.parametrize("header", ["", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "é"])
def test_a_traceparent_that_is_none_begins_a_trace(
    header: str, exporter: InMemorySpanExporter
) -> None:
    with traces.span("work", header):
        pass
    (span,) = exporter.get_finished_spans()
    assert span.parent is None


def test_nothing_is_loaded_and_nothing_traced_without_an_endpoint() -> None:
    assert traces.traceparent() is None
    with traces.span("work"):
        assert traces.traceparent() is None
    code = (
        "import sys; from serving import traces; assert not traces.open_traces('x'); "
        "assert not traces.is_open(); sys.exit('opentelemetry.sdk.trace' in sys.modules)"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
