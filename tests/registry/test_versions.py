import hashlib
import math
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from registry.client import open_experiment
from registry.versions import MODEL_SHA256, log_figures, read_figures, read_files, register
from serving.card import ModelCard
from serving.errors import BadInput
from serving.image import PhotoFile
from serving.models.predictor import LocalPredictor, Prediction
from serving.models.session import OnnxSession
from serving.photos.classify import ROOM_CLASSIFIER
from serving.settings import Settings
from tests.fakes import BLUE, GREEN, RED, TASK, FixedModels, colour_card, colour_model, jpeg, png
from tests.registry.conftest import Register

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def test_what_is_registered_comes_back_and_computes_the_same(
    client: MlflowClient, register_version: Register
) -> None:
    version = register_version(temperature=2.5)
    files = read_files(client.get_model_version(TASK, version))
    pixels = np.random.default_rng(0).integers(0, 255, (3, 16, 16, 3), np.uint8)
    found, expected = (
        OnnxSession(model)({"pixels": pixels})["logits"] for model in (files.model, colour_model())
    )
    assert np.array_equal(found, expected)
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


def test_figures_are_one_table_and_only_the_chief_ones_are_charts(
    client: MlflowClient, register_version: Register
) -> None:
    run_id = str(client.get_model_version(TASK, register_version()).run_id)
    figures = {"test/top1": 0.9, "test/top1.low": 0.8, "slice/label/pool/top1": 0.7, "x": math.nan}
    log_figures(client, run_id, figures, b"")
    assert client.get_run(run_id).data.metrics == {"test/top1": 0.9}
    found = read_figures(client, run_id)
    assert math.isnan(found.pop("x"))
    assert found == {name: value for name, value in figures.items() if name != "x"}


def test_only_the_model_that_was_measured_can_be_registered(
    client: MlflowClient, registry_settings: Settings
) -> None:
    run_id = client.create_run(open_experiment(client, registry_settings, "any")).info.run_id
    log_figures(client, run_id, {"test/top1": 0.9}, colour_model(gain=8.0))
    with pytest.raises(BadInput, match="are those of the model"):
        register(client, run_id, colour_model(gain=4.0), colour_card())
    version = register(client, run_id, colour_model(gain=8.0), colour_card())
    digest = hashlib.sha256(colour_model(gain=8.0)).hexdigest()
    assert client.get_model_version(TASK, version).tags[MODEL_SHA256] == digest


def test_mlflow_answers_with_labels_and_the_scores_that_serving_gives(
    client: MlflowClient, register_version: Register
) -> None:
    version = client.get_model_version(TASK, register_version(temperature=2.5))
    model = mlflow.pyfunc.load_model(f"models:/{TASK}/{version.version}")
    photos = [jpeg(RED), png(GREEN), jpeg(BLUE, 400, 300)]
    answers = model.predict(pd.DataFrame({"photo": photos})).to_dict("records")
    card = colour_card(temperature=2.5)
    predictor = LocalPredictor(FixedModels(OnnxSession(colour_model()), card))
    files = [PhotoFile(photo, 10**6) for photo in photos]
    expected = predictor.predict(ROOM_CLASSIFIER, files)
    for answer, served in zip(answers, expected, strict=True):
        assert isinstance(served, Prediction)
        assert answer["room_type"] == served.answer.room_type
        assert answer["scores"] == pytest.approx(served.answer.scores)
        assert answer["confident"] == served.answer.confident
    assert [answer["room_type"] for answer in answers] == ["red", "green", "blue"]


def test_a_version_carries_an_example_to_send_and_what_it_is_and_needs(
    client: MlflowClient, register_version: Register
) -> None:
    version = client.get_model_version(TASK, register_version())
    model = mlflow.pyfunc.load_model(f"models:/{TASK}/{version.version}")
    example = model.input_example
    assert isinstance(example["photo"][0], bytes)
    assert model.predict(example)["room_type"][0] in {"red", "green", "blue"}
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{TASK}/{version.version}"))
    needed = (folder / "requirements.txt").read_text().splitlines()
    names = {line.partition("==")[0] for line in needed}
    assert {"numpy", "pillow", "simplejpeg", "pydantic"} <= names
    assert any(name.startswith("onnxruntime") for name in names)
    assert "torch" not in names
    assert any(line.startswith("pyvips[binary]==") for line in needed), (
        "an extra brings the library"
    )
    assert version.tags["commit"] == colour_card().git_commit
    assert "champion" in client.get_registered_model(TASK).description


def test_a_model_that_mlflow_serves_needs_neither_this_checkout_nor_torch(
    client: MlflowClient, register_version: Register, tmp_path: Path
) -> None:
    version = client.get_model_version(TASK, register_version())
    uri = f"models:/{TASK}/{version.version}"
    folder = mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path))
    code = (
        "import sys, mlflow; "
        f"sys.path = [path for path in sys.path if path != {str(ROOT)!r}]; "
        "sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f)]; "
        f"model = mlflow.pyfunc.load_model({folder!r}); "
        "print(model.predict(model.input_example)['room_type'][0]); "
        f"import serving; assert serving.__file__.startswith({folder!r}), serving.__file__; "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in {"red", "green", "blue"}
