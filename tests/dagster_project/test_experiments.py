"""Dagster's report of an A/B experiment."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import dagster as dg
import pytest
from sqlalchemy import Engine, insert

from dagster_project.definitions import definitions
from dagster_project.defs.canary.experiments import experiment_reports
from dagster_project.studio import Studio
from registry.experiments.store import list_running, look
from serving.db.canary_tables import Experiment, Exposure
from serving.db.tables import Json
from tests.fakes import TASK

pytestmark = pytest.mark.slow
ROW: Json = {
    "name": "warm", "task": TASK, "champion": "1", "salt": "s", "metric": "override",
    "arms": [{"name": "warm", "version": "2", "weight": 50}], "stop_rule": {"listings": 10},
}  # fmt: skip


@pytest.fixture
def running(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(Experiment).values(ROW))
        seen = {"task": TASK, "version": "1", "slot": "champion", "share": 0.5, "beside": "2"}
        rows = [seen | {"listing_key": str(number)} for number in range(40)]
        connection.execute(insert(Exposure), rows)


@pytest.mark.usefixtures("studio", "running")
def test_a_report_is_shown_on_the_experiments_asset_and_a_decided_one_is_stopped(
    engine: Engine,
) -> None:
    client = Studio().registry()
    client.create_registered_model(TASK)
    for _ in range(2):
        client.create_model_version(TASK, "somewhere")
    client.set_registered_model_alias(TASK, "arm-warm", "2")
    config = {"name": "warm", "stop_if_decided": True}
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions().resolve_job_def("experiment_report")
        done = job.execute_in_process(
            {"ops": {"report_experiment": {"config": config}}}, instance=instance
        )
        assert done.success
        key = dg.AssetKey(["experiments", "warm"])
        (found,) = instance.fetch_observations(key, limit=5).records
    assert found.asset_observation is not None
    metadata = found.asset_observation.metadata
    assert str(found.asset_observation.description).startswith("It ends without a difference")
    assert Path(str(metadata["page"].value)).read_text().startswith("<!doctype html>")
    assert "| warm | 2 | 50 % |" in str(metadata["report"].value)
    assert list_running(engine) == []
    assert look(engine, "warm").why.startswith("It ends without a difference")


@pytest.mark.usefixtures("studio", "running")
def test_each_running_experiment_is_reported_once_a_day() -> None:
    at = datetime(2026, 11, 29, 6, tzinfo=UTC)
    with dg.build_schedule_context(
        scheduled_execution_time=at, resources={"studio": Studio()}
    ) as context:
        (request,) = cast(Iterator[dg.RunRequest], experiment_reports(context))
    assert request.run_key == "warm-2026-11-29"
