"""What Prometheus and an operator see of the gateway and its workers."""

import urllib.request
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, create_engine, text

from bentos.gateway.schema import Status
from serving import metrics
from serving.jobs import attempts
from serving.jobs.attempts import Retries
from serving.jobs.heartbeat import Heartbeat
from serving.jobs.queue_stats import QueueStatsReader, read_queue_stats
from serving.metrics import CacheCollector, GpuCollector, MetricsServer
from serving.models.local import LocalModels
from serving.settings import Settings
from serving.storage.cache import Answers
from serving.storage.objects import Storage
from tests.bentos.gateway_client import open_gateway_client
from tests.fakes import RED, jpeg

CLASSIFY = "/internal/photos/classify"


def scrape(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = client.get("/internal/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(client: TestClient, name: str, **labels: str) -> float:
    return scrape(client).get((name, frozenset(labels.items())), 0.0)


def ask(client: TestClient, **more: object) -> str:
    body = {"photos": ["a.jpg"], "async": True} | more
    return str(client.post(CLASSIFY, json=body).json()["job_id"])


def test_metrics_want_a_key(client: TestClient) -> None:
    assert client.get("/internal/metrics", headers={"X-API-Key": "other"}).status_code == 401


def test_every_request_is_counted_by_its_route_and_not_by_its_path(client: TestClient) -> None:
    labels = {"method": "GET", "route": "/internal/jobs/{job_id}", "status": "404"}
    before = value(client, "studio_request_seconds_count", **labels)
    for _ in range(3):
        client.get(f"/internal/jobs/{uuid4()}")
    assert value(client, "studio_request_seconds_count", **labels) == before + 3
    client.request("BREW", f"/{uuid4()}")
    unknown = {"method": "(any)", "route": "(none)", "status": "404"}
    assert value(client, "studio_request_seconds_count", **unknown) >= 1
    assert value(client, "studio_requests_in_flight") == 1, "the scrape itself"


def test_a_classification_and_its_model_are_timed(client: TestClient) -> None:
    way = {"serving": "inline", "cached": "False"}
    model = {"task": "room-classifier", "slot": "champion"}
    before = value(client, "studio_classification_seconds_count", **way)
    run_before = value(client, "studio_model_seconds_count", **model)
    client.post(CLASSIFY, content=jpeg(RED), headers={"Content-Type": "image/jpeg"})
    assert value(client, "studio_classification_seconds_count", **way) == before + 1
    assert value(client, "studio_model_seconds_count", **model) == run_before + 1
    assert value(client, "studio_model_seconds_sum", **model) > 0


def test_queues_show_their_depth_and_age(client: TestClient, engine: Engine) -> None:
    before = value(client, "studio_jobs_accepted_total", type="classify_photos")
    for _ in range(3):
        ask(client)
    ask(client, run_at="2999-01-01T00:00:00Z")
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE jobs SET run_at = run_at - interval '90 s' WHERE run_at < now()")
        )
    live = read_queue_stats(engine)
    (queue,) = [queue for queue in live.queues if queue.name == "classify"]
    assert (queue.waiting, queue.scheduled, queue.running) == (3, 1, 0)
    assert queue.oldest_s == pytest.approx(90, abs=30)
    assert [queue.waiting for queue in live.queues] == [3] + [0] * 6, "empty ones show too"
    found = scrape(client)
    assert found[("studio_database_up", frozenset())] == 1
    waiting = frozenset({("queue", "classify"), ("state", "waiting")})
    assert ("studio_queue_jobs", waiting) in found
    accepted = value(client, "studio_jobs_accepted_total", type="classify_photos")
    assert accepted == before + 4


def test_what_failed_for_good_is_counted(client: TestClient, engine: Engine) -> None:
    job = attempts.take(engine, UUID(ask(client)), uuid4())
    assert job is not None
    error = {"title": "StorageUnavailable", "detail": "gone", "reason": "transient"}
    attempts.retry(engine, job, error, Retries(1, 1, 1))
    with engine.begin() as connection:
        connection.execute(text("UPDATE webhook_deliveries SET status = 'dead'"))
    assert value(client, "studio_jobs_failed") == 1
    assert value(client, "studio_dead_letters") == 1


def test_status_tells_queues_workers_and_the_database(client: TestClient, engine: Engine) -> None:
    worker = uuid4()
    Heartbeat(engine, worker, 1.0).beat()
    ask(client)
    status = Status.model_validate(client.get("/internal/status").json())
    assert status.database
    assert {queue.name: queue.waiting for queue in status.queues}["classify"] == 1
    (seen,) = status.workers
    assert (seen.worker_id, seen.alive) == (worker, True)
    assert seen.pid > 0
    assert seen.heartbeat_age_s < 2.5


def test_without_a_database_metrics_and_status_say_so(
    app_settings: Settings, storage: Storage, models: LocalModels
) -> None:
    nowhere = create_engine("postgresql+psycopg://studio@127.0.0.1:1/studio")
    with open_gateway_client(app_settings, nowhere, storage, models) as client:
        found = scrape(client)
        assert found[("studio_database_up", frozenset())] == 0
        assert ("studio_workers", frozenset()) not in found
        status = Status.model_validate(client.get("/internal/status").json())
    assert not status.database
    assert status.models, "the models answer all the same"


def test_many_who_ask_are_shown_one_look(engine: Engine) -> None:
    reader = QueueStatsReader(engine, keep_s=60)
    first = reader.read()
    Heartbeat(engine, uuid4(), 1.0).beat()
    assert reader.read() is first
    seen = QueueStatsReader(engine, keep_s=0).read()
    assert seen is not None
    assert len(seen.workers) == 1


def test_caches_and_gpus_show_what_they_hold() -> None:
    registry, caches = CollectorRegistry(), CacheCollector()
    registry.register(caches)
    answers = Answers(None, keep=10)
    caches.watch("answers", answers)
    registry.register(GpuCollector(lambda: [("0", 3, 8)]))
    answers.get("a", "t", "1")
    answers.put("a", "t", "1", {})
    answers.get("a", "t", "1")
    found = registry.get_sample_value
    hits = {"cache": "answers", "outcome": "hit"}
    assert found("studio_cache_lookups_total", hits) == 1
    assert found("studio_cache_lookups_total", hits | {"outcome": "miss"}) == 1
    assert found("studio_gpu_memory_used_bytes", {"gpu": "0"}) == 3
    assert found("studio_gpu_memory_bytes", {"gpu": "0"}) == 8


def test_the_process_shows_its_memory_and_cpu(client: TestClient) -> None:
    assert value(client, "process_resident_memory_bytes") > 10e6
    assert value(client, "process_cpu_seconds_total") > 0


def test_a_second_worker_on_a_host_takes_the_next_port() -> None:
    first = MetricsServer(39_400)
    second = MetricsServer(first.port)
    try:
        assert second.port > first.port
        url = f"http://127.0.0.1:{second.port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert b"studio_job_seconds" in answer.read()
    finally:
        first.close()
        second.close()
    again = MetricsServer(first.port)
    again.close()
    assert again.port == first.port, "closed is closed"


def test_an_address_that_is_not_ours_is_an_error() -> None:
    with pytest.raises(OSError, match="address"):
        MetricsServer(39_500, "192.0.2.1")


def test_the_counters_are_of_this_process_alone() -> None:
    """BentoML names a folder that prometheus_client would count into, shared by all servers."""
    assert type(metrics.REQUESTS_IN_FLIGHT._value).__name__ == "MutexValue"
