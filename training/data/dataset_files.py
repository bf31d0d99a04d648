"""What the files of a dataset's folder say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from serving.licences import strictest
from training.data.expectations import Expectations
from training.data.frozen import FrozenTest
from training.data.manifest import Manifest, Taxonomy


class _Source(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def licence(self) -> str: ...


class _Sources(Protocol):
    @property
    def sources(self) -> Sequence[_Source]: ...


class Described:
    """What follows from a folder with a manifest of sources and a frozen test set."""

    folder: Path
    manifest: _Sources
    frozen: FrozenTest

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def licence(self) -> str:
        """The strictest licence of its sources."""
        return strictest([source.licence for source in self.manifest.sources])

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of its sources."""
        return tuple(source.name for source in self.manifest.sources)

    @property
    def test_set(self) -> str:
        """The digest of its frozen test set."""
        return self.frozen.digest


def count_examples(rows: Iterable[tuple[str, str]], unit: str) -> pd.DataFrame:
    """Return how many examples there are of each (source, label), in a column named `unit`."""
    counts = pd.DataFrame(list(rows), columns=["source", "label"]).value_counts().sort_index()
    return counts.rename(unit).reset_index()


@dataclass(frozen=True)
class DatasetFiles:
    """The files of a dataset's folder, read."""

    folder: Path
    taxonomy: Taxonomy
    manifest: Manifest
    expectations: Expectations
    frozen: FrozenTest
