"""A new model goes through the whole loop, and brings only what is its own."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest
from sqlalchemy import Engine

from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor, or_raise
from serving.models.remote import RemotePredictor
from serving.models.routing import CHAMPION
from serving.models.slots import read_slots
from serving.settings import Settings
from serving.storage.objects import Storage
from serving.tasks import TASKS
from tests.colour_studio import freeze, write_dataset, write_photos
from tests.fakes import GREEN, RED, photo
from tests.model_host import ModelHost
from tests.toy_task.task import BRIGHTNESS
from tests.whole_loop import point_to, run_job

ROOT = Path(__file__).resolve().parents[1]
OWN_GATES = ROOT / "tests" / "toy_task" / "gates" / "brightness.yaml"
MOST_PLACES = 8


@pytest.fixture
def studio(
    registry_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A studio that has the toy's data, knows its task and allows its gates."""
    from registry.judge import FOLDER, digest_of

    photos, dataset = write_photos(tmp_path / "data"), tmp_path / "datasets" / "brightness"
    write_dataset(dataset)
    freeze(dataset, photos, tmp_path / "cache")
    monkeypatch.setitem(cast("dict[str, Any]", TASKS), BRIGHTNESS.name, BRIGHTNESS)
    gates = json.dumps([digest_of([FOLDER / "common.yaml", OWN_GATES])])
    others = {"BENTOML_HOME": tmp_path / "bentoml", "ALLOW_GATES": gates}
    return point_to(monkeypatch, registry_settings, photos, dataset.parent, others)


def retrain() -> dg.ExecuteInProcessResult:
    """Run the job that the factory makes of the toy's recipe."""
    from registry.judge import FOLDER
    from tests.toy_task.recipe import TOY

    return run_job(TOY, "retrain_brightness", [FOLDER / "common.yaml", OWN_GATES])


def build_bentos() -> None:
    """Run `python -m bentos.build` in a process that knows the toy's task, too."""
    code = (
        "from serving.tasks import TASKS; from tests.toy_task.task import BRIGHTNESS; "
        "TASKS[BRIGHTNESS.name] = BRIGHTNESS; from bentos.build import main; main()"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("studio")
def test_a_toy_model_is_trained_judged_published_and_served(
    engine: Engine, storage: Storage, tmp_path: Path
) -> None:
    assert retrain().success
    published = read_slots(engine)[BRIGHTNESS.name, CHAMPION]
    models = LocalModels(storage, tasks={BRIGHTNESS.name: BRIGHTNESS})
    models.apply(read_slots(engine))
    asked = [photo(RED), photo(GREEN)]
    inline = LocalPredictor(models).predict(BRIGHTNESS, asked)
    host = ModelHost(BRIGHTNESS, models)
    served = RemotePredictor(host.url).predict(BRIGHTNESS, asked)
    host.close()
    for found in (inline, served):
        first, second = (or_raise(one) for one in found)
        assert first.answer.score == pytest.approx(30, abs=3), "it has learnt how bright photos are"
        assert second.answer.score == pytest.approx(45, abs=4)
    build_bentos()
    baked = list((tmp_path / "bentoml").rglob("models/brightness/model.onnx"))
    assert len(baked) == 2, "the gateway and the worker carry it"
    digests = {hashlib.sha256(file.read_bytes()).hexdigest() for file in baked}
    assert digests == {published.model_sha256}
    _mlflow_answers_alike(published.version, or_raise(inline[0]).answer.score)


def _mlflow_answers_alike(version: str, score: float) -> None:
    import mlflow
    import pandas as pd

    model = mlflow.pyfunc.load_model(f"models:/{BRIGHTNESS.name}/{version}")
    answer = model.predict(pd.DataFrame({"photo": [photo(RED).data]}))
    assert answer["score"][0] == pytest.approx(score)


def test_contributing_names_every_place_of_a_new_model_and_they_are_few() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text.partition("## Add a model")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert 1 <= len(rows) <= MOST_PLACES
    for row in rows:
        example = row.split("|")[3]
        paths = re.findall(r"`([^`]+)`", example)
        assert paths, row
        assert [path for path in paths if not (ROOT / path).exists()] == []
