"""The frozen test set: the photos that no training may ever touch, known by their hashes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from serving.errors import BadInput
from training.data.duplicates import near_pairs, to_hashes

FILE = "frozen_test.csv"
COLUMNS = ["sha256", "phash", "label", "source", "listing"]


@dataclass(frozen=True)
class FrozenTest:
    """Hashes only, so it protects also while its photos are not at hand.

    Attributes
    ----------
    photos : one row each with `sha256, phash, label, source, listing`; empty before the freeze
    near_radius : bits in which a perceptual hash may differ and still be the same picture
    digest : SHA-256 of the file, as `sha256sum` prints it; empty before the freeze
    """

    photos: pd.DataFrame
    near_radius: int
    digest: str = ""

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """The (sha256, label) of every photo."""
        return frozenset(zip(self.photos["sha256"], self.photos["label"], strict=True))

    def find(self, table: pd.DataFrame) -> "pd.Series[bool]":
        """Say of every row whether it is a frozen photo with the label it had, copies too."""
        pairs = self.pairs
        held = [pair in pairs for pair in zip(table["sha256"], table["label"], strict=True)]
        return pd.Series(held, table.index, dtype=bool)

    def share(self, table: pd.DataFrame) -> float:
        """Return which share of the frozen photos the table holds, 0..1."""
        held = set(zip(table["sha256"], table["label"], strict=True)) & self.pairs
        return len(held) / max(1, len(self))

    def find_touching(self, table: pd.DataFrame) -> "pd.Series[bool]":
        """Say of every row whether it is, looks like, or is of the same listing as a frozen photo.

        Parameters
        ----------
        table : with the columns `sha256`, `phash` and `listing`
        """
        same = table["sha256"].isin(self.photos["sha256"])
        same |= table["listing"].isin(self.photos["listing"])
        rows = np.flatnonzero(table["phash"].notna())
        hashes = to_hashes(table["phash"].iloc[rows])
        frozen = to_hashes(self.photos["phash"])
        alike = np.zeros(len(table), bool)
        alike[rows[near_pairs(hashes, frozen, self.near_radius)[:, 0]]] = True
        return same | alike


def read_frozen(folder: Path, near_radius: int, columns: Sequence[str] = COLUMNS) -> FrozenTest:
    """Read `frozen_test.csv` of a dataset's folder; empty when nothing was frozen yet.

    `columns` are those of the file: what is no photo has no `phash`.

    Raises
    ------
    BadInput
        If a column is missing or a photo stands there twice.
    """
    file = folder / FILE
    if not file.is_file():
        return FrozenTest(pd.DataFrame(columns=list(columns), dtype="object"), near_radius)
    photos = pd.read_csv(file, dtype="str", keep_default_na=False)
    absent = set(columns) - set(photos.columns)
    if absent:
        raise BadInput(f"'{file}' lacks the column(s) {', '.join(sorted(absent))}")
    if photos["sha256"].duplicated().any():
        raise BadInput(f"'{file}' holds a photo twice; restore it from the repository")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return FrozenTest(photos[list(columns)], near_radius, digest)


def freeze_test(table: pd.DataFrame, folder: Path, columns: Sequence[str] = COLUMNS) -> Path:
    """Write the test photos of a first split down, once and for all.

    Parameters
    ----------
    table : as `assign_splits` returns it
    folder : the dataset's folder
    columns : what is kept of each photo

    Returns
    -------
    The file written: hashes, labels, sources and listings, no pictures and no paths.

    Raises
    ------
    BadInput
        If there is a frozen test set already, or no photo to freeze.
    """
    file = folder / FILE
    test = table.loc[table["split"] == "test", list(columns)].sort_values(["sha256"])
    if test.empty:
        raise BadInput("the split holds no test photos; nothing was frozen")
    try:
        with file.open("x", encoding="utf-8", newline="") as writing:
            test.to_csv(writing, index=False, lineterminator="\n")
    except FileExistsError as error:
        raise BadInput(
            f"'{file}' is there already and is never overwritten: every figure ever reported "
            "on it would lose its meaning"
        ) from error
    return file
