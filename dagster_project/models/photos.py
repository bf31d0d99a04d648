"""Rows of the photo table as what training reads."""

import numpy as np
import pandas as pd

from serving.card import Label
from training.data.dataset import Dataset
from training.data.splits import training_rows
from training.loop.loaders import LabelledPhotos


def learning_photos(
    table: pd.DataFrame, dataset: Dataset, per_label: int | None
) -> tuple[LabelledPhotos, LabelledPhotos]:
    """Return what training may see: the photos to learn from, and those to validate on."""
    rows = limit_rows(training_rows(table, dataset.frozen), per_label)
    return (
        to_photos(rows[rows["split"] == "train"], dataset.taxonomy.labels),
        to_photos(rows[rows["split"] == "validation"], dataset.taxonomy.labels),
    )


def to_photos(rows: pd.DataFrame, labels: tuple[Label, ...]) -> LabelledPhotos:
    """Return a table's photos with the index of their label."""
    places = {label.name: place for place, label in enumerate(labels)}
    numbers = [places[name] for name in rows["label"]]
    return LabelledPhotos(tuple(rows["uri"]), np.array(numbers, np.int64))


def limit_rows(rows: pd.DataFrame, per_label: int | None) -> pd.DataFrame:
    """Keep at most so many photos of each split, source and label, the same every time."""
    if per_label is None:
        return rows
    ordered = rows.sort_values("sha256")
    return ordered.groupby(["split", "source", "label"], sort=True).head(per_label)
