"""MLflow runs: a training run's parameters, figures, pictures and the machine's own load."""

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import DatasetInput, InputTag, Param, RunTag
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from PIL import Image

_MAX_PARAMS = 100
_SOURCE = {"mlflow.source.name": "dagster_project", "mlflow.source.type": "JOB"}


def start_run(
    client: MlflowClient,
    experiment: str,
    name: str,
    params: Mapping[str, object],
    tags: dict[str, str],
) -> str:
    """Start a run and return its id; it stays open over several steps, perhaps processes."""
    run = client.create_run(experiment, run_name=name)
    run_id = str(run.info.run_id)
    listed = [Param(key, str(value)) for key, value in params.items()]
    client.log_batch(
        run_id,
        params=listed[:_MAX_PARAMS],
        tags=[RunTag(key, value) for key, value in (_SOURCE | tags).items()],
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


def log_metric(client: MlflowClient, run_id: str, name: str, value: float) -> None:
    """Log one figure of the run."""
    client.log_metric(run_id, name, value)


def log_folder(client: MlflowClient, run_id: str, folder: Path, name: str) -> None:
    """Log all files of a folder below `name`."""
    client.log_artifacts(run_id, str(folder), name)


def log_dataset(
    client: MlflowClient, run_id: str, name: str, table: pd.DataFrame, source: str, version: str
) -> None:
    """Log the rows of a run as MLflow's datasets: one per split, by the data's version.

    Parameters
    ----------
    name : of the dataset; `rooms` makes `rooms-train`, `rooms-validation` and `rooms-test`
    table : with the columns sha256, label, source, listing and split
    source : address below which what the rows name lies
    """
    contexts = {"train": "training", "validation": "validation", "test": "test"}
    inputs = []
    for split, context in contexts.items():
        rows = table.loc[table["split"] == split, ["sha256", "label", "source", "listing"]]
        if rows.empty:
            continue
        with warnings.catch_warnings():
            # MLflow knows folders by two names of one class, and warns that it is unsure
            warnings.filterwarnings("ignore", "The specified dataset source can be interpreted")
            of_split = f"{name}-{split}"
            dataset = from_pandas(
                rows.astype("object"), source, "label", name=of_split, digest=version
            )
        tags = [InputTag("mlflow.data.context", context)]
        inputs.append(DatasetInput(dataset._to_mlflow_entity(), tags))
    client.log_inputs(run_id, datasets=inputs)


def end_run(client: MlflowClient, run_id: str, failed: bool = False) -> None:
    """Close the run."""
    client.set_terminated(run_id, "FAILED" if failed else "FINISHED")


def page_of(client: MlflowClient, run_id: str) -> str:
    """Return the address of the run's page, relative to MLflow's own."""
    run = client.get_run(run_id)
    return f"#/experiments/{run.info.experiment_id}/runs/{run_id}"
