"""Where the assets find their data, their database and their storage."""

from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import dagster as dg
import httpx
from dagster_aws.s3 import S3Resource
from pydantic import Field
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from dagster_project.values_by_run import BucketByRun, FolderByRun
from registry.admission import Admission
from registry.client import Client, open_client
from registry.runs import page_of
from serving.db.migrate import prepare
from serving.errors import first_line
from serving.settings import Settings
from serving.storage.objects import Storage, storage_of
from training.data.settings import DataSettings

_PROBE_S = 3.0


class Studio(dg.ConfigurableResource["Studio"]):
    """The studio's settings: from the environment, unless something is set here."""

    studio_home: str | None = Field(default=None, description="unset: STUDIO_HOME")
    studio_data: str | None = Field(default=None, description="unset: STUDIO_DATA")
    database_url: str | None = Field(default=None, description="unset: DATABASE_URL")
    storage_url: str | None = Field(default=None, description="unset: STORAGE_URL")
    mlflow_tracking_uri: str | None = Field(default=None, description="unset: MLFLOW_TRACKING_URI")

    def settings(self) -> Settings:
        """Return the settings that serving knows."""
        given = self._given("studio_home", "database_url", "storage_url", "mlflow_tracking_uri")
        return Settings(**given)

    def data(self) -> DataSettings:
        """Return where the photos and their descriptions are."""
        return DataSettings(**self._given("studio_data"))

    def environment(self) -> dict[str, str]:
        """Return what makes another process of this project find the same studio."""
        given = self._given("studio_data", "database_url", "storage_url", "mlflow_tracking_uri")
        home = {"STUDIO_HOME": str(self.settings().home())}
        return {name.upper(): value for name, value in given.items()} | home

    def folder(self, *parts: str) -> Path:
        """Return a folder below the studio's home, made if it is missing."""
        folder = self.settings().home().joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def engine(self) -> Engine:
        """Return the studio's database, up to date.

        Raises
        ------
        Failure
            If none answers; it says what to start.
        """
        try:
            return prepare(self.settings())
        except OperationalError as error:
            raise dg.Failure(
                f"no database answers ({first_line(error)}). `make dev` starts all that Dagster "
                "needs; beside a Dagster of your own start `python -m serving.db.postgres`, or set "
                "DATABASE_URL"
            ) from error

    def storage(self) -> Storage:
        """Return the object storage."""
        return storage_of(self.settings())

    def registry(self) -> Client:
        """Return MLflow's client."""
        return open_client(self.settings())

    def mlflow_answers(self) -> bool:
        """Say whether MLflow's server is there; its own client would try for two minutes."""
        uri = self.settings().mlflow_tracking_uri or ""
        if not uri.startswith("http"):
            return True
        try:
            return httpx.get(f"{uri.rstrip('/')}/health", timeout=_PROBE_S).is_success
        except httpx.HTTPError:
            return False

    def page_of_run(self, run_id: str, artifact: str = "") -> str:
        """Return the address of a run's page in MLflow, or of one of its files there."""
        page = page_of(self.registry(), run_id)
        return self._in_mlflow(f"{page}/artifacts/{artifact}" if artifact else page)

    def page_of_version(self, task: str, version: str) -> str:
        """Return the address of a version's page in MLflow."""
        return self._in_mlflow(f"#/models/{task}/versions/{version}")

    def _in_mlflow(self, page: str) -> str:
        uri = self.settings().mlflow_tracking_uri or ""
        return f"{uri.rstrip('/')}/{page}" if uri.startswith("http") else page

    def admission(self) -> Admission:
        """Return what is asked of a version before it may answer."""
        return Admission.of(self.settings())

    def _given(self, *names: str) -> dict[str, Any]:
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def values_io_manager(settings: Settings) -> dg.ConfigurableIOManagerFactory[Any]:
    """Keep what assets hand on beside everything else: in the storage if that is S3."""
    place = urlparse(settings.storage())
    if place.scheme == "s3":
        prefix = "/".join(part for part in (place.path.strip("/"), "dagster") if part)
        return BucketByRun(s3_resource=S3Resource(), s3_bucket=place.netloc, s3_prefix=prefix)
    return FolderByRun(base_dir=str(settings.home() / "dagster" / "run_values"))
