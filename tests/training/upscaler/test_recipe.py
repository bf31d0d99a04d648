"""The upscaler goes through the whole loop, from photos to a judged version."""

from pathlib import Path

import dagster as dg
import pytest

from serving.settings import Settings
from tests.colour_studio import freeze, write_dataset, write_photos

pytestmark = pytest.mark.slow


@pytest.fixture
def studio(
    registry_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    from training.upscaler.recipe import UPSCALING

    photos, dataset = write_photos(tmp_path / "data"), tmp_path / "datasets" / UPSCALING.dataset
    write_dataset(dataset)
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
    from training.upscaler.recipe import UPSCALING

    studio = Studio()
    values = values_io_manager(studio.settings())
    shared = dg.Definitions(resources={"studio": studio, "io_manager": values})
    job = dg.Definitions.merge(model_definitions(UPSCALING), shared).resolve_job_def(
        "retrain_smoke_upscaler"
    )
    gates = [str(file) for file in smoke(UPSCALING.name)]
    config = UPSCALING.made_by.smoke.model_dump() | {"workers": 0, "accelerator": "cpu"}  # type: ignore[union-attr]
    ops = {
        "upscaler__trained_model": {"config": config},
        "upscaler__registered_version_gates": {"config": {"files": gates}},
    }
    return job.execute_in_process(run_config={"ops": ops})


@pytest.mark.usefixtures("studio")
def test_the_smoke_job_trains_judges_and_registers_it() -> None:
    from registry.client import open_client
    from registry.versions import REASONS, VERDICT, read_files
    from serving.card import ModelCard, Picture
    from serving.environment import read_settings

    assert run_smoke().success
    (version,) = open_client(read_settings()).search_model_versions("name='upscaler'")
    assert version.tags[VERDICT] == "passed", version.tags.get(REASONS)
    card = ModelCard.model_validate_json(read_files(version).card)
    assert card.output_as(Picture).scale == 2
    assert card.parameters["reach"] == 3
