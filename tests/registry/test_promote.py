import hashlib
from pathlib import Path

import pytest
from mlflow import MlflowClient

from registry.admission import Admission, standard_test_set
from registry.judge import digest_of
from registry.promote import promote, roll_back
from registry.versions import CHAMPION, PREVIOUS, TEST_SET, find_alias
from serving.errors import BadInput
from serving.settings import Settings
from tests.fakes import TASK
from tests.registry.conftest import Register

pytestmark = pytest.mark.slow


def aliases(client: MlflowClient) -> tuple[str | None, str | None]:
    return find_alias(client, TASK, CHAMPION), find_alias(client, TASK, PREVIOUS)


def test_promotion_and_rollback_move_aliases_and_leave_their_reasons(
    client: MlflowClient, register_version: Register
) -> None:
    first, second = register_version(), register_version(gain=4.0)
    promote(client, TASK, first)
    assert aliases(client) == (first, None)
    promote(client, TASK, second)
    assert aliases(client) == (second, first)
    promote(client, TASK, second)
    assert aliases(client) == (second, first), "promoting the champion changes nothing"

    assert roll_back(client, TASK, "kitchens became pools") == first
    assert aliases(client) == (first, second)
    tags = client.get_model_version(TASK, second).tags
    assert tags["rolled_back.reason"] == "kitchens became pools"


@pytest.mark.parametrize("passed", [False, None])
def test_what_did_not_pass_its_gates_cannot_be_promoted(
    client: MlflowClient, register_version: Register, passed: bool | None
) -> None:
    version = register_version(passed=passed)
    with pytest.raises(BadInput, match=r"never judged|gates are closed"):
        promote(client, TASK, version)
    assert aliases(client) == (None, None)


def test_there_is_no_way_back_from_the_first_version(
    client: MlflowClient, register_version: Register
) -> None:
    promote(client, TASK, register_version())
    with pytest.raises(BadInput, match="no previous version"):
        roll_back(client, TASK, "no reason")


def test_a_version_that_only_other_gates_passed_is_not_promoted_unless_they_are_allowed(
    client: MlflowClient, register_version: Register, tmp_path: Path
) -> None:
    file = tmp_path / "smoke_gates.yaml"
    file.write_text("- {figure: test/top1, at_least: 0.1, why: easy}\n")
    version = register_version(gates=file)
    digest = digest_of([file])
    with pytest.raises(BadInput, match=rf"smoke_gates.yaml.*name {digest} in ALLOW_GATES"):
        promote(client, TASK, version)
    settings = Settings(allow_gates=(digest,))
    promote(client, TASK, version, Admission.of(settings))
    assert aliases(client) == (version, None)


@pytest.mark.parametrize("test_set", ["e" * 64, None])
def test_a_version_judged_on_another_test_set_is_not_promoted_unless_that_is_allowed(
    client: MlflowClient, register_version: Register, test_set: str | None
) -> None:
    version = register_version()
    if test_set is None:
        client.delete_model_version_tag(TASK, version, TEST_SET)
        with pytest.raises(BadInput, match="on which test set"):
            promote(client, TASK, version)
        return
    client.set_model_version_tag(TASK, version, TEST_SET, test_set)
    with pytest.raises(BadInput, match="ALLOW_TEST_SETS"):
        promote(client, TASK, version)
    promote(client, TASK, version, Admission.of(Settings(allow_test_sets=(test_set,))))
    assert aliases(client) == (version, None)


def test_going_back_asks_for_the_licence_again(
    client: MlflowClient, register_version: Register
) -> None:
    settings = Settings(environment="development")
    first, second = register_version(licence="research"), register_version(gain=4.0)
    for version in (first, second):
        promote(client, TASK, version, Admission.of(settings))
    production = settings.model_copy(update={"environment": "production"})
    with pytest.raises(BadInput, match="ALLOW_LICENCES"):
        roll_back(client, TASK, "kitchens", Admission.of(production))
    assert aliases(client) == (second, first)
    allowed = production.model_copy(update={"allow_licences": ("research",)})
    assert roll_back(client, TASK, "kitchens", Admission.of(allowed)) == first


def test_the_shipped_test_set_is_the_one_that_the_standard_gates_were_made_for() -> None:
    frozen = Path(__file__).parents[2] / "datasets" / "rooms" / "frozen_test.csv"
    assert standard_test_set(TASK) == hashlib.sha256(frozen.read_bytes()).hexdigest()
