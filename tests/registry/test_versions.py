import numpy as np
import pytest
from mlflow import MlflowClient

from registry.promote import promote
from registry.versions import read_champion, read_files
from serving.card import ModelCard
from serving.models.rooms import TASK
from serving.models.session import OnnxSession
from tests.fakes import colour_card, colour_model
from tests.registry.conftest import Register

pytestmark = pytest.mark.slow


def test_what_is_registered_comes_back_and_computes_the_same(
    client: MlflowClient, register_version: Register
) -> None:
    version = register_version(temperature=2.5)
    files = read_files(client.get_model_version(TASK, version))
    pixels = np.random.default_rng(0).integers(0, 255, (3, 16, 16, 3), np.uint8)
    assert np.array_equal(OnnxSession(files.model)(pixels), OnnxSession(colour_model())(pixels))
    assert ModelCard.model_validate_json(files.card) == colour_card(temperature=2.5)


def test_a_version_says_what_it_is_to_who_looks_at_its_page(
    client: MlflowClient, register_version: Register
) -> None:
    number = register_version(passed=False, metrics={"test/top1": 0.8734})
    version = client.get_model_version(TASK, number)
    assert "| test/top1 | 0.8734 |" in (version.description or "")
    assert version.tags["gate.verdict"] == "failed"
    assert version.tags["gate.reasons"] == "test/top1 is 0.2"
    assert version.tags["licence"] == "Apache-2.0"


def test_read_champion_is_none_before_there_is_one(
    client: MlflowClient, register_version: Register
) -> None:
    assert read_champion(client, TASK) is None
    version = register_version()
    assert read_champion(client, TASK) is None
    promote(client, TASK, version)
    assert read_champion(client, TASK) is not None
