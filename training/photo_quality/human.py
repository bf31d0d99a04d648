"""What people said of photos: a score of 0-100 for each, joined in by content."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import training
from serving.errors import BadInput

SCORES = Path(training.__file__).absolute().parents[1] / "datasets/photo_quality/human_scores.csv"


def human_scores(sha256: "pd.Series[str]", file: Path = SCORES) -> NDArray[np.float32]:
    """Return a score for each photo, float32 (n,); NaN where nobody gave one.

    Several people's scores of one photo are averaged.

    Parameters
    ----------
    file : CSV with the columns `sha256` and `score`

    Raises
    ------
    BadInput
        A column is missing, or a score is not within 0..100.
    """
    table = pd.read_csv(file)
    missing = {"sha256", "score"} - set(table.columns)
    if missing:
        raise BadInput(f"'{file}' has no column {sorted(missing)}")
    if not table["score"].between(0, 100).all():
        raise BadInput(f"'{file}' has scores that are not within 0..100")
    means = table.groupby("sha256")["score"].mean()
    scores: NDArray[np.float32] = sha256.map(means).to_numpy(np.float32)
    return scores
