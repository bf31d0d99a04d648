"""The finisher goes through the whole loop, from photos to a judged version."""

from pathlib import Path

import dagster as dg
import pytest

from serving.settings import Settings
from tests.colour_studio import freeze, write_dataset, write_photos
from tests.whole_loop import point_to, run_job

pytestmark = pytest.mark.slow


@pytest.fixture
def studio(
    registry_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    from training.photo_finisher.recipe import FINISHING

    photos, dataset = write_photos(tmp_path / "data"), tmp_path / "datasets" / FINISHING.dataset
    write_dataset(dataset)
    freeze(dataset, photos, tmp_path / "cache")
    return point_to(monkeypatch, registry_settings, photos, dataset.parent)


def run_smoke() -> dg.ExecuteInProcessResult:
    from registry.judge import smoke
    from training.photo_finisher.recipe import FINISHING

    config = FINISHING.made_by.smoke.model_dump() | {"workers": 0, "accelerator": "cpu"}  # type: ignore[union-attr]
    return run_job(FINISHING, "retrain_smoke_photo_finisher", smoke(FINISHING.name), config)


@pytest.mark.usefixtures("studio")
def test_the_smoke_job_trains_judges_and_registers_it() -> None:
    from registry.client import open_client
    from registry.versions import REASONS, VERDICT, read_files
    from serving.card import Curves, ModelCard
    from serving.environment import read_settings

    assert run_smoke().success
    (version,) = open_client(read_settings()).search_model_versions("name='photo-finisher'")
    assert version.tags[VERDICT] == "passed", version.tags.get(REASONS)
    card = ModelCard.model_validate_json(read_files(version).card)
    assert card.output_as(Curves).points == 9
