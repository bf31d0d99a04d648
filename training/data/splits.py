"""Who trains, who validates, who tests: by listing and by picture, the same on every machine.

A listing's split is a salted hash of its name, so it never depends on what else there is. Listings
that share a picture are one component. Where its listings were meant for different splits, the
most protected one (test, then validation) keeps its photos and the others are *excluded*, not
moved: adding photos can therefore take a photo out of use, and never move it from one split to
another.

Once the test set is frozen, `test` is exactly what was frozen. Everything tied to it is excluded,
and further listings that hash to the test go to the `reserve`: never trained on, they are the next
frozen test set.
"""

import hashlib
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd

from serving.errors import BadInput
from training.data.duplicates import Ints, connect, pairs_by_key
from training.data.frozen import FrozenTest
from training.data.manifest import SplitRule

Split = Literal["train", "validation", "test", "reserve", "excluded"]
SPLITS: tuple[Split, ...] = get_args(Split)
WRITTEN = ["sha256", "label", "source", "listing", "split", "split_note"]
_PROTECTION = {"test": 0, "reserve": 0, "validation": 1, "train": 2}


def assign_splits(table: pd.DataFrame, rule: SplitRule, frozen: FrozenTest) -> pd.DataFrame:
    """Give every photo its split.

    Parameters
    ----------
    table : with the columns uri, sha256, phash, label, listing, duplicate_group and quarantine,
        and an index without repeats; left unchanged, the order of its rows does not matter
    rule : salt and shares
    frozen : the frozen test set, empty before the freeze

    Returns
    -------
    A copy with the columns

    split : `train`, `validation`, `test`, `reserve` or `excluded`
    split_note : why a photo is excluded; missing for the others
    """
    component = find_components(table)
    by_listing = {name: _hash_split(name, rule) for name in table["listing"].unique()}
    own = table["listing"].map(by_listing).astype("object")
    if len(frozen):
        own = own.replace("test", "reserve")
    protection = own.map(_PROTECTION)
    note = pd.Series(None, table.index, dtype="object")
    outranked = protection > protection.groupby(component).transform("min")
    note[outranked] = "its listing shares a picture with one of a more protected split"
    note[_any_in(frozen.find_touching(table), component)] = "tied to the frozen test set"
    note[table["quarantine"].notna()] = "in quarantine"

    test = frozen.find(table) if len(frozen) else (own == "test") & note.isna()
    note[test] = None
    note[_find_copies(table[test], frozen)] = "a copy of another test photo"
    split = own.mask(test, "test").mask(note.notna(), "excluded")
    return table.assign(split=split, split_note=note)


def training_rows(table: pd.DataFrame, frozen: FrozenTest) -> pd.DataFrame:
    """Return the photos to train and validate on; the only way by which training gets any.

    What the split says is not believed: whether a photo is tied to the frozen test set, by its
    bytes, its look, its listing or through other photos, is found anew.

    Parameters
    ----------
    table : all photos, as `assign_splits` returns them; not just those to train on, since ties
        may run through the others
    frozen : the frozen test set

    Raises
    ------
    BadInput
        If nothing was frozen yet, a photo is tied to the frozen test set, or a listing or a
        picture is in both splits.
    """
    if not len(frozen):
        raise BadInput("no test set is frozen yet; run `python -m training.data freeze` first")
    component = find_components(table)
    used = table["split"].isin(("train", "validation"))
    leaks = table["uri"][used & _any_in(frozen.find_touching(table), component)]
    if len(leaks):
        raise BadInput(
            f"{len(leaks)} photos of train and validation are tied to the frozen test set, "
            f"'{leaks.min()}' among them; split again with `python -m training.data split`"
        )
    rows = table[used]
    straddling = rows["split"].groupby(component[used]).nunique() > 1
    if straddling.any():
        raise BadInput(
            f"{straddling.sum()} groups of listings or pictures are in train and validation at "
            "once; split again with `python -m training.data split`"
        )
    return rows.copy()


def find_components(table: pd.DataFrame) -> "pd.Series[int]":
    """Give photos that a listing or a picture ties together the same number."""
    keys = (table["listing"], table["duplicate_group"])
    pairs: Ints = np.concatenate([pairs_by_key(key) for key in keys])
    return pd.Series(connect(len(table), pairs), table.index)


def split_digest(table: pd.DataFrame) -> str:
    """Return the data's version: 12 hex digits over all (sha256, label, split), in any order."""
    lines = sorted(
        f"{sha256},{label},{split}\n"
        for sha256, label, split in zip(
            table["sha256"].fillna(""), table["label"], table["split"], strict=True
        )
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:12]


def count_splits(table: pd.DataFrame) -> pd.DataFrame:
    """Count the photos of each (source, label), a row each, in each split, a column each."""
    counts = pd.crosstab([table["source"], table["label"]], table["split"])
    return counts.reindex(columns=list(SPLITS), fill_value=0)


def write_splits(table: pd.DataFrame, file: Path) -> None:
    """Write the split down as CSV, sorted, without paths: the same file on every machine."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = table[WRITTEN].sort_values(WRITTEN[:4])
    rows.to_csv(file, index=False, lineterminator="\n")


def _hash_split(listing: str, rule: SplitRule) -> Split:
    digest = hashlib.sha256(f"{rule.salt}:{listing}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < rule.test:
        return "test"
    return "validation" if place < rule.test + rule.validation else "train"


def _find_copies(test: pd.DataFrame, frozen: FrozenTest) -> "pd.Index[int]":
    """Say which rows repeat a test photo's bytes; the listing that was frozen is no copy."""
    listings = dict(zip(frozen.photos["sha256"], frozen.photos["listing"], strict=True))
    order = test.assign(elsewhere=test["sha256"].map(listings) != test["listing"])
    repeated = order.sort_values(["elsewhere", "uri"])["sha256"].duplicated()
    return repeated.index[repeated]


def _any_in(flags: "pd.Series[bool]", component: "pd.Series[int]") -> "pd.Series[bool]":
    """Spread a flag over the whole component of each row that has it."""
    return component.isin(component[flags])
