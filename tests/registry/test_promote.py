import pytest
from mlflow import MlflowClient

from registry.promote import promote, roll_back
from registry.versions import CHAMPION, PREVIOUS, find_alias
from serving.errors import BadInput
from serving.models.rooms import TASK
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
    with pytest.raises(BadInput, match="has not passed its gates"):
        promote(client, TASK, version)
    assert aliases(client) == (None, None)


def test_there_is_no_way_back_from_the_first_version(
    client: MlflowClient, register_version: Register
) -> None:
    promote(client, TASK, register_version())
    with pytest.raises(BadInput, match="no previous version"):
        roll_back(client, TASK, "no reason")
