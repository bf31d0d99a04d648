"""Model versions in MLflow: made from an ONNX file and its card, judged, read back."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from registry.judge import Verdict
from registry.pyfunc import log_model
from serving.card import Classes, ModelCard, PhotoInput
from serving.errors import BadInput

VERDICT, REASONS = "gate.verdict", "gate.reasons"
GATES_FILE, GATES_DIGEST = "gate.file", "gate.digest"
TEST_SET, MODEL_SHA256 = "test.set", "model.sha256"
LICENCE = "licence"
REFUSED, PUBLISHED_AT = "serving.refused", "serving.published_at"
PASSED, FAILED = "passed", "failed"
CHAMPION, PREVIOUS = "champion", "previous"
ROLLED_BACK_AT, ROLLED_BACK_REASON = "rolled_back.at", "rolled_back.reason"
FIGURES = "figures.json"
_CHIEF = ("data/", "test/", "champion/", "onnx/")
_MAX_TAG = 4000
_ABOUT = (
    "The model of the task `{task}`. The alias `champion` is what answers: move it to "
    "promote a version or to go back; the publisher refuses one whose tags do not say that it "
    "passed the standard gates, and writes why into its tag `serving.refused`. `previous` is what "
    "answered before. Try a version with `mlflow models serve`; its input example shows how."
)


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
    test_set: str = "",
) -> str:
    """Add a version of `card.task`, from inside the run that trained it; return its number.

    Parameters
    ----------
    model : ONNX, as serving will run it
    test_set : digest of the frozen test set that it was judged on

    Raises
    ------
    BadInput
        If the run's figures are those of another model.
    """
    digest = sha256(model).hexdigest()
    measured = client.get_run(run_id).data.tags.get(MODEL_SHA256, digest)
    if measured != digest:
        raise BadInput(
            f"the figures of the run {run_id} are those of the model {measured}, not of {digest}; "
            "evaluate the one that is registered"
        )
    info = log_model(run_id, model, card)
    _describe_task(client, card.task)
    version = client.create_model_version(
        card.task, info.model_uri, run_id, description=describe(card), model_id=info.model_id
    )
    tags = {
        MODEL_SHA256: digest,
        "precision": card.precision,
        LICENCE: card.licence,
        "data.version": card.data_version,
        "commit": card.git_commit,
    } | ({TEST_SET: test_set} if test_set else {})
    for key, value in tags.items():
        client.set_model_version_tag(card.task, version.version, key, value)
    return str(version.version)


def _describe_task(client: MlflowClient, task: str) -> None:
    """Make the registered model, unless it is there, and say what it is if nobody has."""
    about = _ABOUT.format(task=task)
    try:
        client.create_registered_model(task, description=about)
    except MlflowException as error:
        if "ALREADY_EXISTS" not in error.error_code:
            raise
        if not client.get_registered_model(task).description:
            client.update_registered_model(task, about)


def log_figures(
    client: MlflowClient, run_id: str, figures: Mapping[str, float], model: bytes
) -> None:
    """Log all figures of a run as one table, `figures.json`, and the chief ones as metrics.

    The run's tag `model.sha256` says of which model they are; only that one can be registered. Each
    metric is a chart on the run's page: hundreds of single points would bury the curves.
    """
    client.set_tag(run_id, MODEL_SHA256, sha256(model).hexdigest())
    now = int(time.time() * 1000)
    chief = [Metric(name, value, now, 0) for name, value in figures.items() if _is_chief(name)]
    client.log_batch(run_id, metrics=chief)
    names = sorted(figures)
    table = {"figure": names, "value": [float(figures[name]) for name in names]}
    client.log_table(run_id, table, FIGURES)


def _is_chief(name: str) -> bool:
    return name.startswith(_CHIEF) and not name.endswith((".low", ".high"))


def read_figures(client: MlflowClient, run_id: str) -> dict[str, float]:
    """Return the figures that a run was evaluated to."""
    try:
        table = mlflow.artifacts.load_dict(f"runs:/{run_id}/{FIGURES}")
    except (MlflowException, OSError):  # before there was the table, all were metrics
        return dict(client.get_run(run_id).data.metrics)
    return {name: float("nan" if value is None else value) for name, value in table["data"]}


def describe(card: ModelCard) -> str:
    """Return the version's description in MLflow's pages (Markdown)."""
    rows = "\n".join(f"| {name} | {value:.4g} |" for name, value in sorted(card.metrics.items()))
    return (
        f"**{card.backbone}**, {card.precision}, {_describe_ends(card)}, "
        f"data `{card.data_version}`, commit `{card.git_commit[:10]}`.\n\n"
        f"| figure | value |\n|---|---|\n{rows}"
    )


def _describe_ends(card: ModelCard) -> str:
    """Say in a few words what goes in and what comes out."""
    taken, given = card.input, card.output
    ends = [f"{taken.width}x{taken.height} px" if isinstance(taken, PhotoInput) else taken.kind]
    ends.append(f"{len(given.labels)} labels" if isinstance(given, Classes) else given.kind)
    return ", ".join(ends)


def tag_verdict(client: MlflowClient, task: str, version: str, verdict: Verdict) -> None:
    """Write the verdict and its reasons on a version, where people and the publisher read them."""
    word = PASSED if verdict.passed else FAILED
    reasons = "\n".join(verdict.reasons) or "every gate is open"
    client.set_model_version_tag(task, version, VERDICT, word)
    client.set_model_version_tag(task, version, REASONS, reasons[:_MAX_TAG])
    if verdict.gates_digest:
        client.set_model_version_tag(task, version, GATES_FILE, verdict.gates_file)
        client.set_model_version_tag(task, version, GATES_DIGEST, verdict.gates_digest)


def read_files(version: ModelVersion) -> ModelFiles:
    """Download a version's ONNX file and card."""
    with tempfile.TemporaryDirectory() as name:
        uri = f"models:/{version.name}/{version.version}"
        folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=name))
        (model,) = folder.rglob("model.onnx")
        (card,) = folder.rglob("card.json")
        return ModelFiles(model.read_bytes(), card.read_bytes())


def find_alias(client: MlflowClient, task: str, alias: str) -> str | None:
    """Return the version that carries `alias`, or None."""
    try:
        return str(client.get_model_version_by_alias(task, alias).version)
    except MlflowException as error:
        if error.error_code in (ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), "INVALID_PARAMETER_VALUE"):
            return None
        raise
