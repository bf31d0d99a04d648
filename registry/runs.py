"""MLflow runs: a training run's parameters, figures, pictures and the machine's own load."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Param, RunTag
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from PIL import Image

_MAX_PARAMS = 100


def start_run(
    client: MlflowClient,
    experiment: str,
    name: str,
    params: Mapping[str, object],
    tags: Mapping[str, str],
) -> str:
    """Start a run and return its id; it stays open over several steps, perhaps processes."""
    run = client.create_run(experiment, run_name=name)
    run_id = str(run.info.run_id)
    listed = [Param(key, str(value)) for key, value in params.items()]
    client.log_batch(
        run_id,
        params=listed[:_MAX_PARAMS],
        tags=[RunTag(key, value) for key, value in tags.items()],
    )
    return run_id


@contextmanager
def track_machine(run_id: str) -> Iterator[None]:
    """Log CPU, memory, disk and GPU load of this machine to the run, every 4 s and at the end."""
    monitor: Any = SystemMetricsMonitor(run_id, sampling_interval=2, samples_before_logging=2)  # type: ignore[no-untyped-call]
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()
        monitor.collect_metrics()
        monitor.publish_metrics(monitor.aggregate_metrics())
        monitor.mlflow_logger.flush()


def log_pictures(client: MlflowClient, run_id: str, pictures: Mapping[str, bytes]) -> None:
    """Log PNG files as figures of the run, by name."""
    for name, png in pictures.items():
        with Image.open(io.BytesIO(png)) as picture:
            client.log_image(run_id, np.asarray(picture.convert("RGB")), f"figures/{name}.png")


def log_text(client: MlflowClient, run_id: str, name: str, text: str) -> None:
    """Log a text file of the run, such as a report in JSON or HTML."""
    client.log_text(run_id, text, name)


def end_run(client: MlflowClient, run_id: str, failed: bool = False) -> None:
    """Close the run."""
    client.set_terminated(run_id, "FAILED" if failed else "FINISHED")


def page_of(client: MlflowClient, run_id: str) -> str:
    """Return the address of the run's page, relative to MLflow's own."""
    run = client.get_run(run_id)
    return f"#/experiments/{run.info.experiment_id}/runs/{run_id}"
