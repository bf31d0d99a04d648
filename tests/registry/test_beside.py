"""Versions beside the champion, from MLflow's aliases and tags to slots and back."""

import pytest
from mlflow import MlflowClient
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session as Database

from registry.admission import Admission
from registry.promote import make_challenger, promote
from registry.publish import Change, Publisher
from registry.ramp.look import deciding
from registry.ramp.steps import resume
from registry.traffic import APPROVAL, APPROVED, MODE, SALT, WEIGHT
from registry.versions import CHAMPION, PREVIOUS, REFUSED, ROLLED_BACK_AT, find_alias
from serving.db.canary_tables import Ramp, RampDecision
from serving.db.tables import Job, Slot, WebhookDelivery
from serving.models.routing import CHALLENGER
from serving.models.slots import Mode, Published, read_slots
from serving.operations.rollback import roll_back
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.fakes import TASK
from tests.registry.conftest import Register

pytestmark = pytest.mark.slow


@pytest.fixture
def publisher(client: MlflowClient, engine: Engine, storage: Storage) -> Publisher:
    admission = Admission.of(Settings(environment="development"))
    return Publisher(client, engine, storage, admission)


@pytest.fixture
def versions(
    client: MlflowClient, register_version: Register, publisher: Publisher
) -> tuple[str, str]:
    """The champion, and the version that stands beside it as a shadow."""
    first, second = register_version(), register_version(gain=4.0)
    promote(client, TASK, first)
    publisher.publish()
    make_challenger(client, TASK, second)
    assert publisher.publish() == [Change(TASK, CHALLENGER, second)]
    return first, second


def beside(engine: Engine) -> Published | None:
    return read_slots(engine).get((TASK, CHALLENGER))


def ramp_of(engine: Engine, version: str) -> Ramp:
    with Database(engine) as database:
        return database.get_one(Ramp, (TASK, version))


def tags_of(client: MlflowClient, version: str) -> dict[str, str]:
    return dict(client.get_model_version(TASK, version).tags)


def want(engine: Engine, version: str, **changes: object) -> None:
    """Do a ramp's part."""
    with deciding(engine, TASK) as database:
        mine = update(Ramp).where(Ramp.task == TASK, Ramp.version == version)
        database.execute(mine.values(**changes))


def test_the_tags_are_read_every_round_and_a_persons_hand_pauses_the_ramp(
    client: MlflowClient, engine: Engine, publisher: Publisher, versions: tuple[str, str]
) -> None:
    _, second = versions
    row = beside(engine)
    assert row is not None
    assert (row.mode, row.weight, row.shadow) == (Mode.SHADOW, 0.0, 100.0)
    assert row.salt.startswith(f"{second}-")
    assert publisher.publish() == []

    want(engine, second, weight=5.0, mode="canary", step=2)
    publisher.publish()
    row = beside(engine)
    assert row is not None
    assert (row.mode, row.weight) == (Mode.CANARY, 5.0)
    assert tags_of(client, second)[WEIGHT] == "5"
    publisher.publish()
    assert ramp_of(engine, second).state == "running", "the ramp's own tag is nobody's hand"

    client.set_model_version_tag(TASK, second, WEIGHT, "40%")
    publisher.publish()
    row = beside(engine)
    assert row is not None
    assert row.weight == 40.0
    assert ramp_of(engine, second).state == "paused"
    assert "a person set canary at 40 %" in tags_of(client, second)["canary.why"]
    assert resume(engine, TASK, "ada").step == 3

    client.set_model_version_tag(TASK, second, APPROVAL, APPROVED)
    publisher.publish()
    ramp = ramp_of(engine, second)
    assert (ramp.state, ramp.seen[APPROVAL]) == ("running", APPROVED)


@pytest.mark.parametrize(
    ("tag", "value"), [(WEIGHT, "lots"), (WEIGHT, "nan"), (WEIGHT, "-1"), (MODE, "full")]
)
def test_a_tag_that_is_nonsense_is_refused_and_the_traffic_stays(
    client: MlflowClient,
    engine: Engine,
    publisher: Publisher,
    versions: tuple[str, str],
    tag: str,
    value: str,
) -> None:
    _, second = versions
    before = beside(engine)
    client.set_model_version_tag(TASK, second, tag, value)
    (change,) = publisher.publish()
    assert value in str(change.refused)
    assert publisher.publish() == [], "one alert, not one every round"
    with Database(engine) as database:
        (alert,) = database.scalars(select(WebhookDelivery)).all()
        assert (alert.event, alert.payload["data"]["decision"]) == ("model-alert", "refuse")
    assert beside(engine) == before
    client.delete_model_version_tag(TASK, second, tag)
    publisher.publish()
    assert REFUSED not in tags_of(client, second)


def test_what_was_stopped_in_the_database_stays_so_and_mlflow_follows(
    client: MlflowClient, engine: Engine, publisher: Publisher, versions: tuple[str, str]
) -> None:
    first, second = versions
    client.set_model_version_tag(TASK, second, WEIGHT, "25")
    publisher.publish()
    roll_back(engine, TASK, CHALLENGER, "kitchens became pools", "ada")
    publisher.publish()
    assert beside(engine) is None
    assert find_alias(client, TASK, CHALLENGER) is None
    tags = tags_of(client, second)
    assert ROLLED_BACK_AT in tags
    assert tags["rolled_back.reason"] == "kitchens became pools (ada)"
    assert WEIGHT not in tags

    client.set_registered_model_alias(TASK, CHALLENGER, second)
    (change,) = publisher.publish()
    assert f"delete its tag {ROLLED_BACK_AT}" in str(change.refused)
    client.delete_model_version_tag(TASK, second, ROLLED_BACK_AT)
    assert publisher.publish() == [Change(TASK, CHALLENGER, second)]
    assert ramp_of(engine, second).state == "running", "a person lets it try again"
    assert find_alias(client, TASK, CHAMPION) == first


def test_a_champion_that_was_taken_back_without_mlflow_does_not_come_back_with_it(
    client: MlflowClient, engine: Engine, publisher: Publisher, register_version: Register
) -> None:
    first, second = register_version(), register_version(gain=4.0)
    for version in (first, second):
        promote(client, TASK, version)
        publisher.publish()
    assert roll_back(engine, TASK, CHAMPION, "kitchens became pools", "ada").target == first
    assert publisher.publish() == []
    assert read_slots(engine)[TASK, CHAMPION].version == first
    assert find_alias(client, TASK, CHAMPION) == first
    assert find_alias(client, TASK, PREVIOUS) == second


def test_an_alias_that_is_taken_away_ends_the_trial_and_its_return_goes_on_with_it(
    client: MlflowClient, engine: Engine, publisher: Publisher, versions: tuple[str, str]
) -> None:
    _, second = versions
    client.delete_registered_model_alias(TASK, CHALLENGER)
    publisher.publish()
    assert beside(engine) is None
    assert ramp_of(engine, second).state == "withdrawn"
    with Database(engine) as database:
        assert database.scalar(select(func.count()).where(Job.type == "recall_version"))
    client.set_registered_model_alias(TASK, CHALLENGER, second)
    publisher.publish()
    assert ramp_of(engine, second).state == "running"
    with Database(engine) as database:
        begun = select(func.count()).where(RampDecision.decision == "begin")
        assert database.scalar(begun) == 1, "its evidence is kept"


def test_a_version_whose_place_another_has_taken_is_recalled(
    client: MlflowClient,
    engine: Engine,
    publisher: Publisher,
    versions: tuple[str, str],
    register_version: Register,
) -> None:
    _, second = versions
    client.set_registered_model_alias(TASK, CHALLENGER, register_version(gain=2.0))
    publisher.publish()
    assert ramp_of(engine, second).state == "withdrawn"
    with Database(engine) as database:
        recalled = select(Job.input["version"].astext).where(Job.type == "recall_version")
        assert set(database.scalars(recalled)) == {second}


def test_an_alias_that_is_moved_to_the_champion_ends_the_trial_of_the_version_before(
    client: MlflowClient, engine: Engine, publisher: Publisher, versions: tuple[str, str]
) -> None:
    first, second = versions
    client.set_registered_model_alias(TASK, CHALLENGER, first)
    publisher.publish()
    assert beside(engine) is None
    assert ramp_of(engine, second).state == "withdrawn"
    assert find_alias(client, TASK, CHALLENGER) is None


def test_a_version_that_became_champion_is_not_recalled_when_the_next_comes(
    client: MlflowClient,
    engine: Engine,
    publisher: Publisher,
    versions: tuple[str, str],
    register_version: Register,
) -> None:
    _, second = versions
    client.set_registered_model_alias(TASK, CHAMPION, second)
    client.set_registered_model_alias(TASK, CHALLENGER, register_version(gain=2.0))
    publisher.publish()
    assert ramp_of(engine, second).state == "promoted"
    with Database(engine) as database:
        assert not database.scalar(select(func.count()).where(Job.type == "recall_version"))


def test_a_version_that_passed_becomes_champion_and_never_leaves_its_listings(
    client: MlflowClient, engine: Engine, publisher: Publisher, versions: tuple[str, str]
) -> None:
    first, second = versions
    want(engine, second, weight=100.0, mode="canary", state="promoting")
    publisher.publish()
    slots = read_slots(engine)
    assert slots[TASK, CHAMPION].version == second
    assert slots[TASK, CHALLENGER].version == second, "until every gateway has loaded it"
    assert find_alias(client, TASK, PREVIOUS) == first
    with engine.begin() as connection:
        long_ago = func.now() - func.make_interval(0, 0, 0, 0, 1)
        connection.execute(update(Slot).values(updated_at=long_ago))
    publisher.publish()
    assert beside(engine) is None
    assert find_alias(client, TASK, CHALLENGER) is None


def test_a_champion_that_came_from_beside_by_hand_never_leaves_its_listings(
    client: MlflowClient, engine: Engine, publisher: Publisher, versions: tuple[str, str]
) -> None:
    _, second = versions
    client.set_registered_model_alias(TASK, CHAMPION, second)
    client.delete_registered_model_alias(TASK, CHALLENGER)
    publisher.publish()
    assert read_slots(engine)[TASK, CHAMPION].version == second
    assert beside(engine) is not None, "until every gateway has loaded it"
    with Database(engine) as database:
        assert not database.scalar(select(func.count()).where(Job.type == "recall_version"))


def test_arms_of_an_experiment_share_one_draw_and_a_ramp_waits_for_its_end(
    client: MlflowClient, engine: Engine, publisher: Publisher, register_version: Register
) -> None:
    champion, *others = (register_version(gain=gain) for gain in (8.0, 4.0, 2.0, 1.0))
    promote(client, TASK, champion)
    publisher.publish()
    for arm, version in zip(("arm-a", "arm-b"), others, strict=False):
        client.set_model_version_tag(TASK, version, WEIGHT, "30")
        client.set_model_version_tag(TASK, version, SALT, "experiment-1")
        client.set_registered_model_alias(TASK, arm, version)
    assert [change.slot for change in publisher.publish()] == ["arm-a", "arm-b"]
    make_challenger(client, TASK, others[2])
    (change,) = publisher.publish()
    assert "another salt" in str(change.refused)
    beside_it = {row.salt for (_, slot), row in read_slots(engine).items() if slot != CHAMPION}
    assert beside_it == {"experiment-1"}
    assert ramp_of(engine, others[0]).state == "fixed", "it is watched, and its weight stays"
