"""Rows of a dataset's table: those that training may see, and few of each label for a quick run."""

import pandas as pd

from training.recipe import Dataset, Rows


def learning_rows(table: pd.DataFrame, dataset: Dataset, per_label: int | None) -> Rows:
    """Return what training may see: the rows to learn from, and those to validate on."""
    rows = limit_rows(dataset.training_rows(table), per_label)
    return Rows(rows[rows["split"] == "train"], rows[rows["split"] == "validation"], dataset)


def limit_rows(rows: pd.DataFrame, per_label: int | None) -> pd.DataFrame:
    """Keep at most so many rows of each split, source and label, the same every time."""
    if per_label is None:
        return rows
    ordered = rows.sort_values("sha256")
    return ordered.groupby(["split", "source", "label"], sort=True).head(per_label)
