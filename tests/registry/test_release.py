import pytest
from mlflow import MlflowClient
from sqlalchemy import Engine, insert

from registry.admission import Admission
from registry.promote import make_challenger
from registry.release import approve, release
from registry.traffic import APPROVAL
from registry.versions import CHAMPION, ROLLED_BACK_AT, find_alias
from serving.db.tables import Slot
from serving.errors import BadInput
from serving.models.routing import CHALLENGER
from tests.fakes import TASK
from tests.registry.conftest import Register

pytestmark = pytest.mark.slow
ADMISSION = Admission()


def challenger_answers(engine: Engine, version: str, **traffic: object) -> None:
    row = {"task": TASK, "slot": CHALLENGER, "version": version} | traffic
    with engine.begin() as connection:
        connection.execute(insert(Slot).values(model_sha256="", card_sha256="", **row))


def test_the_first_version_answers_and_the_next_is_its_shadow(
    client: MlflowClient, register_version: Register, engine: Engine
) -> None:
    first, second = register_version(), register_version(gain=4.0)
    assert release(client, engine, TASK, first, ADMISSION).slot == CHAMPION
    assert release(client, engine, TASK, second, ADMISSION).slot == CHALLENGER
    assert find_alias(client, TASK, CHAMPION) == first, "nothing is promoted without a ramp"
    assert find_alias(client, TASK, CHALLENGER) == second
    tags = client.get_model_version(TASK, second).tags
    assert not [tag for tag in tags if tag.startswith("canary.")], "what has no tags is a shadow"
    assert release(client, engine, TASK, first, ADMISSION).slot == CHAMPION


@pytest.mark.parametrize(
    ("traffic", "waits"),
    [
        ({"mode": "canary", "weight": 5.0}, True),
        ({"mode": "shadow", "weight": 0.0}, False),
        ({"mode": "off", "weight": 5.0}, False),
        ({"mode": "canary", "weight": 5.0, "stopped": "too many errors"}, False),
    ],
)
def test_a_version_waits_while_another_answers_listings_and_takes_the_place_of_a_shadow(
    client: MlflowClient,
    register_version: Register,
    engine: Engine,
    traffic: dict[str, object],
    waits: bool,
) -> None:
    first, second, third = (register_version(gain=gain) for gain in (8.0, 4.0, 2.0))
    release(client, engine, TASK, first, ADMISSION)
    release(client, engine, TASK, second, ADMISSION)
    challenger_answers(engine, second, **traffic)
    found = release(client, engine, TASK, third, ADMISSION)
    assert found.slot == (None if waits else CHALLENGER)
    assert find_alias(client, TASK, CHALLENGER) == (second if waits else third)
    assert (f"version {second} answers 5 %" in found.why) == waits


def test_what_did_not_pass_or_was_taken_back_is_not_put_beside_the_champion(
    client: MlflowClient, register_version: Register, engine: Engine
) -> None:
    first, failed, bad = register_version(), register_version(passed=False), register_version()
    release(client, engine, TASK, first, ADMISSION)
    with pytest.raises(BadInput, match="gates are closed"):
        release(client, engine, TASK, failed, ADMISSION)
    client.set_model_version_tag(TASK, bad, ROLLED_BACK_AT, "2026-11-29")
    with pytest.raises(BadInput, match="taken back; delete its tag"):
        make_challenger(client, TASK, bad)
    client.delete_model_version_tag(TASK, bad, ROLLED_BACK_AT)
    make_challenger(client, TASK, bad)
    assert find_alias(client, TASK, CHALLENGER) == bad


def test_a_person_approves_the_version_beside_the_champion(
    client: MlflowClient, register_version: Register
) -> None:
    version = register_version()
    with pytest.raises(BadInput, match="to approve"):
        approve(client, TASK)
    make_challenger(client, TASK, version)
    assert approve(client, TASK) == version
    assert client.get_model_version(TASK, version).tags[APPROVAL] == "approved"
