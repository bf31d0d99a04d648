"""Where the data room finds its descriptions and its photos."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

import training
from serving.errors import BadInput

_CHECKOUT = Path(training.__file__).absolute().parents[1]


class DataSettings(BaseSettings):
    """Made once, at the door of a process, and passed down; never at import.

    Each field is the environment variable of the same name in capitals.
    """

    model_config = SettingsConfigDict(frozen=True, env_file=None)

    studio_data: Path | None = Field(None, description="the photos; sources are relative to it")
    studio_datasets: Path | None = Field(None, description="unset: `datasets` of the checkout")

    def room_folder(self, name: str = "rooms") -> Path:
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
