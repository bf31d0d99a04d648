import hashlib
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from serving.errors import BadInput
from training.data.duplicates import mark_duplicates, mark_quarantine
from training.data.frozen import COLUMNS, FrozenTest
from training.data.manifest import SplitRule
from training.data.splits import (
    assign_splits,
    count_splits,
    find_components,
    split_digest,
    training_rows,
    write_splits,
)

RADIUS = 6
RULE = SplitRule(salt="test-1", validation=0.25, test=0.25)
NOTHING = FrozenTest(pd.DataFrame(columns=COLUMNS, dtype="object"), RADIUS)

# (listing, picture, saved again): few of each, so that ties and chains of ties are common
photo = st.tuples(
    st.integers(0, 12), st.integers(0, 15), st.integers(0, 1), st.sampled_from(["pool", "yard"])
)
photos = st.lists(photo, min_size=1, max_size=40)
quick = settings(deadline=None, max_examples=30)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def make_table(
    rows: list[tuple[int, int, int, str]], settled: frozenset[tuple[str, str]] = frozenset()
) -> pd.DataFrame:
    """Photos whose pictures are 64 random bits each, of which saving again changes one."""
    table = pd.DataFrame(
        {
            "uri": [f"file:///{place:03d}.jpg" for place in range(len(rows))],
            "label": [label for *_, label in rows],
            "source": "test",
            "listing": [f"test/{listing}" for listing, *_ in rows],
            "sha256": [_hash(f"{picture}-{version}") for _, picture, version, _ in rows],
            "phash": [
                f"{int(_hash(str(picture))[:16], 16) ^ version:016x}"
                for _, picture, version, _ in rows
            ],
            "error": None,
        }
    )
    return mark_quarantine(mark_duplicates(table, RADIUS), ["pool", "yard"], settled)


def freeze(table: pd.DataFrame) -> FrozenTest:
    """The frozen test set of a split."""
    rows = table.loc[table["split"] == "test", COLUMNS]
    return FrozenTest(rows.reset_index(drop=True), RADIUS)


@quick
@given(photos)
def test_assign_splits_never_lets_a_listing_or_picture_straddle(
    rows: list[tuple[int, int, int, str]],
) -> None:
    table = assign_splits(make_table(rows), RULE, NOTHING)
    used = table[table["split"] != "excluded"]
    for key in ("listing", "duplicate_group", "sha256", "phash"):
        assert (used.groupby(key)["split"].nunique() <= 1).all()
    assert (used["split"].groupby(find_components(table)[used.index]).nunique() <= 1).all()


@quick
@given(photos, st.randoms())
def test_assign_splits_does_not_depend_on_the_order(
    rows: list[tuple[int, int, int, str]],
    random: Random,
) -> None:
    table = make_table(rows)
    shuffled = table.sample(frac=1, random_state=random.randrange(2**32))
    shuffled = mark_duplicates(shuffled, RADIUS)
    here, there = (assign_splits(one, RULE, NOTHING) for one in (table, shuffled))
    pd.testing.assert_frame_equal(here, there.sort_index(), check_like=True)
    assert split_digest(here) == split_digest(there)


@quick
@given(photos, photos)
def test_assign_splits_never_moves_a_photo_when_others_are_added(
    old: list[tuple[int, int, int, str]], new: list[tuple[int, int, int, str]]
) -> None:
    before = assign_splits(make_table(old), RULE, NOTHING)
    after = assign_splits(make_table(old + new), RULE, NOTHING)[: len(old)]
    moved = before["split"] != after["split"]
    assert (after["split"][moved] == "excluded").all()


@quick
@given(photos, photos)
def test_assign_splits_keeps_the_frozen_test_set_whatever_is_added(
    old: list[tuple[int, int, int, str]], new: list[tuple[int, int, int, str]]
) -> None:
    before = assign_splits(make_table(old), RULE, NOTHING)
    frozen = freeze(before)
    assume(len(frozen))
    after = assign_splits(make_table(old + new, frozen.pairs), RULE, frozen)
    test = after[after["split"] == "test"]
    assert sorted(test["sha256"]) == sorted(frozen.photos["sha256"])
    moved = before["split"] != after["split"][: len(old)]
    assert set(after["split"][: len(old)][moved]) <= {"excluded"}
    training = training_rows(after, frozen)
    assert not frozen.find_touching(training).any()
    assert set(training["split"]) <= {"train", "validation"}


@quick
@given(photos)
def test_assign_splits_is_unchanged_by_the_freeze_itself(
    rows: list[tuple[int, int, int, str]],
) -> None:
    table = make_table(rows)
    before = assign_splits(table, RULE, NOTHING)
    after = assign_splits(table, RULE, freeze(before))
    pd.testing.assert_series_equal(before["split"], after["split"])


@quick
@given(photos, st.data())
def test_training_rows_refuses_a_split_that_was_tampered_with(
    rows: list[tuple[int, int, int, str]], data: st.DataObject
) -> None:
    table = assign_splits(make_table(rows), RULE, NOTHING)
    frozen = freeze(table)
    tied = find_components(table).isin(find_components(table)[table["split"] == "test"])
    assume(tied.any())
    leak = data.draw(st.sampled_from(table.index[tied].tolist()))
    table.loc[leak, "split"] = data.draw(st.sampled_from(["train", "validation"]))
    with pytest.raises(BadInput, match="tied to the frozen test set"):
        training_rows(table, frozen)


def _several(count: int) -> pd.DataFrame:
    """So many listings of one picture each."""
    return assign_splits(make_table([(n, n, 0, "pool") for n in range(count)]), RULE, NOTHING)


def test_assign_splits_keeps_near_the_shares() -> None:
    shares = _several(2000)["split"].value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.25, abs=0.03)
    assert shares["validation"] == pytest.approx(0.25, abs=0.03)


def test_assign_splits_leaves_quarantine_out_and_says_so() -> None:
    table = make_table([(1, 1, 0, "pool"), (2, 1, 1, "yard"), (3, 3, 0, "pool")])
    split = assign_splits(table, RULE, NOTHING)
    assert split["split"][:2].tolist() == ["excluded"] * 2
    assert split["split_note"].tolist()[:2] == ["in quarantine"] * 2
    assert pd.isna(split["split_note"][2])


def test_assign_splits_keeps_further_test_listings_in_reserve() -> None:
    old = _several(40)
    frozen = freeze(old)
    more = make_table([(n, n, 0, "pool") for n in range(80)])
    split = assign_splits(more, RULE, frozen)
    assert (split["split"][:40] == old["split"]).all()
    assert (split["split"] == "test").sum() == len(frozen)
    assert set(split["split"][40:]) == {"train", "validation", "reserve"}


def test_assign_splits_excludes_a_frozen_photo_under_another_label() -> None:
    old = _several(40)
    frozen = freeze(old)
    relabelled = make_table([(n, n, 0, "yard") for n in range(40)], frozen.pairs)
    split = assign_splits(relabelled, RULE, frozen)
    was_test = old["split"] == "test"
    assert set(split["split"][was_test]) == {"excluded"}
    assert set(split["split_note"][was_test]) == {"tied to the frozen test set"}


def test_training_rows_knows_the_frozen_photos_while_they_are_not_at_hand() -> None:
    old = _several(40)
    frozen = freeze(old)
    picture = int(old.index[old["split"] == "test"][0])
    kept = [(n, n, 0, "pool") for n in range(40) if old["split"][n] == "train"]
    resaved = (99, picture, 1, "pool")  # a look-alike of a test photo, in a listing of its own
    split = assign_splits(make_table([*kept, resaved]), RULE, frozen)
    assert split["split"].iloc[-1] == "excluded"
    split.loc[split.index[-1], "split"] = "train"
    with pytest.raises(BadInput, match="tied to the frozen test set"):
        training_rows(split, frozen)


def test_training_rows_refuses_train_and_validation_that_share_a_listing() -> None:
    table = _several(40)
    frozen = freeze(table)
    first, second = table.index[table["split"] == "train"][:2]
    table.loc[second, "split"] = "validation"
    table.loc[second, "listing"] = table["listing"][first]
    with pytest.raises(BadInput, match="train and validation at once"):
        training_rows(table, frozen)


def test_training_rows_wants_a_frozen_test_set_first() -> None:
    with pytest.raises(BadInput, match="freeze"):
        training_rows(_several(5), NOTHING)


def test_split_digest_changes_with_label_and_split() -> None:
    table = _several(5)
    digests = {split_digest(table)}
    for column, value in (("label", "yard"), ("split", "other"), ("sha256", None)):
        changed = table.copy()
        changed.loc[0, column] = value
        digests.add(split_digest(changed))
    assert len(digests) == 4
    assert all(len(digest) == 12 for digest in digests)


def test_count_splits_has_a_column_for_every_split() -> None:
    counts = count_splits(_several(40))
    assert counts.columns.tolist() == ["train", "validation", "test", "reserve", "excluded"]
    assert counts.to_numpy().sum() == 40


def test_write_splits_writes_no_paths_and_no_order(tmp_path: Path) -> None:
    table = _several(10)
    write_splits(table, tmp_path / "a.csv")
    write_splits(table[::-1], tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert "file://" not in (tmp_path / "a.csv").read_text()
