import pytest
from mlflow import MlflowClient

from registry.client import open_experiment
from registry.runs import start_run, track_machine
from serving.settings import Settings

pytestmark = pytest.mark.slow


def test_a_run_of_no_time_at_all_shows_the_machines_load(
    client: MlflowClient, registry_settings: Settings
) -> None:
    experiment = open_experiment(client, registry_settings, "any")
    run = start_run(client, experiment, "short", {}, {})
    with track_machine(run):
        pass
    assert "system/cpu_utilization_percentage" in client.get_run(run).data.metrics
