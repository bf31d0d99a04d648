"""The photos worth a look, as small pictures that lie in the page itself."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import pandas as pd
import simplejpeg

from serving.errors import BadInput
from serving.image import decode
from training.data.describe import MAX_BYTES, MAX_PIXELS
from training.data.objects import read_photo
from training.data.summaries import name_photo

_SIDE = 132
_SHOWN = 12  # photos, or groups of one picture, in a gallery


@dataclass(frozen=True)
class Tile:
    """A photo: its picture as a data URI (None when it cannot be decoded), its name and a note."""

    picture: str | None
    name: str
    note: str


@dataclass(frozen=True)
class Gallery:
    """Groups of photos under one heading; `total`, if said, counts those not shown too."""

    title: str
    note: str
    total: int | None
    groups: tuple[tuple[Tile, ...], ...]


def pick_galleries(table: pd.DataFrame, labels: tuple[str, ...]) -> Iterator[Gallery]:
    """Choose what to show: quarantine, duplicates, the extremes of each source, and each label.

    Parameters
    ----------
    table : as `build_table` returns it
    labels : the taxonomy's, in order
    """
    yield _show_unreadable(table)
    two_labels = table["two_labels"].notna()
    yield _show_groups(
        table[two_labels],
        "One picture under two labels",
        "In quarantine: nobody knows which label is right. Correct the source.",
    )
    yield _show_groups(
        table[~two_labels],
        "One picture more than once",
        "Same bytes or nearly the same look, under one label. Never on both sides of a split.",
    )
    for column, low_first, title in (
        ("brightness", True, "Darkest"),
        ("brightness", False, "Brightest"),
        ("sharpness", True, "Least sharp"),
    ):
        yield _show_extremes(table, column, low_first, title)
    for label in labels:
        yield _show_label(table[table["label"] == label], label)


def make_picture(uri: str) -> str | None:
    """Return the photo as a small JPEG in a data URI; None when it cannot be decoded."""
    try:
        image = decode(read_photo(uri, MAX_BYTES), MAX_PIXELS, min_side=_SIDE)
    except BadInput:
        return None
    scale = _SIDE / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return "data:image/jpeg;base64," + base64.b64encode(
        simplejpeg.encode_jpeg(small, quality=70)
    ).decode("ascii")


def _show_unreadable(table: pd.DataFrame) -> Gallery:
    bad = table[table["error"].notna()].sort_values("uri")
    tiles = tuple(
        Tile(None, name_photo(uri), error)
        for uri, error in bad[["uri", "error"]].head(_SHOWN).itertuples(index=False)
    )
    groups = (tiles,) if tiles else ()
    return Gallery("Unreadable", "In quarantine: they cannot be decoded.", len(bad), groups)


def _show_groups(rows: pd.DataFrame, title: str, note: str) -> Gallery:
    groups = [group for _, group in rows.groupby("duplicate_group")]
    shown = tuple(
        _to_tiles(group.sort_values("uri").head(_SHOWN), "label") for group in groups[:_SHOWN]
    )
    return Gallery(title, note, len(groups), shown)


def _show_extremes(table: pd.DataFrame, column: str, low_first: bool, title: str) -> Gallery:
    good = table[table["error"].isna()].sort_values([column, "uri"], ascending=[low_first, True])
    per_source = _SHOWN // 2
    groups = tuple(
        _to_tiles(rows.head(per_source), column) for _, rows in good.groupby("source", sort=True)
    )
    return Gallery(title, f"By {column}, {per_source} of each source.", None, groups)


def _show_label(rows: pd.DataFrame, label: str) -> Gallery:
    good = rows[rows["quarantine"].isna()].sort_values(["sha256", "uri"])
    tiles = _to_tiles(good.head(_SHOWN), "source")
    return Gallery(label, "A few, picked by hash.", len(good), (tiles,) if tiles else ())


def _to_tiles(rows: pd.DataFrame, column: str) -> tuple[Tile, ...]:
    return tuple(
        Tile(
            make_picture(uri),
            name_photo(uri),
            f"{column} {value:.0f}" if isinstance(value, float) else str(value),
        )
        for uri, value in zip(rows["uri"], rows[column], strict=True)
    )
