"""Where the assets find their data, their database and their storage."""

from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import dagster as dg
from dagster_aws.s3 import S3PickleIOManager, S3Resource
from sqlalchemy import Engine

from registry.client import Client, open_client
from serving.db.migrate import prepare
from serving.settings import Settings
from serving.storage.objects import Storage, open_storage
from training.data.settings import DataSettings


class Studio(dg.ConfigurableResource["Studio"]):
    """The studio's settings: from the environment, unless something is set here."""

    studio_home: str | None = None
    studio_data: str | None = None
    database_url: str | None = None
    storage_url: str | None = None
    mlflow_tracking_uri: str | None = None

    def settings(self) -> Settings:
        """Return the settings that serving knows."""
        given = self._given("studio_home", "database_url", "storage_url", "mlflow_tracking_uri")
        return Settings(**given)

    def data(self) -> DataSettings:
        """Return where the photos and their descriptions are."""
        return DataSettings(**self._given("studio_data"))

    def folder(self, *parts: str) -> Path:
        """Return a folder below the studio's home, made if it is missing."""
        folder = self.settings().home().joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def engine(self) -> Engine:
        """Return the studio's database, up to date."""
        return prepare(self.settings())

    def storage(self) -> Storage:
        """Return the object storage."""
        return open_storage(self.settings().storage())

    def registry(self) -> Client:
        """Return MLflow's client."""
        return open_client(self.settings())

    def _given(self, *names: str) -> dict[str, Any]:
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def values_io_manager(settings: Settings) -> dg.ConfigurableIOManagerFactory[Any]:
    """Keep what assets hand on beside everything else: in the storage if that is S3."""
    place = urlparse(settings.storage())
    if place.scheme == "s3":
        prefix = "/".join(part for part in (place.path.strip("/"), "dagster") if part)
        return S3PickleIOManager(s3_resource=S3Resource(), s3_bucket=place.netloc, s3_prefix=prefix)
    return dg.FilesystemIOManager(base_dir=str(settings.home() / "dagster" / "values"))


@dg.definitions
def resources() -> dg.Definitions:
    """Bind the names that assets ask for."""
    studio = Studio()
    return dg.Definitions(
        resources={"studio": studio, "io_manager": values_io_manager(studio.settings())}
    )
