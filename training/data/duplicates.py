"""The same picture more than once: byte for byte, nearly, and under two labels."""

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_CHUNK = 1024  # rows compared at once; 1024 x 7,400 hashes are 60 MB


def mark_duplicates(table: pd.DataFrame, near_radius: int) -> pd.DataFrame:
    """Say of every photo which picture it shows.

    Parameters
    ----------
    table : with the columns `sha256` and `phash`; left unchanged
    near_radius : bits of 64 in which two perceptual hashes may differ and still be one picture

    Returns
    -------
    A copy with the columns

    copies : how many photos have these very bytes, itself among them; 0 when it is not readable
    duplicate_group : the smallest SHA-256[:16] among the photos of one picture, which is chained:
        A near B and B near C are one; missing for a picture that is there once
    """
    copies = table["sha256"].map(table["sha256"].value_counts()).fillna(0).astype("int64")
    pairs = np.concatenate(
        [pairs_by_key(table["sha256"]), _near_rows(table["phash"], near_radius)], axis=0
    )
    component = pd.Series(connect(len(table), pairs), table.index)
    shared = component[component.duplicated(keep=False)]
    name = table["sha256"].str[:16][shared.index].groupby(shared).transform("min")
    return table.assign(copies=copies, duplicate_group=name.reindex(table.index).astype("object"))


def mark_quarantine(
    table: pd.DataFrame, labels: Collection[str], settled: Collection[tuple[str, str]] = ()
) -> pd.DataFrame:
    """Say of every photo whether it may be used at all.

    Parameters
    ----------
    table : as `mark_duplicates` returns it; left unchanged
    labels : what the taxonomy knows
    settled : (sha256, label) of photos whose label is beyond doubt, those of the frozen test set:
        a copy under another label puts only the copy in quarantine

    Returns
    -------
    A copy with the columns

    two_labels : the labels the picture stands under, such as `bedroom, kitchen`; else missing
    quarantine : why the photo is left out; missing for a good one
    """
    by_group = table.groupby("duplicate_group")["label"]
    both = by_group.agg(lambda group: ", ".join(sorted(set(group))))
    both = both[by_group.nunique() > 1]
    two_labels = table["duplicate_group"].map(both).astype("object")
    beyond_doubt = pd.Series(
        [pair in settled for pair in zip(table["sha256"], table["label"], strict=True)],
        table.index,
        dtype=bool,
    )
    reason = ("the same picture is also labelled otherwise: " + two_labels).mask(beyond_doubt)
    unknown = "the taxonomy has no '" + table["label"] + "'"
    reason = reason.mask(~table["label"].isin(labels), unknown)
    reason = reason.mask(table["error"].notna(), "unreadable: " + table["error"].astype("object"))
    return table.assign(two_labels=two_labels, quarantine=reason)


def near_pairs(left: Hashes, right: Hashes, radius: int) -> Ints:
    """Find all pairs of 64-bit hashes that differ in at most `radius` bits.

    Returns
    -------
    int64, shape (pairs, 2)
        Indices into `left` and `right`, sorted.

    Examples
    --------
    >>> near_pairs(np.array([0b1111], np.uint64), np.array([0b1, 0b11], np.uint64), 2).tolist()
    [[0, 1]]
    """
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(left), _CHUNK):
        distance = np.bitwise_count(left[start : start + _CHUNK, None] ^ right[None, :])
        found.append(np.argwhere(distance <= radius) + np.array((start, 0)))
    return np.concatenate(found)


def to_hashes(phash: "pd.Series[str]") -> Hashes:
    """Turn hexadecimal hashes into numbers."""
    return np.array([int(text, 16) for text in phash], np.uint64)


def pairs_by_key(keys: "pd.Series[str]") -> Ints:
    """Pair every row with the first row of the same key; rows without a key stay alone.

    Examples
    --------
    >>> pairs_by_key(pd.Series(["a", "b", "a", None])).tolist()
    [[0, 0], [1, 1], [2, 0]]
    """
    codes, names = pd.factorize(keys)
    rows = np.flatnonzero(codes >= 0)
    first = np.zeros(len(names), np.int64)
    first[codes[rows[::-1]]] = rows[::-1]
    return np.stack([rows, first[codes[rows]]], axis=1)


def connect(count: int, pairs: Ints) -> Ints:
    """Give each of `count` rows the number of the component that `pairs` tie it into."""
    ties = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    component: Ints = connected_components(ties, directed=False)[1].astype(np.int64)
    return component


def _near_rows(phash: "pd.Series[str]", radius: int) -> Ints:
    rows = np.flatnonzero(phash.notna())
    hashes = to_hashes(phash.iloc[rows])
    return rows[near_pairs(hashes, hashes, radius)]
