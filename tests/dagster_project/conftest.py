"""A studio small enough to be trained in seconds: photos that are red, green or blue."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.settings import Settings
from tests.colour_studio import freeze, write_dataset, write_photos
from tests.whole_loop import point_to

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
    freeze(datasets / "rooms", photos, tmp_path / "cache")
    return point_to(monkeypatch, registry_settings, photos, datasets)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process that was started in the background of a shell ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
