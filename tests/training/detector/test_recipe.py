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
from tests.whole_loop import point_to, run_job
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
    return point_to(monkeypatch, registry_settings, photos, dataset.parent)


def run_smoke(
    recipe: Recipe[Any], config: dict[str, object] | None = None
) -> dg.ExecuteInProcessResult:
    from registry.judge import smoke

    return run_job(recipe, "retrain_smoke_detector", smoke(recipe.name), config)


@pytest.mark.usefixtures("studio")
def test_the_smoke_job_trains_judges_and_registers_it() -> None:
    from registry.client import open_client
    from registry.versions import REASONS, VERDICT
    from serving.environment import read_settings

    settings = {"weights": "none", "workers": 0, "accelerator": "cpu", "side": 64}
    config = settings | {"train_side": 64, "epochs": 1, "width": 16}
    assert run_smoke(DETECTION, config).success
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
    assert run_smoke(replace(DETECTION_YOLOX, made_by=weights)).success
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
