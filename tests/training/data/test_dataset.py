import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from serving.errors import BadInput
from training.data.dataset import Dataset, build_table, load_table, open_dataset, save_table
from training.data.settings import DataSettings
from training.data.splits import assign_splits, split_digest, training_rows
from training.data.validate import validate_table

DATA = os.environ.get("STUDIO_DATA")
real = pytest.mark.skipif(not DATA, reason="STUDIO_DATA is not set")


def test_build_table_has_the_documented_columns(
    dataset: Dataset, photos_folder: Path, tmp_path: Path
) -> None:
    table = build_table(dataset, photos_folder, tmp_path, progress=False)
    assert table.columns.tolist() == [
        *("uri", "label", "source", "listing", "sha256", "phash", "width", "height", "format"),
        *("mode", "bytes", "brightness", "sharpness", "error"),
        *("copies", "duplicate_group", "two_labels", "quarantine"),
    ]
    assert table["quarantine"].isna().all()
    assert table["duplicate_group"].isna().all()


def test_load_table_returns_what_was_kept(
    dataset: Dataset, photos_folder: Path, tmp_path: Path
) -> None:
    table = build_table(dataset, photos_folder, tmp_path, progress=False)
    table = assign_splits(table, dataset.manifest.splits, dataset.frozen)
    save_table(table, tmp_path / "kept")
    loaded = load_table(tmp_path / "kept")
    present = table.notna()
    assert (present == loaded.notna()).all(axis=None)
    assert (table.where(present, 0) == loaded.where(present, 0)).all(axis=None)
    pd.testing.assert_series_equal(
        assign_splits(loaded, dataset.manifest.splits, dataset.frozen)["split"], table["split"]
    )


def test_load_table_says_what_to_run_first(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"training\.data split"):
        load_table(tmp_path)


def test_open_dataset_says_which_threshold_is_wrong(dataset_folder: Path) -> None:
    file = dataset_folder / "expectations.yaml"
    file.write_text(file.read_text().replace("share: 0.99", "share: 99", 1))
    with pytest.raises(BadInput, match=r"expectations\.yaml.*share"):
        open_dataset(dataset_folder)


@pytest.mark.data
@real
def test_build_table_of_real_photos_knows_the_frozen_ones(tmp_path: Path) -> None:
    dataset = open_dataset(DataSettings().dataset_folder())
    for source, label, names in (
        ("houses", "bathroom", ("199", "214", "012")),
        ("houses", "bedroom", ("199", "214", "012")),
        ("places_small", "hallway", tuple(f"{n:08d}" for n in range(1, 21))),
    ):
        folder = tmp_path / "rooms" / source / label
        folder.mkdir(parents=True)
        for name in names:
            shutil.copy(Path(DATA or "") / f"rooms/{source}/{label}/{name}.jpg", folder)
    (tmp_path / "rooms/places/kitchen").mkdir(parents=True)
    photo = Path(DATA or "") / "rooms/places/kitchen/00000001.jpg"
    shutil.copy(photo, tmp_path / "rooms/places/kitchen")

    table = build_table(dataset, tmp_path, tmp_path / "cache", progress=False)
    table = assign_splits(table, dataset.manifest.splits, dataset.frozen)
    assert len(table) == 27
    assert table["error"].isna().all()
    same_house = table[table["listing"].isin(["houses/199", "houses/214"])]
    assert same_house["duplicate_group"].nunique() == 2
    assert len(set(same_house["split"]) - {"excluded"}) == 1
    two_labels = table[table["listing"] == "houses/012"]
    assert two_labels["quarantine"].str.contains("bathroom, bedroom").all()
    hallways = table[table["label"] == "hallway"]
    assert (hallways["split"] == "test").sum() == hallways["sha256"].isin(
        dataset.frozen.photos["sha256"]
    ).sum()


@pytest.mark.data
@pytest.mark.slow
@real
def test_the_real_photos_pass_and_split_as_the_card_says(tmp_path: Path) -> None:
    dataset = open_dataset(DataSettings().dataset_folder())
    table = build_table(dataset, Path(DATA or ""), tmp_path / "cache", progress=False)
    table = assign_splits(table, dataset.manifest.splits, dataset.frozen)
    verdict = validate_table(table, dataset, tmp_path / "docs")
    assert verdict.failures == ()
    assert split_digest(table) in (dataset.folder / "README.md").read_text("utf-8")
    assert (table["split"] == "test").sum() == len(dataset.frozen)
    assert len(training_rows(table, dataset.frozen)) == (
        table["split"].isin(["train", "validation"]).sum()
    )
