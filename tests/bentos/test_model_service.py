"""The model as a service that is overloaded, begins anew, is gone or has no model: 503, or waited
for; and what is measured of its batches."""

import asyncio
import pickle
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from bentoml.exceptions import ServiceUnavailable
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bentos.gateway.predictors import ModelService, ServicePredictor
from bentos.gpu import on_gpu
from bentos.model_services import model_services
from bentos.room_classifier.service import Service
from serving.errors import ModelFailed, ModelUnavailable, Overloaded, StudioError
from serving.models.predictor import Prediction, or_raise
from serving.models.remote import RemotePredictor
from serving.models.wire import ArrayBytes, Item, PinnedVersion, VersionReply
from serving.photos.classify import ROOM_CLASSIFIER
from serving.problems import problem_of
from tests.fakes import RED, SIDE, TASK, FixedModels, StubSession, photo, picture
from tests.gateway_state import photo_pool
from tests.model_host import ModelHost

MODELS = FixedModels(StubSession(0, 0))


@pytest.fixture
def host() -> Iterator[ModelHost]:
    host = ModelHost(ROOM_CLASSIFIER, MODELS)
    yield host
    host.close()


def classify(host: ModelHost, timeout_s: float = 60.0) -> str:
    """Ask through the gateway's predictor and BentoML's own client."""

    async def ask() -> str:
        client = host.client(Service, timeout_s)
        pool = photo_pool()
        async with client:
            predictor = ServicePredictor({TASK: cast(ModelService, client)}, None, pool)
            try:
                (outcome,) = await predictor.predict((ROOM_CLASSIFIER,), photo(RED))
                return str(or_raise(outcome).answer.room_type)
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
    host: ModelHost, script: list[str], error: type[StudioError], status: int
) -> None:
    host.script += script
    with pytest.raises(error) as raised:
        classify(host, 1.0 if "hang" in script else 60.0)
    assert problem_of(raised.value).status == status
    assert classify(host) == "red", "and afterwards all is well"


def test_a_model_service_that_begins_anew_is_asked_again(host: ModelHost) -> None:
    host.script += ["cut"]
    assert classify(host) == "red"


@pytest.mark.parametrize("word", ["503", "hang", "none", "500"])
def test_a_service_that_stumbles_once_it_was_found_says_so_too(host: ModelHost, word: str) -> None:
    host.script += ["right", word]
    with pytest.raises(StudioError):
        classify(host, 1.0 if word == "hang" else 60.0)
    assert classify(host) == "red"


def test_a_worker_asks_again_until_the_service_can(host: ModelHost) -> None:
    host.script += ["503", "cut", "429"]
    predictor = RemotePredictor(host.url, waits_s=(0.01,) * 4, fresh_s=60)
    assert isinstance(predictor.predict(ROOM_CLASSIFIER, [photo(RED)])[0], Prediction)
    host.script += ["503"] * 5
    with pytest.raises(ModelUnavailable, match="more to do than it can"):
        predictor.predict(ROOM_CLASSIFIER, [photo(RED)])
    host.script += ["none"]
    with pytest.raises(ModelUnavailable, match="nothing is published"):
        predictor.predict(ROOM_CLASSIFIER, [photo(RED)])
    predictor.close()


def test_bentomls_own_word_for_too_much_is_what_we_think() -> None:
    assert ServiceUnavailable("process is overloaded").error_code == 503


def test_a_service_keeps_its_tasks_name_with_a_gpu_and_without() -> None:
    services: dict[str, Any] = model_services()
    on_gpus: dict[str, Any] = model_services(on_gpu)
    assert TASK in services
    for task, service in [*services.items(), *on_gpus.items()]:
        assert service.name == task
    assert on_gpus[TASK].config["resources"] == {"gpu": 1}


def test_batches_and_waits_for_them_are_measured_by_the_service() -> None:
    held = SimpleNamespace(_models=MODELS, _storage=None)
    item = Item(arrays={"pixels": ArrayBytes.of(picture(RED, SIDE, SIDE))})
    items = [pickle.loads(pickle.dumps(item)) for _ in range(3)]
    before = _measures(Service)
    time.sleep(0.05)
    Service.inner.predict.func(held, items)
    after = _measures(Service)
    assert after["studio_model_batch_photos_sum"] == before["studio_model_batch_photos_sum"] + 3
    assert after["studio_model_batch_photos_count"] == before["studio_model_batch_photos_count"] + 1
    waited = after["studio_model_queue_seconds_sum"] - before["studio_model_queue_seconds_sum"]
    assert 0.15 <= waited < 60


def test_that_a_service_has_no_model_is_not_asked_for_each_photo() -> None:
    class Empty:
        found = 0

        async def find(self, pin: PinnedVersion | None = None) -> VersionReply:
            del pin
            self.found += 1
            return VersionReply(error="nothing is published")

    async def ask(service: Empty, fresh_s: float) -> list[bool]:
        pool = photo_pool()
        predictor = ServicePredictor(
            {TASK: cast(ModelService, service)}, None, pool, fresh_s=fresh_s
        )
        outcomes = [(await predictor.predict((ROOM_CLASSIFIER,), photo(RED)))[0] for _ in range(3)]
        pool.close()
        return [isinstance(outcome, ModelUnavailable) for outcome in outcomes]

    for fresh_s, asked in ((60.0, 1), (0.0, 3)):
        service = Empty()
        assert asyncio.run(ask(service, fresh_s)) == [True] * 3
        assert service.found == asked


def test_what_several_services_measure_is_one_text_with_each_metric_once() -> None:
    class Measured:
        def __init__(self, task: str) -> None:
            self._registry = CollectorRegistry()
            counter = Counter("batches", "How many.", ("task",), registry=self._registry)
            counter.labels(task).inc(3)

        async def measures(self) -> str:
            return generate_latest(self._registry).decode()

    services = {task: cast(ModelService, Measured(task)) for task in ("rooms", "quality")}
    pool = photo_pool()
    text = asyncio.run(ServicePredictor(services, None, pool).measures()).decode()
    pool.close()
    assert text.count("# TYPE batches_total counter") == 1
    assert 'batches_total{task="rooms"} 3.0' in text
    assert 'batches_total{task="quality"} 3.0' in text


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
