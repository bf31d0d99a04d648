"""Where a dataset finds its descriptions and its photos."""

from pathlib import Path
from urllib.parse import unquote, urlparse

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

import training
from serving.errors import BadInput

_CHECKOUT = Path(training.__file__).absolute().parents[1]


class DataSettings(BaseSettings):
    """Made once, at the door of a process, and passed down; never at import.

    Each field is the environment variable of the same name in capitals.
    """

    model_config = SettingsConfigDict(frozen=True, env_file=None)

    studio_data: str | None = Field(
        None, description="folder or s3:// prefix of the photos; sources are relative to it"
    )
    studio_datasets: Path | None = Field(None, description="unset: `datasets` of the checkout")

    @field_validator("studio_data")
    @classmethod
    def _known_kind(cls, value: str | None) -> str | None:
        if value is not None and "://" in value and not value.startswith(("s3://", "file://")):
            raise ValueError(
                f"STUDIO_DATA is '{value}'; it has to be a folder or s3://bucket/prefix"
            )
        if value is not None and value.startswith("file://"):
            return unquote(urlparse(value).path)
        return value or None

    def source(self) -> str:
        """Return where the photos lie, as an address."""
        if self.studio_data is None or self.studio_data.startswith("s3://"):
            return self.studio_data or "file:///"
        return Path(self.studio_data).expanduser().absolute().as_uri()

    def dataset_folder(self, name: str = "rooms") -> Path:
        """Return the folder that describes the data set `name`.

        Raises
        ------
        BadInput
            If it is not there, as when the package is installed without its repository.
        """
        folder = (self.studio_datasets or _CHECKOUT / "datasets").expanduser().absolute() / name
        if not folder.is_dir():
            raise BadInput(
                f"there is no folder '{folder}'; set STUDIO_DATASETS to the project's `datasets`"
            )
        return folder
