import pytest
from mlflow import MlflowClient
from sqlalchemy import Engine

from registry.bootstrap import STARTERS, register_starters
from registry.promote import promote
from registry.publish import REFUSED, Change, Publisher
from registry.versions import CHAMPION, VERDICT, find_alias
from serving.card import ModelCard
from serving.models.local import LocalModels
from serving.models.rooms import TASK
from serving.models.slots import read_slots
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.registry.conftest import Register

pytestmark = pytest.mark.slow


@pytest.fixture
def publisher(client: MlflowClient, engine: Engine, storage: Storage) -> Publisher:
    return Publisher(client, engine, storage)


def served(engine: Engine, storage: Storage) -> str:
    models = LocalModels(storage)
    models.apply(read_slots(engine))
    return models.get(TASK).version


def test_an_alias_reaches_serving_and_a_second_round_does_nothing(
    client: MlflowClient,
    register_version: Register,
    publisher: Publisher,
    engine: Engine,
    storage: Storage,
) -> None:
    first, second = register_version(), register_version(gain=4.0)
    assert publisher.publish() == [], "no alias, nothing to publish"
    promote(client, TASK, first)
    assert publisher.publish() == [Change(TASK, CHAMPION, first)]
    assert publisher.publish() == []
    client.set_registered_model_alias(TASK, CHAMPION, second)
    assert publisher.publish() == [Change(TASK, CHAMPION, second)]
    assert served(engine, storage) == second


def test_an_alias_on_what_never_passed_is_refused_and_the_old_version_goes_on(
    client: MlflowClient,
    register_version: Register,
    publisher: Publisher,
    engine: Engine,
    storage: Storage,
) -> None:
    good, unjudged, bad = register_version(), register_version(None), register_version(False)
    promote(client, TASK, good)
    publisher.publish()
    for version, reason in ((unjudged, "never judged"), (bad, "test/top1 is 0.2")):
        client.set_registered_model_alias(TASK, CHAMPION, version)
        (change,) = publisher.publish()
        assert change.refused is not None
        assert reason in change.refused
        assert reason in client.get_model_version(TASK, version).tags[REFUSED]
        assert publisher.publish() == [], "one alert, not one every round"
        assert served(engine, storage) == good


def test_a_refusal_is_taken_back_once_the_version_has_passed(
    client: MlflowClient, register_version: Register, publisher: Publisher
) -> None:
    version = register_version(None)
    client.set_registered_model_alias(TASK, CHAMPION, version)
    publisher.publish()
    client.set_model_version_tag(TASK, version, VERDICT, "passed")
    assert publisher.publish() == [Change(TASK, CHAMPION, version)]
    assert REFUSED not in client.get_model_version(TASK, version).tags


def test_an_alias_that_is_taken_away_leaves_serving_as_it_is(
    client: MlflowClient,
    register_version: Register,
    publisher: Publisher,
    engine: Engine,
    storage: Storage,
) -> None:
    version = register_version()
    promote(client, TASK, version)
    publisher.publish()
    client.delete_registered_model_alias(TASK, CHAMPION)
    assert publisher.publish() == []
    assert served(engine, storage) == version


def test_a_fresh_machine_serves_the_starter_as_version_1(
    client: MlflowClient,
    registry_settings: Settings,
    publisher: Publisher,
    engine: Engine,
    storage: Storage,
) -> None:
    assert register_starters(client, registry_settings) == [TASK]
    assert register_starters(client, registry_settings) == [], "once"
    publisher.publish()
    assert served(engine, storage) == "1"


def test_production_does_not_serve_the_starter_unless_its_licence_is_allowed(
    client: MlflowClient, registry_settings: Settings
) -> None:
    register_starters(client, registry_settings.model_copy(update={"environment": "production"}))
    assert find_alias(client, TASK, CHAMPION) is None
    assert "ALLOW_LICENCES" in client.get_model_version(TASK, "1").tags["gate.reasons"]


def test_the_starter_is_small_and_says_what_it_is() -> None:
    folder = STARTERS / TASK
    card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
    assert card.demo
    assert card.licence == "research"
    assert len(card.labels) == 13
    assert (folder / "model.onnx").stat().st_size < 8_000_000
