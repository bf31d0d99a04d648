"""The table of photos summed up: by label, by folder of a source, and against the frozen test."""

from collections.abc import Mapping
from urllib.parse import unquote

import pandas as pd

from training.data.frozen import FrozenTest


def name_photo(uri: str) -> str:
    """Shorten a URI to what a person needs to find the photo.

    Examples
    --------
    >>> name_photo("file:///data/rooms/houses/kitchen/001.jpg")
    'houses/kitchen/001.jpg'
    """
    return unquote("/".join(uri.split("/")[-3:]))


def sum_labels(table: pd.DataFrame, labels: tuple[str, ...]) -> pd.DataFrame:
    """Sum up each label of the taxonomy, also one without photos.

    Returns
    -------
    One row per label, in their order, with

    photos : those not in quarantine
    share_of_largest : photos against the label that has most, 0..1
    brightness, sharpness : medians
    sharpness_ratio : the label's median sharpness against that of all photos
    """
    usable = table[table["quarantine"].isna()]
    medians = usable.groupby("label")[["brightness", "sharpness"]].median().reindex(list(labels))
    photos = usable["label"].value_counts().reindex(list(labels), fill_value=0)
    return medians.assign(
        name=list(labels),
        label=list(labels),
        photos=photos,
        share_of_largest=photos / max(photos.max(), 1),
        sharpness_ratio=medians["sharpness"] / usable["sharpness"].median(),
    ).reset_index(drop=True)


def sum_folders(table: pd.DataFrame, expected: Mapping[str, Mapping[str, int]]) -> pd.DataFrame:
    """Sum up each label of each source, also one that was expected and is not there.

    Parameters
    ----------
    table : all photos
    expected : source → label → photos it should have

    Returns
    -------
    One row per (source, label), sorted, with

    photos, expected : how many there are and should be; missing where nothing is expected
    share_of_expected : the one against the other
    usable : share of the photos that are not in quarantine, 0..1
    brightness, sharpness : medians
    """
    wanted = pd.Series(
        {(source, label): count for source, by in expected.items() for label, count in by.items()},
        dtype="float64",
    )
    groups = table.groupby(["source", "label"])
    found = groups.size()
    index = sorted({*found.index, *wanted.index})
    folders = pd.DataFrame({"photos": found.reindex(index, fill_value=0)})
    folders["expected"] = wanted.reindex(index)
    folders["share_of_expected"] = folders["photos"] / folders["expected"]
    folders["usable"] = 1 - groups["quarantine"].count() / found
    folders[["brightness", "sharpness"]] = groups[["brightness", "sharpness"]].median()
    folders.index.names = ["source", "label"]
    folders = folders.reset_index()
    return folders.assign(name=folders["source"] + "/" + folders["label"])


def find_frozen(table: pd.DataFrame, frozen: FrozenTest) -> pd.DataFrame:
    """Say of every frozen photo whether it is still there, unchanged and with its label.

    Returns
    -------
    One row per frozen photo with `name` (label, source and the hash's beginning) and `found`.
    """
    photos = frozen.photos
    there = set(zip(table["sha256"], table["label"], strict=True))
    return pd.DataFrame(
        {
            "name": photos["source"] + "/" + photos["label"] + " " + photos["sha256"].str[:12],
            "found": [
                pair in there for pair in zip(photos["sha256"], photos["label"], strict=True)
            ],
        }
    )
