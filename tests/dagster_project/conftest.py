"""A studio small enough to be trained in seconds: photos that are red, green or blue."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.settings import Settings
from tests.colour_studio import freeze, write_dataset, write_photos

KEY = "room_classifier"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Sixty photos of each colour, a folder per label."""
    return write_photos(tmp_path / "data")


@pytest.fixture
def studio(
    registry_settings: Settings, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Settings, and an environment in which the project's own definitions find all this."""
    datasets = tmp_path / "datasets"
    write_dataset(datasets / "rooms")
    for name, value in {
        "STUDIO_HOME": registry_settings.home(),
        "DATABASE_URL": registry_settings.database_url,
        "MLFLOW_TRACKING_URI": registry_settings.mlflow_tracking_uri,
        "STUDIO_DATA": photos,
        "STUDIO_DATASETS": datasets,
    }.items():
        monkeypatch.setenv(name, str(value))
    freeze(datasets / "rooms", photos, tmp_path / "cache")
    return registry_settings


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process that was started in the background of a shell ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
