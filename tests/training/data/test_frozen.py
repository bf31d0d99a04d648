from pathlib import Path

import pandas as pd
import pytest

from serving.errors import BadInput
from training.data.frozen import COLUMNS, FILE, freeze_test, read_frozen


def _table(splits: list[str]) -> pd.DataFrame:
    table = pd.DataFrame({"split": splits})
    for column in COLUMNS:
        table[column] = [f"{column}-{n}" for n in range(len(splits))]
    table["phash"] = [f"{2**40 * n:016x}" for n in range(len(splits))]
    return table


def test_freeze_test_writes_hashes_that_read_frozen_finds_again(tmp_path: Path) -> None:
    table = _table(["train", "test", "test"])
    file = freeze_test(table, tmp_path)
    frozen = read_frozen(tmp_path, near_radius=6)
    assert file == tmp_path / FILE
    assert len(frozen) == 2
    assert frozen.find(table).tolist() == [False, True, True]
    assert frozen.pairs == {("sha256-1", "label-1"), ("sha256-2", "label-2")}


def test_freeze_test_never_overwrites(tmp_path: Path) -> None:
    freeze_test(_table(["test"]), tmp_path)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(BadInput, match="never overwritten"):
        freeze_test(_table(["test", "test"]), tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


def test_freeze_test_refuses_an_empty_test_set(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no test photos"):
        freeze_test(_table(["train"]), tmp_path)
    assert not (tmp_path / FILE).exists()


def test_read_frozen_is_empty_before_the_freeze(tmp_path: Path) -> None:
    frozen = read_frozen(tmp_path, near_radius=6)
    assert len(frozen) == 0
    assert not frozen.find_touching(_table(["train"])).any()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("sha256,label\na,pool\n", "lacks the column"),
        ("sha256,phash,label,source,listing\n" + "a,0,pool,s,l\n" * 2, "holds a photo twice"),
    ],
)
def test_read_frozen_says_what_is_wrong_with_the_file(
    tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(BadInput, match=said):
        read_frozen(tmp_path, near_radius=6)


def test_find_touching_sees_bytes_look_and_listing(tmp_path: Path) -> None:
    freeze_test(_table(["test"]), tmp_path)
    frozen = read_frozen(tmp_path, near_radius=6)
    others = pd.DataFrame(
        {
            "sha256": ["sha256-0", "x", "x", "x", None],
            "phash": ["f" * 16, f"{0b111111:016x}", "f" * 16, f"{0b1111111:016x}", None],
            "listing": ["x", "x", "listing-0", "x", "x"],
        }
    )
    assert frozen.find_touching(others).tolist() == [True, True, True, False, False]


def test_a_test_photo_is_relabelled_by_its_file_and_the_list_together(tmp_path: Path) -> None:
    """And then it is another test set: the gates' operator has to allow it."""
    table = _table(["test", "test"])
    file = freeze_test(table, tmp_path)
    before = read_frozen(tmp_path, near_radius=6)
    moved = table.assign(label=["label-0", "pool"])
    assert before.share(moved) == 0.5, "only the file was moved: validation finds a photo missing"
    file.write_text(file.read_text().replace("label-1", "pool"))
    after = read_frozen(tmp_path, near_radius=6)
    assert after.share(moved) == 1.0
    assert after.digest != before.digest
