"""A listing is answered by the version whose it is, and no fault of that version is felt."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import http_sf
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import Engine

from bentos.gateway.app import create_app
from bentos.gateway.predictors import (
    InlinePredictor,
    ModelService,
    PhotoPredictor,
    ServicePredictor,
)
from bentos.room_classifier.service import Service
from serving import traces
from serving.access.api_keys import hash_key
from serving.image.opening import decode_pixels
from serving.models.cached import CachedPredictor
from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor
from serving.models.routing import Arm, Route, choose
from serving.models.slots import Published, read_slots
from serving.photos.classify import ROOM_CLASSIFIER
from serving.settings import Settings
from serving.storage.cache import Answers
from serving.storage.interface import Storage
from tests.fakes import BLUE, GREEN, RED, TASK, jpeg, publish
from tests.gateway_state import make_gateway_state, photo_pool
from tests.model_host import ModelHost
from tests.routed_studio import UNSURE, RoutedStudio, fallbacks

PATH = "/internal/photos/classify"
HALF = Route(TASK, "2-a", (Arm("challenger", 50.0),))


@pytest.fixture
def studio(
    engine: Engine, storage: Storage, published: Published, tmp_path: Path
) -> Iterator[RoutedStudio]:
    del published
    studio = RoutedStudio(engine, storage, tmp_path, Answers(None, 100))
    with closing(studio):
        yield studio


@pytest.fixture(params=["inline", "service"])
def champion(request: pytest.FixtureRequest, models: LocalModels) -> Iterator[ModelHost | None]:
    """The champion's service; None: the gateway holds the champion itself."""
    if request.param == "inline":
        yield None
        return
    with closing(ModelHost(ROOM_CLASSIFIER, models)) as host:
        yield host


@pytest.fixture
def client(
    settings: Settings,
    engine: Engine,
    storage: Storage,
    models: LocalModels,
    studio: RoutedStudio,
    champion: ModelHost | None,
) -> Iterator[TestClient]:
    settings = settings.model_copy(update={"api_keys": {"backend": (hash_key("key"),)}})
    assert studio.answers is not None
    champions: PhotoPredictor
    with closing(photo_pool()) as pool, ExitStack() as connected:
        app = create_app("test", settings)
        if champion is None:
            cached = CachedPredictor(LocalPredictor(models), studio.answers)
            champions = InlinePredictor(models, cached, pool)
        else:
            asked = champion.client(Service)
            services = {TASK: cast(ModelService, asked)}
            champions = ServicePredictor(services, studio.answers, pool, fresh_s=0.0)
        state = make_gateway_state(settings, champions, storage, engine, studio.router)
        app.state.gateway = state
        with TestClient(app, headers={"X-API-Key": "key"}) as client:
            if champion is not None:
                assert client.portal is not None
                connected.enter_context(client.portal.wrap_async_context_manager(asked))
            yield client
            connected.close()


def send(client: TestClient, photo: bytes = b"", listing: str = "") -> Response:
    headers = {"Content-Type": "image/jpeg"} | ({"X-Listing-Id": listing} if listing else {})
    answer = client.post(PATH, content=photo or jpeg(RED), headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def slot_of(answer: Response) -> str:
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["results"]
    return str(result["model"]["slot"])


def versions_of(answer: Response) -> dict[str, Any]:
    """Return the header as another's library reads it."""
    header = answer.headers["Model-Versions"].encode()
    return cast(dict[str, Any], http_sf.parse(header, tltype="dictionary"))


def test_a_listing_has_one_answerer_whichever_way_its_photos_come(
    client: TestClient, studio: RoutedStudio, storage: Storage
) -> None:
    studio.say(weight=50)
    storage.write("a.jpg", jpeg(GREEN))
    for listing in map(str, range(6)):
        raw = send(client, listing=listing)
        named = client.post(PATH, json={"photos": ["a.jpg"], "listing_id": listing})
        headed = client.post(PATH, json={"photos": ["a.jpg"]}, headers={"X-Listing-Id": listing})
        expected = choose(HALF, listing)
        assert {slot_of(raw), slot_of(named), slot_of(headed)} == {expected}
        version = {"champion": "1", "challenger": "2"}[expected]
        assert versions_of(raw) == {TASK: (version, {"slot": http_sf.Token(expected)})}


def test_without_a_listing_the_photo_itself_decides(
    client: TestClient, studio: RoutedStudio, storage: Storage
) -> None:
    studio.say(weight=50)
    for number, quality in enumerate(range(60, 95, 5)):
        photo = jpeg(RED, quality=quality)
        storage.write(f"{number}.jpg", photo)
        raw = send(client, photo)
        keyed = client.post(PATH, json={"photos": [f"{number}.jpg"]})
        assert slot_of(raw) == slot_of(keyed) == choose(HALF, raw.json()["results"][0]["photo"])


def test_a_listing_is_the_same_in_a_header_and_in_json(
    client: TestClient, studio: RoutedStudio, storage: Storage
) -> None:
    studio.say(weight=50)
    storage.write("a.jpg", jpeg(GREEN))
    for listing in ("Zürich 8004/3", "家", "Łódź 1", "Ölbronn", "Århus 2"):
        headers = {b"Content-Type": b"image/jpeg", b"X-Listing-Id": listing.encode()}
        raw = client.post(PATH, content=jpeg(RED), headers=headers)
        named = client.post(PATH, json={"photos": ["a.jpg"], "listing_id": listing})
        assert slot_of(raw) == slot_of(named) == choose(HALF, listing)


def test_all_versions_that_answered_are_named(
    client: TestClient, studio: RoutedStudio, storage: Storage
) -> None:
    studio.say(weight=50)
    for number in range(12):
        storage.write(f"{number}.jpg", jpeg(BLUE, 40 + number))
    answer = client.post(PATH, json={"photos": [f"{number}.jpg" for number in range(12)]})
    slots = {result["model"]["slot"] for result in answer.json()["results"]}
    named, _ = versions_of(answer)[TASK]
    assert {str(parameters["slot"]) for _, parameters in named} == slots
    assert sorted(version for version, _ in named) == ["1", "2"]


@pytest.mark.parametrize(
    ("mode", "kind", "reason"),
    [
        ("hang", "error", "deadline"),
        ("close", "fallback", "error"),
        ("NaN", "fallback", "not_finite"),
    ],
)
def test_the_champion_answers_for_a_version_that_breaks(
    client: TestClient, studio: RoutedStudio, mode: str, kind: str, reason: str
) -> None:
    studio.say(weight=100)
    assert slot_of(send(client, listing="42")) == "challenger"
    before = fallbacks(reason)
    studio.break_by(mode)
    answer = send(client, jpeg(GREEN), listing="43")
    assert (slot_of(answer), answer.json()["results"][0]["room_type"]) == ("champion", "green")
    assert fallbacks(reason) == before + 1
    assert studio.bad() == [("challenger", kind, reason)]


def test_a_deadline_that_a_slow_host_misses_is_no_fault_of_the_version(
    client: TestClient, studio: RoutedStudio
) -> None:
    studio.say(weight=100)
    assert slot_of(send(client, listing="42")) == "challenger"
    before = fallbacks("deadline")
    studio.break_by("slow")
    assert slot_of(send(client, jpeg(GREEN), listing="43")) == "champion"
    assert fallbacks("deadline") == before + 1
    # asked again when nobody waited, it answered: the pair counts, and its model was not slow
    assert [row[:2] for row in studio.rows()] == [
        ("challenger", "paired"),
        ("challenger", "served"),
        ("champion", "paired"),
        ("champion", "served"),
    ]
    assert studio.bad() == []


def test_both_answers_about_a_photo_are_observed(client: TestClient, studio: RoutedStudio) -> None:
    studio.say(weight=100)
    send(client, listing="42")
    assert studio.rows() == [
        ("challenger", "served", True, True),
        ("champion", "paired", True, False),
    ]


def test_a_shadow_answers_nobody_and_costs_no_second_decode(
    client: TestClient, studio: RoutedStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.say(weight=0, shadow=100, mode="shadow")
    decode = Mock(wraps=decode_pixels)
    monkeypatch.setattr("serving.image.photo_file.decode_pixels", decode)
    assert slot_of(send(client, listing="42")) == "champion"
    assert studio.rows() == [
        ("challenger", "paired", True, True),
        ("champion", "served", True, False),
    ]
    assert (studio.host.asked, decode.call_count) == (1, 1)


def test_a_shadow_that_hangs_is_waited_for_by_nobody(
    client: TestClient, studio: RoutedStudio
) -> None:
    studio.say(weight=0, shadow=100, mode="shadow")
    studio.break_by("hang")
    for number in range(5):
        assert slot_of(send(client, jpeg(RED, 40 + number), listing=str(number))) == "champion"
    assert studio.host.asked <= 2, "the first may be given up already"
    studio.host.ended.set()


def test_a_known_answer_is_of_the_slot_that_its_version_has_now(
    client: TestClient, studio: RoutedStudio, models: LocalModels, engine: Engine, storage: Storage
) -> None:
    studio.say(weight=100)
    send(client, listing="42")
    publish(engine, storage, "2", UNSURE)
    models.apply(read_slots(engine))
    studio.say(weight=0, mode="off")
    (result,) = send(client, listing="42").json()["results"]
    assert result["cached"]
    assert result["model"] == {"name": TASK, "version": "2", "slot": "champion"}


def test_the_trace_says_which_version_answered_whom(
    client: TestClient, studio: RoutedStudio
) -> None:
    studio.say(weight=100)
    exporter = InMemorySpanExporter()
    traces.open_traces("tests", exporter)
    try:
        send(client, listing="42")
    finally:
        traces.close_traces()
    (told,) = [
        dict(span.attributes)
        for span in exporter.get_finished_spans()
        if span.attributes and "feature_flag.key" in span.attributes
    ]
    assert told["feature_flag.key"] == TASK
    assert told["feature_flag.result.variant"] == "challenger"
    assert told["feature_flag.version"] == "2"
    assert told["feature_flag.context.id"] == hashlib.sha256(b"42").hexdigest()[:16]


def test_a_photo_that_cannot_be_read_is_shown_to_no_other_version(
    client: TestClient, studio: RoutedStudio
) -> None:
    studio.say(weight=100)
    broken = client.post(PATH, content=b"no photo", headers={"Content-Type": "image/jpeg"})
    assert broken.status_code == 422
    assert (studio.host.asked, studio.bad()) == (0, [])
    assert "Model-Versions" not in broken.headers


@pytest.mark.parametrize("champion", ["service"], indirect=True)
@pytest.mark.parametrize(
    ("script", "status", "told"),
    [
        (["right", "500"], 200, [("champion", "error", "ModelFailed")]),
        (["cut"] * 2, 200, [("champion", "error", "ModelUnavailable")]),
        (["none"], 200, [("champion", "error", "ModelUnavailable")]),
        (["right", "503"], 503, []),
    ],
    ids=["breaks", "is gone", "has no model", "has too much to do"],
)
def test_a_champions_service_that_fails_is_answered_for_by_the_version_whose_turn_it_is(
    client: TestClient,
    studio: RoutedStudio,
    champion: ModelHost,
    script: list[str],
    status: int,
    told: list[tuple[str, str, str]],
) -> None:
    studio.say(weight=100)
    champion.script += script
    headers = {"Content-Type": "image/jpeg", "X-Listing-Id": "42"}
    answer = client.post(PATH, content=jpeg(RED), headers=headers)
    assert answer.status_code == status, answer.text
    assert (status != 200) or slot_of(answer) == "challenger"
    assert studio.bad() == told
