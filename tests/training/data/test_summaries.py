import pandas as pd

from training.data.frozen import COLUMNS, FrozenTest
from training.data.summaries import find_frozen, sum_folders, sum_labels


def _table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source": ["a", "a", "a", "b"],
            "label": ["pool", "pool", "yard", "pool"],
            "sha256": ["1", "2", "3", "4"],
            "brightness": [100.0, 120.0, 90.0, 110.0],
            "sharpness": [10.0, 30.0, 40.0, 20.0],
            "quarantine": [None, None, None, "unreadable"],
        }
    )


def test_sum_labels_counts_the_usable_also_of_an_empty_label() -> None:
    sums = sum_labels(_table(), ("yard", "pool", "attic"))
    assert sums["name"].tolist() == ["yard", "pool", "attic"]
    assert sums["photos"].tolist() == [1, 2, 0]
    assert sums["share_of_largest"].tolist() == [0.5, 1.0, 0.0]
    assert sums["sharpness_ratio"][:2].round(2).tolist() == [1.33, 0.67]


def test_sum_labels_takes_a_table_without_usable_photos() -> None:
    table = _table().assign(quarantine="unreadable")
    assert sum_labels(table, ("pool", "yard"))["photos"].tolist() == [0, 0]


def test_sum_folders_counts_against_what_is_expected() -> None:
    sums = sum_folders(_table(), {"a": {"pool": 4, "attic": 5}}).set_index("name")
    assert sums.index.tolist() == ["a/attic", "a/pool", "a/yard", "b/pool"]
    assert sums["photos"].tolist() == [0, 2, 1, 1]
    assert sums["share_of_expected"][:2].tolist() == [0.0, 0.5]
    assert sums["share_of_expected"][2:].isna().all()
    assert sums.loc["b/pool", "usable"] == 0
    assert sums.loc["a/pool", "usable"] == 1


def test_find_frozen_misses_the_gone_and_the_relabelled() -> None:
    rows = [(sha256, "0", "pool", "a", "l") for sha256 in ("1", "3", "9")]
    found = find_frozen(_table(), FrozenTest(pd.DataFrame(rows, columns=COLUMNS), 6))
    assert found["found"].tolist() == [True, False, False]
