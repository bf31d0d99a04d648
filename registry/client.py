"""MLflow as this project uses it: its store in our PostgreSQL, its files in our object storage."""

import os

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from requests.exceptions import RequestException

from serving.db.engine import create_databases, database_url
from serving.settings import Settings

Client = MlflowClient
# what a call raises while MLflow is away, or knows no such thing
FAILED = (MlflowException, RequestException)


def tracking_uri(settings: Settings) -> str:
    """Return where MLflow's runs and registry are: its server if one is set, else the database."""
    if settings.mlflow_tracking_uri:
        return settings.mlflow_tracking_uri
    return database_url(settings, "mlflow", "psycopg2").render_as_string(hide_password=False)


def artifact_root(settings: Settings) -> str:
    """Return where MLflow keeps files, whether a server writes them or we do."""
    return f"{settings.storage()}/mlflow"


def open_client(settings: Settings) -> MlflowClient:
    """Return a client of the registry, and point MLflow's own functions at the same place."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    if settings.mlflow_tracking_uri is None:
        create_databases(settings, ("mlflow",))
    uri = tracking_uri(settings)
    mlflow.set_tracking_uri(uri)
    return MlflowClient(uri)


def open_experiment(client: MlflowClient, settings: Settings, name: str) -> str:
    """Return the id of the experiment `name`, made if it is missing."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(name, f"{artifact_root(settings)}/{name}"))
