import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster_aws.s3 import S3PickleIOManager

from dagster_project.definitions import definitions
from dagster_project.defs.models.data import data_assets
from dagster_project.studio import Studio, values_io_manager
from registry.admission import standard_gates
from registry.judge import digest_of, smoke
from serving.settings import Settings
from training.recipe import TrainingPlan
from training.recipes import RECIPES
from training.room_classifier.recipe import ROOMS

ROOT = Path(__file__).resolve().parents[2]
STEPS = (
    "raw_data", "data_table", "data_splits", "trained_model", "exported_models", "evaluation",
    "registered_version", "released",
)  # fmt: skip
ROOM_STEPS = tuple(f"room_classifier/{name}" for name in STEPS)


@pytest.fixture(scope="module")
def loaded() -> dg.Definitions:
    return definitions()


def test_everything_below_defs_is_found_and_fits_together(loaded: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(loaded)
    keys = {key.to_user_string() for key in loaded.resolve_all_asset_keys()}
    listings = {"classified_listings", "enhanced_listings", "analyzed_listings", "staged_listings"}
    batches = {"listing_films", "warm_clips"} | listings
    shared = {"gateway_bento"} | batches
    assert {key for key in keys if "/" not in key} == shared
    for recipe in RECIPES:
        own = {key for key in keys if key.startswith(f"{recipe.key}/")}
        missing = set() if isinstance(recipe.made_by, TrainingPlan) else {"trained_model"}
        assert {f"{recipe.key}/{name}" for name in STEPS if name not in missing} <= own
    assert "room_classifier/searched_settings" in keys


def test_raw_photos_come_before_all_and_the_bento_after(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    order = [key.to_user_string() for key in graph.toposorted_asset_keys]
    wanted = [*ROOM_STEPS, "gateway_bento"]
    assert [name for name in order if name in wanted] == wanted


def test_bad_data_and_closed_gates_block_what_comes_after(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    blocking = {
        (key.asset_key.to_user_string(), key.name)
        for key in graph.asset_check_keys
        if graph.get_check_spec(key).blocking
    }
    for recipe in RECIPES:
        assert (f"{recipe.key}/data_table", "expectations") in blocking
        assert (f"{recipe.key}/registered_version", "gates") in blocking


def test_what_people_start_and_what_starts_itself_is_there(loaded: dg.Definitions) -> None:
    jobs = {job.name for job in loaded.resolve_all_job_defs()}
    assert {"retrain", "retrain_smoke", "promote", "roll_back"} <= jobs
    assert {f"retrain_{recipe.key}" for recipe in RECIPES} <= jobs
    assert {f"retrain_smoke_{recipe.key}" for recipe in RECIPES} <= jobs
    assert "search_room_classifier" in jobs
    schedule = loaded.get_schedule_def("weekly_retrain_room_classifier")
    assert schedule.job_name == "retrain_room_classifier"
    assert loaded.get_sensor_def("publish_aliases").name == "publish_aliases"
    assert {"stop_ramp", "pause_ramp", "resume_ramp", "approve_ramp", "recall_version"} <= jobs


def test_every_task_has_a_ramp_that_goes_on_by_itself_and_looks_at_most_twice_a_minute(
    loaded: dg.Definitions,
) -> None:
    graph = loaded.resolve_asset_graph()
    for recipe in RECIPES:
        sensor = loaded.get_sensor_def(f"{recipe.key}_ramp")
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        assert sensor.minimum_interval_seconds == 30
        ramp = dg.AssetKey([recipe.key, "ramp"])
        assert not graph.get(ramp).is_executable, "what is observed is not made by a run"
        assert graph.get(ramp).parent_keys == {dg.AssetKey([recipe.key, "released"])}
        checks = {key.name for key in graph.asset_check_keys if key.asset_key == ramp}
        assert checks == {"not_rolled_back", "needs_no_person"}


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
    assert config["run_monitoring"]["max_runtime_seconds"] > 0
    assert not config["telemetry"]["enabled"]


def test_the_definitions_load_without_torch() -> None:
    """It is a gigabyte in every process of Dagster that only lists what there is to run."""
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
        for key in loaded.resolve_asset_graph().executable_asset_keys
        if "backbone" in fields_of(loaded.resolve_assets_def(key).op)
    }
    trained = {one.key for one in RECIPES if isinstance(one.made_by, TrainingPlan)}
    assert takes <= {f"{key}/trained_model" for key in trained}
    assert "room_classifier/trained_model" in takes


@pytest.mark.parametrize(
    "name",
    ["retrain", "retrain_smoke", "search_room_classifier", "promote", "roll_back", "render_films"],
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
    full, small = (
        loaded.resolve_job_def(name).run_config or {} for name in ("retrain", "retrain_smoke")
    )
    for recipe in RECIPES:
        if isinstance(recipe.made_by, TrainingPlan):
            kind, name = type(recipe.made_by.config), f"{recipe.key}__trained_model"
            for config, wanted in ((full, recipe.made_by.config), (small, recipe.made_by.smoke)):
                assert kind.model_validate(config["ops"][name]["config"]) == wanted
        else:
            name, few = f"{recipe.key}__exported_models", recipe.made_by.smoke_per_label
            for config, rows in ((full, None), (small, few)):
                assert config["ops"][name]["config"].get("photos_per_label") == rows
        judged = small["ops"][f"{recipe.key}__registered_version_gates"]["config"]["files"]
        assert judged == [str(file) for file in smoke(recipe.name)]


def test_a_smoke_run_cannot_promote(loaded: dg.Definitions) -> None:
    steps = {node.name for node in loaded.resolve_job_def("retrain_smoke").graph.node_defs}
    assert "room_classifier__registered_version" in steps
    assert not [step for step in steps if step.endswith(("__released", "gateway_bento"))]
    for recipe in RECIPES:
        assert digest_of(smoke(recipe.name)) != standard_gates(recipe.name)


def test_without_a_database_the_first_step_says_what_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a plain `dg dev`, beside which nothing else runs."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    studio = Studio(studio_home=str(tmp_path / "home"))
    (raw_data, *_) = data_assets(ROOMS)
    result = dg.materialize([raw_data], resources={"studio": studio}, raise_on_error=False)
    (failed,) = (event for event in result.all_events if event.event_type_value == "STEP_FAILURE")
    told = str(failed.event_specific_data)
    assert "make dev" in told
    assert "python -m serving.db.postgres" in told


def test_what_dagster_starts_finds_the_studio_that_dagster_has(tmp_path: Path) -> None:
    """The bento is built by another process: from the same database and storage."""
    studio = Studio(
        studio_home=str(tmp_path),
        database_url="postgresql://elsewhere/studio",
        storage_url="s3://bucket/studio",
    )
    code = "from serving.environment import read_settings; print(read_settings().model_dump_json())"
    env = {"PATH": os.environ["PATH"]} | studio.environment()
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == json.loads(studio.settings().model_dump_json())
