from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster_aws.s3 import S3PickleIOManager

from dagster_project.definitions import definitions
from dagster_project.defs.resources import Studio, values_io_manager
from dagster_project.defs.rooms.data import raw_photos
from registry.admission import Admission
from registry.gates import SMOKE as SMOKE_GATES
from registry.gates import digest_of
from serving.settings import Settings
from training.room_classifier.config import SMOKE, TrainingConfig

ROOT = Path(__file__).resolve().parents[2]
STEPS = (
    "raw_photos", "photo_table", "photo_splits", "trained_classifier", "exported_models",
    "evaluation", "registered_version", "champion", "gateway_bento",
)  # fmt: skip


@pytest.fixture(scope="module")
def loaded() -> dg.Definitions:
    return definitions()


def test_everything_below_defs_is_found_and_fits_together(loaded: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(loaded)
    keys = {key.to_user_string() for key in loaded.resolve_all_asset_keys()}
    assert keys == {*STEPS, "searched_recipe", "listing_films", "warm_clips"}


def test_raw_photos_come_before_all_and_the_bento_after(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    order = [key.to_user_string() for key in graph.toposorted_asset_keys]
    assert [name for name in order if name in STEPS] == list(STEPS)


def test_bad_data_and_closed_gates_block_what_comes_after(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    blocking = {
        (key.asset_key.to_user_string(), key.name)
        for key in graph.asset_check_keys
        if graph.get_check_spec(key).blocking
    }
    assert blocking == {("photo_table", "expectations"), ("registered_version", "gates")}


def test_what_people_start_and_what_starts_itself_is_there(loaded: dg.Definitions) -> None:
    jobs = {job.name for job in loaded.resolve_all_job_defs()}
    assert {"retrain", "retrain_smoke", "search_hyperparameters", "promote", "roll_back"} <= jobs
    assert loaded.get_schedule_def("weekly_retrain").job_name == "retrain"
    assert loaded.get_sensor_def("publish_aliases").name == "publish_aliases"


def test_values_go_to_the_bucket_when_the_storage_is_s3(tmp_path: Path) -> None:
    in_s3 = values_io_manager(Settings(studio_home=tmp_path, storage_url="s3://b/studio/"))
    assert isinstance(in_s3, S3PickleIOManager)
    assert (in_s3.s3_bucket, in_s3.s3_prefix) == ("b", "studio/dagster")
    assert isinstance(values_io_manager(Settings(studio_home=tmp_path)), dg.FilesystemIOManager)


def test_the_instance_is_postgres_watched_and_quiet() -> None:
    config = yaml.safe_load((ROOT / "dagster_project" / "dagster.yaml").read_text())
    assert config["storage"]["postgres"]["postgres_url"] == {"env": "DAGSTER_POSTGRES_URL"}
    assert config["run_monitoring"]["enabled"]
    assert config["run_monitoring"]["free_slots_after_run_end_seconds"] > 0
    assert not config["telemetry"]["enabled"]


def test_the_definitions_load_without_torch() -> None:
    """It is a gigabyte in every process of Dagster that only lists what there is to run."""
    import subprocess
    import sys

    code = (
        "import sys; from dagster_project.definitions import definitions; definitions(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def fields_of(node: object) -> dict[str, Any]:
    """Return the fields that the launchpad shows of a step."""
    fields: dict[str, Any] = getattr(node.config_schema.config_type, "fields", {})  # type: ignore[attr-defined]
    return fields


def test_the_training_is_told_its_settings_once(loaded: dg.Definitions) -> None:
    """An evaluation that took them too could make a card that names another backbone."""
    takes = {
        key.to_user_string()
        for key in loaded.resolve_all_asset_keys()
        if "backbone" in fields_of(loaded.resolve_assets_def(key).op)
    }
    assert takes == {"trained_classifier"}


@pytest.mark.parametrize(
    "name",
    ["retrain", "retrain_smoke", "search_hyperparameters", "promote", "roll_back", "render_films"],
)
def test_every_field_of_the_launchpad_is_described(loaded: dg.Definitions, name: str) -> None:
    nodes = loaded.resolve_job_def(name).graph.node_defs
    fields = {
        f"{node.name}.{field}": value.description
        for node in nodes
        for field, value in fields_of(node).items()
    }
    studio = Studio.to_config_schema().config_type.fields  # type: ignore[union-attr]
    fields |= {f"studio.{field}": value.description for field, value in studio.items()}
    assert [field for field, told in fields.items() if not told] == []


def test_full_and_smoke_are_presets_of_the_launchpad(loaded: dg.Definitions) -> None:
    full, smoke = (
        loaded.resolve_job_def(name).run_config or {} for name in ("retrain", "retrain_smoke")
    )
    of_full = full["ops"]["trained_classifier"]["config"]
    assert TrainingConfig.model_validate(of_full) == TrainingConfig()
    assert TrainingConfig.model_validate(smoke["ops"]["trained_classifier"]["config"]) == SMOKE
    assert smoke["ops"]["registered_version_gates"]["config"]["file"] == str(SMOKE_GATES)


def test_a_smoke_run_cannot_promote(loaded: dg.Definitions) -> None:
    steps = {node.name for node in loaded.resolve_job_def("retrain_smoke").graph.node_defs}
    assert "registered_version" in steps
    assert not steps & {"champion", "gateway_bento"}
    assert digest_of(SMOKE_GATES) not in Admission().gates


def test_without_a_database_the_first_step_says_what_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a plain `dg dev`, beside which nothing else runs."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    studio = Studio(studio_home=str(tmp_path / "home"))
    result = dg.materialize([raw_photos], resources={"studio": studio}, raise_on_error=False)
    (failed,) = (event for event in result.all_events if event.event_type_value == "STEP_FAILURE")
    told = str(failed.event_specific_data)
    assert "make dev" in told
    assert "python -m serving.db.postgres" in told
