"""A dataset: the folder that describes it, and the table of its photos."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from serving.card import Label
from serving.errors import BadInput
from training.data.dataset_files import DatasetFiles, Described, count_examples
from training.data.describe import describe_photos
from training.data.duplicates import mark_duplicates, mark_quarantine
from training.data.expectations import read_expectations
from training.data.frozen import read_frozen
from training.data.manifest import read_manifest, read_taxonomy
from training.data.photos import list_photos
from training.data.splits import assign_splits, training_rows

if TYPE_CHECKING:
    from training.data.validate import Validation

_TABLE = "photos.parquet"


@dataclass(frozen=True)
class Dataset(DatasetFiles, Described):
    """A dataset that can be built, judged and split: what its folder says, and what follows."""

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels of its photos, in the order of a model's outputs."""
        return self.taxonomy.labels

    @property
    def rules(self) -> str:
        """What is expected of its photos, as text: other rules need another validation."""
        expected = self.expectations.model_dump_json() + self.taxonomy.model_dump_json()
        return f"{self.frozen.digest} {expected}"

    def count(self, data: str | None) -> pd.DataFrame:
        """Return how many photos its sources hold now, by source and label."""
        photos = list_photos(self.manifest, data)
        return count_examples(((photo.source, photo.label) for photo in photos), "photos")

    def build(self, data: str | None, cache: Path) -> pd.DataFrame:
        """Return the table of all photos, split."""
        table = build_table(self, data, cache)
        return assign_splits(table, self.manifest.splits, self.frozen)

    def validate(self, table: pd.DataFrame, docs: Path) -> "Validation":
        """Judge a table by the expectations, and build the pages that show how."""
        from training.data.validate import validate_table  # Great Expectations imports for seconds

        return validate_table(table, self, docs)

    def training_rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the photos to train and validate on; refuse any tied to the frozen test set."""
        return training_rows(table, self.frozen)

    def frozen_share(self, rows: pd.DataFrame) -> float:
        """Return which share of the frozen test set the rows hold, 0..1."""
        return self.frozen.share(rows)


def open_dataset(folder: Path) -> Dataset:
    """Read a dataset's folder, such as `datasets/rooms`.

    Raises
    ------
    BadInput
        If one of its files is missing or wrong; the message names file and field.
    """
    expectations = read_expectations(folder)
    return Dataset(
        folder=folder,
        taxonomy=read_taxonomy(folder),
        manifest=read_manifest(folder),
        expectations=expectations,
        frozen=read_frozen(folder, expectations.near_duplicates.radius_bits),
    )


def build_table(
    dataset: Dataset,
    studio_data: str | Path | None,
    cache: Path,
    workers: int = 2,
    progress: bool = True,
) -> pd.DataFrame:
    """List, describe and judge every photo of the manifest; nothing is split yet.

    Parameters
    ----------
    dataset : what to list, and what counts as a duplicate
    studio_data : where sources with a relative location lie: a folder, or `s3://bucket/prefix`
    cache : folder of earlier descriptions
    workers, progress : as in `describe_photos`

    Returns
    -------
    One row per photo with the columns of Photo and Description, `copies` and `duplicate_group` of
    `mark_duplicates`, `two_labels` and `quarantine` of `mark_quarantine`.
    """
    photos = list_photos(dataset.manifest, studio_data)
    table = describe_photos(photos, cache, workers, progress)
    table = mark_duplicates(table, dataset.frozen.near_radius)
    return mark_quarantine(table, dataset.taxonomy.names, dataset.frozen.pairs)


def save_table(table: pd.DataFrame, folder: Path) -> Path:
    """Keep a table of photos, with its splits if it has them, as `photos.parquet`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _TABLE
    writing = file.with_suffix(f".{os.getpid()}")
    table.to_parquet(writing, index=False)
    writing.replace(file)
    return file


def load_table(folder: Path) -> pd.DataFrame:
    """Return what `save_table` kept.

    Raises
    ------
    BadInput
        If nothing was kept there.
    """
    file = folder / _TABLE
    if not file.is_file():
        raise BadInput(f"there is no '{file}'; run `python -m training.data split` first")
    return pd.read_parquet(file)
