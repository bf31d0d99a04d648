"""The segmenter goes through the whole loop: from photos and a teacher to a judged version."""

import hashlib
from pathlib import Path

import dagster as dg
import pytest
import yaml

from serving.settings import Settings
from tests.colour_studio import freeze, write_dataset, write_photos
from tests.training.segmenter.toy_teacher import SIDE, toy_teacher

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
    for name, value in {
        "STUDIO_HOME": registry_settings.home(),
        "DATABASE_URL": registry_settings.database_url,
        "MLFLOW_TRACKING_URI": registry_settings.mlflow_tracking_uri,
        "STUDIO_DATA": photos,
        "STUDIO_DATASETS": dataset.parent,
    }.items():
        monkeypatch.setenv(name, str(value))
    return registry_settings


def run_smoke() -> dg.ExecuteInProcessResult:
    from dagster_project.defs.models.factory import model_definitions
    from dagster_project.studio import Studio, values_io_manager
    from registry.judge import smoke
    from training.segmenter.recipe import SEGMENTATION

    studio = Studio()
    values = values_io_manager(studio.settings())
    shared = dg.Definitions(resources={"studio": studio, "io_manager": values})
    definitions = dg.Definitions.merge(model_definitions(SEGMENTATION), shared)
    job = definitions.resolve_job_def("retrain_smoke_segmenter")
    settings = {"weights": "none", "workers": 0, "accelerator": "cpu", "side": 64}
    gates = [str(file) for file in smoke(SEGMENTATION.name)]
    ops = {
        "segmenter__trained_model": {"config": settings | {"train_side": 64, "epochs": 1}},
        "segmenter__registered_version_gates": {"config": {"files": gates}},
    }
    return job.execute_in_process(run_config={"ops": ops})


@pytest.mark.usefixtures("studio")
def test_the_smoke_job_trains_judges_and_registers_it() -> None:
    from registry.client import open_client
    from registry.versions import REASONS, VERDICT
    from serving.environment import read_settings

    assert run_smoke().success
    (version,) = open_client(read_settings()).search_model_versions("name='segmenter'")
    assert version.tags[VERDICT] == "passed", version.tags.get(REASONS)
