from pathlib import Path

import pytest
from mlflow import MlflowClient
from sqlalchemy import Engine

from bentos.build import bake_models
from registry.admission import Admission
from registry.bootstrap import STARTERS, register_starters
from registry.promote import promote, roll_back
from registry.publish import Change, Publisher
from registry.versions import CHAMPION, MODEL_SHA256, PREVIOUS, REFUSED, VERDICT, find_alias
from serving.card import Classes, ModelCard
from serving.errors import ModelUnavailable
from serving.licences import LicencePolicy
from serving.models.loading import open_models
from serving.models.local import LocalModels
from serving.models.session import open_session
from serving.models.slots import read_slots
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.fakes import TASK
from tests.registry.conftest import Register

pytestmark = pytest.mark.slow


@pytest.fixture
def publisher(client: MlflowClient, engine: Engine, storage: Storage) -> Publisher:
    admission = Admission.of(Settings(environment="development"))
    return Publisher(client, engine, storage, admission)


def served(engine: Engine, storage: Storage) -> str:
    models = LocalModels(storage, licences=LicencePolicy(production=False))
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
    version = register_version(False)
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
    assert TASK in register_starters(client, registry_settings)
    assert register_starters(client, registry_settings) == [], "once"
    publisher.publish()
    assert served(engine, storage) == "1"


def test_production_does_not_serve_the_starter_unless_its_licence_is_allowed(
    client: MlflowClient, registry_settings: Settings
) -> None:
    production = registry_settings.model_copy(update={"environment": "production"})
    register_starters(client, production)
    assert find_alias(client, TASK, CHAMPION) is None
    assert "ALLOW_LICENCES" in client.get_model_version(TASK, "1").tags[REFUSED]
    register_starters(client, production)
    assert find_alias(client, TASK, CHAMPION) is None
    register_starters(client, production.model_copy(update={"allow_licences": ("research",)}))
    assert find_alias(client, TASK, CHAMPION) == "1", "allowed later, it answers"


def test_the_starter_is_small_and_says_what_it_is() -> None:
    folder = STARTERS / TASK
    card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
    assert card.demo
    assert card.licence == "research"
    assert len(card.output_as(Classes).labels) == 13
    assert (folder / "model.onnx").stat().st_size < 8_000_000


def test_previous_is_what_answered_before_however_the_alias_was_moved(
    client: MlflowClient, register_version: Register, publisher: Publisher, engine: Engine,
    storage: Storage,
) -> None:  # fmt: skip
    first, second, third = (register_version(gain=gain) for gain in (8.0, 4.0, 2.0))
    promote(client, TASK, first)
    publisher.publish()
    for version, before in ((second, first), (third, second)):
        client.set_registered_model_alias(TASK, CHAMPION, version)
        publisher.publish()
        assert find_alias(client, TASK, PREVIOUS) == before
    assert roll_back(client, TASK, "kitchens became pools") == second
    publisher.publish()
    assert served(engine, storage) == second
    assert find_alias(client, TASK, PREVIOUS) == third


def test_an_alias_moved_twice_between_two_rounds_goes_back_to_what_answered(
    client: MlflowClient, register_version: Register, publisher: Publisher
) -> None:
    first, second, third = (register_version(gain=gain) for gain in (8.0, 4.0, 2.0))
    promote(client, TASK, first)
    publisher.publish()
    promote(client, TASK, second)
    promote(client, TASK, third)
    publisher.publish()
    assert roll_back(client, TASK, "kitchens became pools") == first


def test_going_back_from_a_refused_alias_names_what_answers(
    client: MlflowClient, register_version: Register, publisher: Publisher
) -> None:
    first, second, bad = register_version(), register_version(gain=4.0), register_version(False)
    for version in (first, second):
        promote(client, TASK, version)
        publisher.publish()
    client.set_registered_model_alias(TASK, CHAMPION, bad)
    (change,) = publisher.publish()
    assert change.refused is not None
    assert roll_back(client, TASK, "it was a slip") == second
    assert find_alias(client, TASK, PREVIOUS) == first, "what answered before is as it was"


def test_a_file_that_was_exchanged_after_it_was_measured_is_not_published(
    client: MlflowClient, register_version: Register, publisher: Publisher, engine: Engine
) -> None:
    version = register_version()
    client.set_model_version_tag(TASK, version, MODEL_SHA256, "0" * 64)
    client.set_registered_model_alias(TASK, CHAMPION, version)
    (change,) = publisher.publish()
    assert "its figures were measured with" in str(change.refused)
    assert read_slots(engine) == {}


def test_a_version_judged_by_other_gates_is_refused_by_name(
    client: MlflowClient, register_version: Register, publisher: Publisher, tmp_path: Path,
) -> None:  # fmt: skip
    file = tmp_path / "smoke_gates.yaml"
    file.write_text("- {figure: test/top1, at_least: 0.1, why: easy}\n")
    version = register_version(gates=file)
    client.set_registered_model_alias(TASK, CHAMPION, version)
    (change,) = publisher.publish()
    assert change.refused is not None
    told = client.get_model_version(TASK, version).tags[REFUSED]
    assert "smoke_gates.yaml" in told
    assert "ALLOW_GATES" in told


def test_the_same_home_in_production_stops_publishing_and_serving_and_comes_back(
    client: MlflowClient, registry_settings: Settings, engine: Engine, storage: Storage,
    tmp_path: Path,
) -> None:  # fmt: skip
    """The licence is asked for each time, not just when the starter was registered."""
    development = registry_settings
    production = development.model_copy(update={"environment": "production"})
    allowed = production.model_copy(update={"allow_licences": ("research",)})

    def publish_as(settings: Settings) -> list[Change]:
        register_starters(client, settings)
        made = Publisher(client, engine, storage, Admission.of(settings)).publish()
        return [change for change in made if change.task == TASK]

    def served_as(settings: Settings) -> str:
        opened = open_models(settings, storage, engine, STARTERS, open_session)
        try:
            return opened.models.get(TASK).version
        finally:
            opened.close()

    assert {change.task: change.refused for change in publish_as(development)}[TASK] is None
    assert served_as(development) == "1"
    refused = {change.task: change.refused for change in publish_as(production)}
    assert "ALLOW_LICENCES" in str(refused[TASK])
    assert publish_as(production) == [], "one alert, not one every round"
    assert "ALLOW_LICENCES" in client.get_model_version(TASK, "1").tags[REFUSED]
    with pytest.raises(ModelUnavailable, match="ALLOW_LICENCES"):
        served_as(production)
    with pytest.raises(ModelUnavailable, match="ALLOW_LICENCES"):
        bake_models(engine, storage, tmp_path / "refused", production.licences())
    for settings in (allowed, development):
        assert publish_as(settings) == []
        assert REFUSED not in client.get_model_version(TASK, "1").tags
        assert served_as(settings) == "1"
        baked = bake_models(engine, storage, tmp_path / settings.environment, settings.licences())
        assert baked[TASK] == "1"
