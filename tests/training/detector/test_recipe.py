"""A detector goes through the whole loop, trained here or taken in: to a judged version."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from serving.settings import Settings
from tests.colour_studio import freeze, write_dataset, write_photos
from tests.training.detector.toy_teachers import toy_yolox, write_teachers
from training.detector.recipe import DETECTION, DETECTION_YOLOX
from training.recipe import OutsideWeights, Recipe

pytestmark = pytest.mark.slow


@pytest.fixture
def studio(
    registry_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    photos, dataset = write_photos(tmp_path / "data"), tmp_path / "datasets" / "detection"
    write_dataset(dataset)
    write_teachers(photos, dataset)
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


def run_smoke(recipe: Recipe[Any], config: dict[str, object]) -> dg.ExecuteInProcessResult:
    from dagster_project.defs.models.factory import model_definitions
    from dagster_project.studio import Studio, values_io_manager
    from registry.judge import smoke

    studio = Studio()
    values = values_io_manager(studio.settings())
    shared = dg.Definitions(resources={"studio": studio, "io_manager": values})
    definitions = dg.Definitions.merge(model_definitions(recipe), shared)
    job = definitions.resolve_job_def("retrain_smoke_detector")
    gates = [str(file) for file in smoke(recipe.name)]
    ops = {"detector__registered_version_gates": {"config": {"files": gates}}} | config
    return job.execute_in_process(run_config={"ops": ops})


@pytest.mark.usefixtures("studio")
def test_the_smoke_job_trains_judges_and_registers_it() -> None:
    from registry.client import open_client
    from registry.versions import REASONS, VERDICT
    from serving.environment import read_settings

    settings = {"weights": "none", "workers": 0, "accelerator": "cpu", "side": 64}
    config = {"config": settings | {"train_side": 64, "epochs": 1, "width": 16}}
    assert run_smoke(DETECTION, {"detector__trained_model": config}).success
    (version,) = open_client(read_settings()).search_model_versions("name='detector'")
    assert version.tags[VERDICT] == "passed", version.tags.get(REASONS)


@pytest.mark.usefixtures("studio")
def test_weights_from_outside_are_judged_by_the_same_gates_without_training() -> None:
    from registry.client import open_client
    from registry.versions import REASONS, VERDICT
    from serving.environment import read_settings

    assert isinstance(DETECTION_YOLOX.made_by, OutsideWeights)
    digest = hashlib.sha256(toy_yolox()).hexdigest()
    weights = replace(DETECTION_YOLOX.made_by, location="yolox-nano.onnx", sha256=digest)
    assert run_smoke(replace(DETECTION_YOLOX, made_by=weights), {}).success
    (version,) = open_client(read_settings()).search_model_versions("name='detector'")
    assert version.tags[VERDICT] == "passed", version.tags.get(REASONS)
    run = open_client(read_settings()).get_run(str(version.run_id))
    assert run.data.metrics["test/map50"] > 0.9, "it finds what it taught"


def test_dagster_writes_the_dataset_in_yolos_format(studio: Settings) -> None:
    from dagster_project.defs.detection.yolo import write_yolo_dataset, yolo_dataset
    from dagster_project.defs.models.factory import model_definitions
    from dagster_project.studio import Studio, values_io_manager

    resource = Studio()
    values = values_io_manager(resource.settings())
    ours = dg.Definitions(
        assets=[yolo_dataset],
        jobs=[write_yolo_dataset],
        resources={"studio": resource, "io_manager": values},
    )
    definitions = dg.Definitions.merge(model_definitions(DETECTION), ours)
    assert definitions.resolve_job_def("write_yolo_dataset").execute_in_process().success
    (named,) = (studio.home() / "yolo").glob("*/data.yaml")
    lines = [file.read_text() for file in named.parent.glob("labels/train/*.txt")]
    assert len(lines) > 50
    assert all(len(line.splitlines()) == 1 for line in lines), "the sofa of both teachers"
