"""Experiments give arms their traffic in MLflow and count listings in PostgreSQL."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, delete, func, insert, select

from registry.experiments.counts import Counts, count_arms
from registry.experiments.design import Design, ExperimentArm, Metric
from registry.experiments.store import ENDED, RUNNING, list_running, look, start, stop
from registry.promote import promote
from registry.versions import find_alias
from serving.db.canary_tables import BadEvent, Exposure, Feedback, Prediction, Publication
from serving.db.tables import Json, Slot
from serving.errors import BadInput
from serving.models.routing import choose
from tests.fakes import TASK
from tests.registry.conftest import Register

if TYPE_CHECKING:
    from mlflow import MlflowClient

pytestmark = pytest.mark.slow
ARM, CONTROL = "arm-warm", "champion"


def make(metric: Metric = "override", version: str = "8", champion: str = "7") -> Design:
    arm = ExperimentArm(name="warm", version=version, weight=50)
    return Design(name="w", task=TASK, champion=champion, arms=(arm,), metric=metric, salt="salt")


def keys_of(slot: str, count: int) -> list[str]:
    """Return listings that the route gives to a slot."""
    found = (key for key in map(str, range(10_000)) if choose(make().route, key) == slot)
    return [key for key, _ in zip(found, range(count), strict=False)]


def expose(engine: Engine, *keys: str, version: str = "7") -> None:
    row = {"task": TASK, "version": version, "slot": "s", "share": 0.5, "beside": "8"}
    with engine.begin() as connection:
        connection.execute(insert(Exposure), [row | {"listing_key": key} for key in keys])


def count(engine: Engine, design: Design) -> dict[str, Counts]:
    with engine.connect() as connection:
        now = connection.scalar(select(func.now()))
    assert now is not None
    return dict(count_arms(engine, design, now - timedelta(minutes=1)))


def test_a_listing_counts_once_in_the_arm_that_it_is_assigned_to(engine: Engine) -> None:
    (warm, *_), (cold, other) = keys_of(ARM, 2), keys_of(CONTROL, 2)
    expose(engine, warm, cold)
    expose(engine, warm, version="8")
    with engine.begin() as connection:
        row = {"task": TASK, "slot": "s", "version": "7", "content_sha256": "0", "answer": {}}
        rows = [row | {"listing_key": key} for key in (other, other, warm)]
        connection.execute(insert(Prediction), rows)
        said: Json = {"task": TASK, "content_sha256": "0", "client": "a", "answered": "red"}
        said_of = [
            said | {"listing_key": warm, "accepted": False, "correct": None},
            said | {"listing_key": warm, "accepted": None, "correct": "blue"},
            said | {"listing_key": cold, "accepted": True, "correct": "red"},
            said | {"listing_key": "unseen", "accepted": False, "correct": None},
        ]
        connection.execute(insert(Feedback), said_of)
    assert count(engine, make()) == {CONTROL: Counts(2, 0), ARM: Counts(1, 1)}
    assert count(engine, make("rejected")) == {CONTROL: Counts(1, 0), ARM: Counts(1, 1)}


def test_what_the_champion_did_beside_an_arm_is_not_the_arms_fault(engine: Engine) -> None:
    (warm, also), (cold,) = keys_of(ARM, 2), keys_of(CONTROL, 1)
    expose(engine, warm, also, cold)
    with engine.begin() as connection:
        event = {"task": TASK, "share": 0.5, "beside": "8"}
        rows = [
            event | {"version": "8", "slot": ARM, "kind": "fallback", "listing_key": warm},
            event | {"version": "8", "slot": ARM, "kind": "error", "listing_key": warm},
            event | {"version": "7", "slot": CONTROL, "kind": "error", "listing_key": also},
            event | {"version": "7", "slot": CONTROL, "kind": "slow", "listing_key": cold},
        ]
        connection.execute(insert(BadEvent), rows)
    assert count(engine, make("error")) == {CONTROL: Counts(1, 0), ARM: Counts(2, 1)}
    assert count(engine, make("slow")) == {CONTROL: Counts(1, 1), ARM: Counts(2, 0)}


def test_listings_count_from_when_the_last_arm_began_to_answer(engine: Engine) -> None:
    (warm,) = keys_of(ARM, 1)
    expose(engine, warm)
    with engine.begin() as connection:
        row = {"task": TASK, "slot": ARM, "version": "8", "model_sha256": "", "card_sha256": ""}
        connection.execute(insert(Publication).values(row | {"at": func.now()}))
    assert count(engine, make())[ARM] == Counts(0, 0), "it was answered before"
    with engine.begin() as connection:
        connection.execute(delete(Exposure))
    expose(engine, warm)
    assert count(engine, make())[ARM] == Counts(1, 0)


def test_an_experiment_sets_traffic_and_its_end_takes_it_away(
    client: "MlflowClient", engine: Engine, register_version: Register
) -> None:
    first, second = register_version(), register_version(gain=4.0)
    promote(client, TASK, first)
    start(client, engine, make(version=second, champion=first))
    assert list_running(engine) == ["w"]
    assert find_alias(client, TASK, ARM) == second
    tags = client.get_model_version(TASK, second).tags
    found = tags["canary.weight"], tags["canary.mode"], tags["canary.salt"]
    assert found == ("50", "canary", "salt")
    expose(engine, *keys_of(ARM, 3))
    assert look(engine, "w").report.arms[1].listings == 3

    with engine.begin() as connection:
        files = {"model_sha256": "a" * 64, "card_sha256": "b" * 64}
        row = {"task": TASK, "slot": CONTROL, "version": "99"} | files
        connection.execute(insert(Slot).values(row))
    assert f"was version {first} and is 99" in look(engine, "w").report.verdict
    kept = stop(client, engine, "w", "enough was seen")
    assert (kept.state, kept.why) == (ENDED, "enough was seen")
    assert find_alias(client, TASK, ARM) is None
    assert not [tag for tag in client.get_model_version(TASK, second).tags if "canary." in tag]
    with engine.begin() as connection:
        connection.execute(delete(Exposure))
    later = look(engine, "w")
    assert later.report == kept.report, "observations go by their age, the report stays"
    assert stop(client, engine, "w", "again").why == "enough was seen"


def test_an_experiment_does_not_begin_beside_another_or_a_ramp_or_with_a_closed_gate(
    client: "MlflowClient", engine: Engine, register_version: Register
) -> None:
    first, second, closed = (
        register_version(),
        register_version(gain=4.0),
        register_version(passed=False),
    )
    promote(client, TASK, first)
    with pytest.raises(BadInput, match="gates are closed"):
        start(client, engine, make(version=closed, champion=first))
    client.set_registered_model_alias(TASK, "challenger", second)
    with pytest.raises(BadInput, match="wait for its ramp"):
        start(client, engine, make(version=second, champion=first))
    client.delete_registered_model_alias(TASK, "challenger")
    with pytest.raises(BadInput, match=f"champion of {TASK} is version {first}"):
        start(client, engine, make(version=second, champion="99"))
    assert list_running(engine) == []
    start(client, engine, make(version=second, champion=first))
    with pytest.raises(BadInput, match="'w' is running"):
        start(client, engine, make(version=second, champion=first))
    assert look(engine, "w").state == RUNNING
