from collections.abc import Callable

import cv2
import numpy as np
import pandas as pd
import pytest

from serving.image import Image
from training.data.describe import hash_picture
from training.data.duplicates import connect, mark_duplicates, mark_quarantine, near_pairs

Paint = Callable[..., Image]


def _table(rows: list[tuple[str | None, str | None, str]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["sha256", "phash", "label"])
    return table.assign(error=pd.Series([None if row[1] else "cut short" for row in rows], None))


def _hex(bits: int) -> str:
    return f"{bits:016x}"


def test_hash_picture_is_near_for_a_copy_and_far_for_another(paint: Paint) -> None:
    image = paint(1, 300, 400)
    small = cv2.resize(image, (200, 150), interpolation=cv2.INTER_AREA).astype(np.uint8)
    here, copy, other = (int(hash_picture(one), 16) for one in (image, small, paint(2, 300, 400)))
    assert (here ^ copy).bit_count() <= 6
    assert (here ^ other).bit_count() > 12


def test_near_pairs_agrees_with_counting_bits_one_by_one() -> None:
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**12, 1500, np.uint64)
    found = near_pairs(hashes, hashes[:40], 2)
    wanted = [
        [i, j]
        for i, one in enumerate(hashes.tolist())
        for j, two in enumerate(hashes[:40].tolist())
        if (one ^ two).bit_count() <= 2
    ]
    assert found.tolist() == wanted


def test_connect_follows_chains() -> None:
    component = connect(5, np.array([[0, 1], [1, 3]]))
    assert component[0] == component[1] == component[3]
    assert len(set(component.tolist())) == 3


def test_mark_duplicates_groups_same_bytes_and_near_looks() -> None:
    table = mark_duplicates(
        _table(
            [
                ("aa", _hex(0), "pool"),
                ("aa", _hex(0), "pool"),
                ("bb", _hex(0b111111), "pool"),
                ("cc", _hex(0b111111111111), "pool"),
                ("dd", _hex(2**40 - 1), "pool"),
                (None, None, "pool"),
                (None, None, "pool"),
            ]
        ),
        near_radius=6,
    )
    assert table["copies"].tolist() == [2, 2, 1, 1, 1, 0, 0]
    assert table["duplicate_group"][:4].tolist() == ["aa"] * 4
    assert table["duplicate_group"][4:].isna().all()


def test_mark_duplicates_groups_undecodable_copies_by_their_bytes() -> None:
    table = mark_duplicates(_table([("aa", None, "pool"), ("aa", None, "pool")]), near_radius=6)
    assert table["duplicate_group"].tolist() == ["aa", "aa"]


@pytest.mark.parametrize("rows", [[], [("aa", _hex(0), "pool")]])
def test_mark_duplicates_takes_small_tables(rows: list[tuple[str, str, str]]) -> None:
    table = mark_quarantine(mark_duplicates(_table(list(rows)), 6), ["pool"])
    assert table["duplicate_group"].isna().all()
    assert table["quarantine"].isna().all()


def test_mark_quarantine_gives_each_reason() -> None:
    table = mark_duplicates(
        _table(
            [
                ("aa", _hex(0), "pool"),
                ("bb", _hex(1), "yard"),
                ("cc", _hex(2**40 - 1), "pond"),
                ("dd", None, "pool"),
                ("ee", _hex(2**50 - 2**20), "pool"),
            ]
        ),
        near_radius=6,
    )
    marked = mark_quarantine(table, ["pool", "yard"])
    assert marked["two_labels"][:2].tolist() == ["pool, yard"] * 2
    assert "also labelled otherwise: pool, yard" in marked["quarantine"][0]
    assert marked["quarantine"][2] == "the taxonomy has no 'pond'"
    assert marked["quarantine"][3] == "unreadable: cut short"
    assert pd.isna(marked["quarantine"][4])
    assert "quarantine" not in table


def test_mark_quarantine_leaves_a_settled_photo_alone() -> None:
    table = mark_duplicates(_table([("aa", _hex(0), "pool"), ("bb", _hex(1), "yard")]), 6)
    marked = mark_quarantine(table, ["pool", "yard"], settled={("aa", "pool")})
    assert marked["quarantine"].isna().tolist() == [True, False]
