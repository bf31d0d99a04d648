"""What the files of a dataset's folder say."""

from dataclasses import dataclass
from pathlib import Path

from training.data.expectations import Expectations
from training.data.frozen import FrozenTest
from training.data.manifest import Manifest, Taxonomy


@dataclass(frozen=True)
class DatasetFiles:
    """The files of a dataset's folder, read."""

    folder: Path
    taxonomy: Taxonomy
    manifest: Manifest
    expectations: Expectations
    frozen: FrozenTest
