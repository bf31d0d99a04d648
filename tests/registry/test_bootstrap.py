"""A starter is made of a version, and a fresh registry serves it as version 1."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from registry import bootstrap
from registry.versions import find_alias, log_figures, read_files
from serving.settings import Settings
from tests.fakes import colour_model
from tests.registry.conftest import Register


@pytest.fixture
def starters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(bootstrap, "STARTERS", tmp_path)
    return tmp_path


def test_a_version_becomes_the_starter_of_its_task(
    client: MlflowClient, register_version: Register, starters: Path
) -> None:
    number = register_version()
    (task,) = (model.name for model in client.search_registered_models())
    run = client.get_model_version(task, number).run_id
    log_figures(client, str(run), {"test/top1": 0.9, "train/loss": 0.1, "champion/top1": 0.8}, b"")

    folder = bootstrap.export_starter(client, task, number, starters)

    assert (folder / "model.onnx").read_bytes() == colour_model(8.0)
    assert '"demo": true' in (folder / "card.json").read_text()
    figures = (folder / "figures.json").read_text()
    assert "test/top1" in figures
    assert "train/loss" not in figures, "a curve is no figure of the model"
    assert "champion" not in figures, "nor is somebody else's champion"


def test_a_starter_that_fails_a_gate_is_registered_but_never_promoted(
    client: MlflowClient,
    register_version: Register,
    registry_settings: Settings,
    starters: Path,
) -> None:
    number = register_version()
    (task,) = (model.name for model in client.search_registered_models())
    bootstrap.export_starter(client, task, number, starters)
    (starters / task / "figures.json").write_text("{}")
    client.delete_registered_model(task)

    assert bootstrap.register_starters(client, registry_settings) == [task]

    assert find_alias(client, task, "champion") is None
    version = client.get_model_version(task, "1")
    assert version.tags["gate.verdict"] == "failed"
    assert read_files(version).model == colour_model(8.0)
    assert bootstrap.register_starters(client, registry_settings) == [], "done once"
