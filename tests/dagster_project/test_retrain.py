import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from sqlalchemy import select

from dagster_project.definitions import definitions
from serving.db.canary_tables import Ramp
from serving.db.engine import open_engine
from serving.models.routing import CHALLENGER, CHAMPION
from serving.models.slots import read_slots
from serving.settings import Settings
from tests.dagster_project.conftest import KEY
from tests.fakes import TASK

pytestmark = pytest.mark.slow

SETTINGS = {
    "backbone": "test_efficientnet",
    "weights": "none",
    "side": 64,
    "train_side": 64,
    "frozen_stages": 0,
    "epochs": 3,
    "batch_size": 8,
    "learning_rate": 3e-3,
    "workers": 0,
    "average_decay": 0.5,
    "accelerator": "cpu",
}
GATES = [
    {"figure": "data/validated", "at_least": 1, "why": "bad data is worth nothing"},
    {"figure": "test/top1.low", "at_least": 0.7, "why": "colours are easy"},
    {"figure": "onnx/parity", "at_most": 0.001, "why": "it is the same network"},
]


@pytest.fixture
def gates_file(tmp_path: Path) -> Path:
    file = tmp_path / "gates.yaml"
    file.write_text(yaml.safe_dump(GATES))
    return file


def retrain(gates_file: Path) -> dg.ExecuteInProcessResult:
    ops: dict[str, Any] = {
        "room_classifier__trained_model": {"config": SETTINGS},
        "room_classifier__registered_version_gates": {"config": {"files": [str(gates_file)]}},
    }
    job = definitions().resolve_job_def("retrain_room_classifier")
    return job.execute_in_process(run_config={"ops": ops}, raise_on_error=False)


def run_job(name: str, op: str, **config: str) -> dg.ExecuteInProcessResult:
    config = {"task": TASK} | config
    job = definitions().resolve_job_def(name)
    return job.execute_in_process(
        run_config={"ops": {op: {"config": config}}}, raise_on_error=False
    )


def allow(monkeypatch: pytest.MonkeyPatch, gates_file: Path) -> None:
    """Let the operator allow these gates and the test set of the colours."""
    from registry.judge import digest_of
    from training.data.settings import DataSettings

    frozen = DataSettings().dataset_folder() / "frozen_test.csv"
    already = json.loads(os.environ.get("ALLOW_GATES", "[]"))
    monkeypatch.setenv("ALLOW_GATES", json.dumps([*already, digest_of([gates_file])]))
    monkeypatch.setenv("ALLOW_TEST_SETS", json.dumps([digest_of([frozen])]))


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    (made,) = (
        event.step_materialization_data.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey([KEY, asset])
    )
    return {name: value.value for name, value in made.metadata.items()}


def ran(result: dg.ExecuteInProcessResult) -> set[str]:
    steps = {event.step_key for event in result.get_step_success_events() if event.step_key}
    return {step.removeprefix(f"{KEY}__") for step in steps}


def published(settings: Settings) -> str | None:
    engine = open_engine(settings)
    row = read_slots(engine).get((TASK, CHAMPION))
    engine.dispose()
    return row.version if row else None


def test_raw_photos_become_a_served_version_and_aliases_are_all_it_takes_to_change_it(
    studio: Settings, gates_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.client import open_client
    from registry.versions import read_files

    monkeypatch.setenv("BENTOML_HOME", str(studio.home() / "bentoml"))
    first = retrain(gates_file)
    assert not first.success, "neither the gates nor the test set are the standard ones"
    assert "registered_version" in ran(first)
    assert "released" not in ran(first)
    assert published(studio) is None
    allow(monkeypatch, gates_file)
    assert run_job("promote", "promote_version", version="1").success
    assert published(studio) == "1"
    client = open_client(studio)
    version = client.get_model_version(TASK, "1")
    card = json.loads(read_files(version).card)
    assert card["backbone"] == "test_efficientnet", "the card names what was trained"
    assert card["input"]["height"] == 64
    shown = metadata_of(first, "evaluation")
    assert isinstance(shown["test/top1"], float), "Dagster plots numbers"
    assert shown["data/validated"] == shown["test/frozen_share"] == 1.0
    assert "colours/" in shown["worst mistakes by name"] or shown["test/top1"] == 1.0
    assert version.tags["gate.verdict"] == "passed"
    served = hashlib.sha256(read_files(version).model).hexdigest()
    assert served == shown["SHA-256 of the model"], "what was measured is what is registered"
    assert served == read_slots(open_engine(studio))[TASK, CHAMPION].model_sha256
    run_id = str(version.run_id)
    run = client.get_run(run_id)
    assert run.data.metrics["test/top1"] > 0.8
    assert run.data.params["backbone"] == "test_efficientnet"
    logged = {"train/loss", "val/top1", "system/cpu_utilization_percentage"}
    assert logged <= run.data.metrics.keys()
    figures = {file.path for file in client.list_artifacts(run_id, "figures")}
    assert "figures/confusion.png" in figures

    _a_closed_gate_holds_until_the_verdict_is_changed_by_hand(studio, gates_file, monkeypatch)
    assert run_job("roll_back", "roll_back_version", reason="worse on kitchens").success
    assert published(studio) == "1"
    _what_passes_beside_a_champion_begins_as_its_shadow(studio, gates_file)


def _what_passes_beside_a_champion_begins_as_its_shadow(studio: Settings, gates_file: Path) -> None:
    from registry.client import open_client
    from registry.forecast import read_forecast
    from serving.models.slots import Mode

    gates_file.write_text(yaml.safe_dump(GATES))
    third = retrain(gates_file)
    assert third.success
    slots = read_slots(open_engine(studio))
    champion, beside = slots[TASK, CHAMPION], slots[TASK, CHALLENGER]
    assert (champion.version, beside.version) == ("1", "3"), "nobody is promoted by a retraining"
    assert (beside.mode, beside.weight) == (Mode.SHADOW, 0)
    shown = metadata_of(third, "released")
    assert (shown["slot"], shown["version"]) == ("challenger", "3")
    version = open_client(studio).get_model_version(TASK, "3")
    forecast = read_forecast(version, champion.model_sha256)
    assert forecast is not None
    assert forecast["groups"]["*"]["n"] > 10
    assert read_forecast(version, "0" * 64) is None, "beside another champion it does not hold"
    with open_engine(studio).connect() as connection:
        ramp = connection.execute(select(Ramp)).one()
    assert (ramp.version, ramp.champion, ramp.state) == ("3", "1", "running")
    assert ramp.forecast == forecast


def _a_closed_gate_holds_until_the_verdict_is_changed_by_hand(
    studio: Settings, gates_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.client import open_client

    client = open_client(studio)
    closed = [*GATES, {"figure": "test/top1", "at_least": 1.1, "why": "nothing is this good"}]
    gates_file.write_text(yaml.safe_dump(closed))
    second = retrain(gates_file)
    assert not second.success
    assert "registered_version" in ran(second)
    assert "released" not in ran(second)
    assert published(studio) == "1"
    assert "nothing is this good" in client.get_model_version(TASK, "2").tags["gate.reasons"]

    assert not run_job("promote", "promote_version", version="2").success
    client.set_model_version_tag(TASK, "2", "gate.verdict", "passed")
    allow(monkeypatch, gates_file)
    assert run_job("promote", "promote_version", version="2").success
    assert published(studio) == "2"


def test_broken_data_stops_before_anything_is_trained(
    studio: Settings, photos: Path, gates_file: Path
) -> None:
    for photo in sorted((photos / "colours" / "red").iterdir())[:20]:
        photo.write_bytes(photo.read_bytes()[:200])
    shutil.rmtree(photos / "colours" / "green")
    result = retrain(gates_file)
    assert not result.success
    assert "trained_model" not in ran(result)
    (check,) = (event for event in result.get_asset_check_evaluations() if not event.passed)
    assert "cannot be decoded" in (check.description or "")
    assert list((studio.home() / "data" / "rooms" / "docs").glob("*/index.html"))
    assert "rows are in quarantine" in (check.description or "")
    assert "colours/red/000.jpg" in str(check.metadata["quarantined rows"].value)
    assert published(studio) is None
