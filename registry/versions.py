"""Model versions in MLflow: made from an ONNX file and its card, judged, read back."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import onnx
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.types import Schema, TensorSpec

from registry.gates import Verdict
from serving.card import ModelCard

VERDICT, REASONS = "gate.verdict", "gate.reasons"
PASSED, FAILED = "passed", "failed"
CHAMPION, PREVIOUS = "champion", "previous"
_MAX_TAG = 4000
_MAX_BATCH = 1000


@dataclass(frozen=True)
class ModelFiles:
    """What a version consists of, as it is served."""

    model: bytes
    card: bytes


def register(
    client: MlflowClient,
    run_id: str,
    model: bytes,
    card: ModelCard,
    reports: Mapping[str, bytes] | None = None,
) -> str:
    """Add a version of `card.task`, from inside the run that trained it; return its number.

    Parameters
    ----------
    model : ONNX, as serving will run it
    reports : further files to keep with the version, by name
    """
    with tempfile.TemporaryDirectory() as name:
        files = {"card.json": card.model_dump_json(indent=2).encode(), **(reports or {})}
        paths = []
        for file, data in files.items():
            path = Path(name) / file
            path.write_bytes(data)
            paths.append(str(path))
        with mlflow.start_run(run_id=run_id):
            info = mlflow.onnx.log_model(
                onnx.load_from_string(model),
                name=card.task,
                signature=_signature(card),
                pip_requirements=["onnxruntime", "numpy"],
                save_as_external_data=False,
                extra_files=paths,
            )
    try:
        client.create_registered_model(card.task)
    except MlflowException as error:
        if "ALREADY_EXISTS" not in error.error_code:
            raise
    version = client.create_model_version(
        card.task, info.model_uri, run_id, description=describe(card), model_id=info.model_id
    )
    tags = {"precision": card.precision, "licence": card.licence, "data.version": card.data_version}
    for key, value in tags.items():
        client.set_model_version_tag(card.task, version.version, key, value)
    return str(version.version)


def log_figures(client: MlflowClient, run_id: str, figures: Mapping[str, float]) -> None:
    """Log all figures of a run at once."""
    now = int(time.time() * 1000)
    metrics = [Metric(name, value, now, 0) for name, value in figures.items()]
    for start in range(0, len(metrics), _MAX_BATCH):
        client.log_batch(run_id, metrics[start : start + _MAX_BATCH])


def describe(card: ModelCard) -> str:
    """Return the version's description in MLflow's pages (Markdown)."""
    rows = "\n".join(f"| {name} | {value:.4g} |" for name, value in sorted(card.metrics.items()))
    return (
        f"**{card.backbone}**, {card.precision}, {card.input.width}x{card.input.height} px, "
        f"{len(card.labels)} labels, data `{card.data_version}`, "
        f"commit `{card.git_commit[:10]}`.\n\n"
        f"| figure | value |\n|---|---|\n{rows}"
    )


def tag_verdict(client: MlflowClient, task: str, version: str, verdict: Verdict) -> None:
    """Write the verdict and its reasons on a version, where people and the publisher read them."""
    word = PASSED if verdict.passed else FAILED
    reasons = "\n".join(verdict.reasons) or "every gate is open"
    client.set_model_version_tag(task, version, VERDICT, word)
    client.set_model_version_tag(task, version, REASONS, reasons[:_MAX_TAG])


def read_files(version: ModelVersion) -> ModelFiles:
    """Download a version's ONNX file and card."""
    with tempfile.TemporaryDirectory() as name:
        uri = f"models:/{version.name}/{version.version}"
        folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=name))
        (model,) = folder.rglob("model.onnx")
        (card,) = folder.rglob("card.json")
        return ModelFiles(model.read_bytes(), card.read_bytes())


def read_champion(client: MlflowClient, task: str) -> ModelFiles | None:
    """Download the files of the version that is the champion; None if none is."""
    number = find_alias(client, task, CHAMPION)
    return None if number is None else read_files(client.get_model_version(task, number))


def find_alias(client: MlflowClient, task: str, alias: str) -> str | None:
    """Return the version that carries `alias`, or None."""
    try:
        return str(client.get_model_version_by_alias(task, alias).version)
    except MlflowException as error:
        if error.error_code in (ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _signature(card: ModelCard) -> ModelSignature:
    pixels = TensorSpec(np.dtype(np.uint8), (-1, card.input.height, card.input.width, 3), "pixels")
    logits = TensorSpec(np.dtype(np.float32), (-1, len(card.labels)), "logits")
    return ModelSignature(inputs=Schema([pixels]), outputs=Schema([logits]))
