"""The segmenter goes through the whole loop: from photos and a teacher to a judged version."""

import hashlib
from pathlib import Path

import dagster as dg
import pytest
import yaml

from serving.settings import Settings
from tests.colour_studio import freeze, write_dataset, write_photos
from tests.training.segmenter.toy_teacher import SIDE, toy_teacher
from tests.whole_loop import point_to, run_job

pytestmark = pytest.mark.slow


@pytest.fixture
def studio(
    registry_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    photos, dataset = write_photos(tmp_path / "data"), tmp_path / "datasets" / "segmentation"
    write_dataset(dataset)
    model = toy_teacher()
    (photos / "teacher.onnx").write_bytes(model)
    named = {"location": "teacher.onnx", "sha256": hashlib.sha256(model).hexdigest(), "side": SIDE}
    (dataset / "teacher.yaml").write_text(yaml.safe_dump(named | {"licence": "own"}))
    freeze(dataset, photos, tmp_path / "cache")
    return point_to(monkeypatch, registry_settings, photos, dataset.parent)


def run_smoke() -> dg.ExecuteInProcessResult:
    from registry.judge import smoke
    from training.segmenter.recipe import SEGMENTATION

    config = {"weights": "none", "workers": 0, "accelerator": "cpu", "side": 64}
    config |= {"train_side": 64, "epochs": 1, "drawn_scenes": 1}
    return run_job(SEGMENTATION, "retrain_smoke_segmenter", smoke(SEGMENTATION.name), config)


@pytest.mark.usefixtures("studio")
def test_the_smoke_job_trains_judges_and_registers_it() -> None:
    from registry.client import open_client
    from registry.versions import REASONS, VERDICT
    from serving.environment import read_settings

    assert run_smoke().success
    (version,) = open_client(read_settings()).search_model_versions("name='segmenter'")
    assert version.tags[VERDICT] == "passed", version.tags.get(REASONS)
