"""What the gates say of how far a version's answers will lie from the champion's.

Measured on the frozen test set when a version is made, and kept with the run that made it: a
better model answers otherwise too, and only what goes beyond the forecast speaks against it.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

FORECAST_FILE, FORECAST_DIGEST = "forecast.json", "forecast.digest"


def log_forecast(client: MlflowClient, run_id: str, forecast: Mapping[str, Any]) -> str:
    """Keep a forecast as `forecast.json` of a run; return its SHA-256, which the run's tag is too.

    Parameters
    ----------
    forecast : {"groups": {group: {"n", "disagree", "disagree_high", "distance", "distance_high",
        "shift", "shift_low", "shift_high"}}, "champion": SHA-256 of the model that it was
        compared with}; the group `*` is all photos
    """
    text = json.dumps(forecast, indent=1, sort_keys=True)
    digest = sha256(text.encode()).hexdigest()
    client.log_text(run_id, text, FORECAST_FILE)
    client.set_tag(run_id, FORECAST_DIGEST, digest)
    return digest


def read_forecast(version: ModelVersion, champion_sha256: str = "") -> dict[str, Any] | None:
    """Return a version's forecast; None: there is none, or none that holds.

    One holds if it is the file that the version's tag names, and, where `champion_sha256` is given,
    if it was measured against that model: beside another champion other differences are to be
    expected.
    """
    digest = version.tags.get(FORECAST_DIGEST)
    if digest is None:
        return None
    try:
        text = mlflow.artifacts.load_text(f"runs:/{version.run_id}/{FORECAST_FILE}")
    except (MlflowException, OSError):
        return None
    if sha256(text.encode()).hexdigest() != digest:
        return None
    forecast: dict[str, Any] = json.loads(text)
    against = forecast.get("champion")
    return forecast if champion_sha256 in ("", against) else None
