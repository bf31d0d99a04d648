import re
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from serving.image import Image
from training.data.dataset import Dataset, build_table, open_dataset
from training.data.frozen import freeze_test
from training.data.splits import assign_splits
from training.data.validate import Validation, validate_table

Break = Callable[[Path], None]

pytestmark = pytest.mark.slow  # Great Expectations takes a second or two to judge and to render


def _validate(dataset: Dataset, data: Path, out: Path) -> Validation:
    table = build_table(dataset, data, out / "cache", progress=False)
    table = assign_splits(table, dataset.manifest.splits, dataset.frozen)
    return validate_table(table, dataset, out / "docs")


def _redraw(file: Path, change: Callable[[Image], Image]) -> None:
    image = cv2.imread(str(file))
    assert image is not None
    cv2.imwrite(str(file), change(image.astype(np.uint8)))


def _misspell_a_folder(data: Path) -> None:
    (data / "stock/pool").rename(data / "stock/pond")


def _move_photos_to_another_class(data: Path) -> None:
    for number in range(5):
        (data / f"stock/kitchen/{number:03d}.jpg").rename(data / f"stock/pool/moved{number}.jpg")


def _copy_a_folder_into_another(data: Path) -> None:
    for file in sorted((data / "homes/kitchen").iterdir())[:5]:
        shutil.copy(file, data / "homes/bathroom" / f"copy-{file.name}")


def _truncate_a_fifth(data: Path) -> None:
    for file in sorted(data.rglob("*.jpg"))[::5]:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _lose_half_of_a_class(data: Path) -> None:
    for number in range(10):
        (data / f"stock/pool/{number:03d}.jpg").unlink()


def _lose_a_class(data: Path) -> None:
    shutil.rmtree(data / "stock/pool")


def _darken_all(data: Path) -> None:
    for file in data.rglob("*.jpg"):
        _redraw(file, lambda image: image // 16)


def _repeat_one_photo(data: Path) -> None:
    for number in range(1, 9):
        shutil.copy(data / "stock/pool/000.jpg", data / f"stock/pool/{number:03d}.jpg")


def _shrink_some(data: Path) -> None:
    for file in (data / "stock/pool").iterdir():
        _redraw(file, lambda image: image[:36, :48])


def _blank_some(data: Path) -> None:
    for number, file in enumerate(sorted((data / "stock/kitchen").iterdir())):
        cv2.imwrite(str(file), np.full((90, 120, 3), 60 + 8 * number, np.uint8))


def test_validate_table_lets_good_photos_pass(
    dataset: Dataset, photos_folder: Path, tmp_path: Path
) -> None:
    verdict = _validate(dataset, photos_folder, tmp_path)
    assert verdict == Validation(True, (), (), tmp_path / "docs/index.html")


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (_misspell_a_folder, r"20 of 100 photos \(20.0%\): label not in the taxonomy.*\(pond\)"),
        (_misspell_a_folder, r"1 of 3 classes .* too few usable photos; none allowed.*pool \(0\)"),
        (_move_photos_to_another_class, r"folders .*stock/kitchen \(15 of 20\), stock/pool \(25"),
        (_copy_a_folder_into_another, r"10 of 105 photos .*under another label too.*bath"),
        (_truncate_a_fifth, r"20 of 100 photos \(20.0%\): cannot be decoded; at most 1.0% .*cut"),
        (_lose_half_of_a_class, r"1 of 5 folders .*number of photos .*stock/pool \(10 of 20\)"),
        (_lose_a_class, r"stock/pool \(0 of 20\)"),
        (_darken_all, r"100 of 100 photos \(100.0%\): too dark.*homes/bathroom/000.jpg \(\d\)"),
        (_repeat_one_photo, r"9 of 100 photos .*byte-identical"),
        (_shrink_some, r"20 of 100 photos .*too narrow.*stock/pool/000.jpg \(48 px\)"),
        (_blank_some, r"20 of 100 photos .*blurred or blank.*stock/kitchen/000.jpg \(0\)"),
    ],
)
def test_validate_table_names_what_is_broken_and_how_much(
    dataset: Dataset, photos_folder: Path, tmp_path: Path, break_it: Break, said: str
) -> None:
    break_it(photos_folder)
    verdict = _validate(dataset, photos_folder, tmp_path)
    assert not verdict.success
    assert any(re.search(said, sentence) for sentence in verdict.failures), verdict.failures


def test_validate_table_puts_a_few_bad_files_in_quarantine_and_goes_on(
    dataset: Dataset, photos_folder: Path, tmp_path: Path
) -> None:
    file = photos_folder / "stock/pool/000.jpg"
    file.write_bytes(file.read_bytes()[:500])
    table = build_table(dataset, photos_folder, tmp_path / "cache", progress=False)
    table = assign_splits(table, dataset.manifest.splits, dataset.frozen)
    assert validate_table(table, dataset, tmp_path / "docs").success
    bad = table[table["quarantine"].notna()]
    assert bad["uri"].tolist() == [file.as_uri()]
    assert bad["split"].tolist() == ["excluded"]


def test_validate_table_only_warns_of_a_class_told_by_its_blur(
    dataset: Dataset, photos_folder: Path, tmp_path: Path
) -> None:
    for file in (photos_folder / "stock/pool").iterdir():
        _redraw(file, lambda image: cv2.GaussianBlur(image, (0, 0), 0.5).astype(np.uint8))
    verdict = _validate(dataset, photos_folder, tmp_path)
    assert verdict.success
    assert re.search(r"blur gives the label away.*pool \(0\.\d", verdict.warnings[0])


def test_validate_table_misses_a_frozen_photo(
    dataset_folder: Path, photos_folder: Path, tmp_path: Path
) -> None:
    dataset = open_dataset(dataset_folder)
    table = build_table(dataset, photos_folder, tmp_path / "cache", progress=False)
    table = assign_splits(table, dataset.manifest.splits, dataset.frozen)
    freeze_test(table, dataset_folder)
    dataset = open_dataset(dataset_folder)
    assert _validate(dataset, photos_folder, tmp_path).success
    (photos_folder / table.loc[table["split"] == "test", "uri"].iloc[0][7:]).write_bytes(b"gone")
    verdict = _validate(dataset, photos_folder, tmp_path)
    count = len(dataset.frozen)
    assert any(
        re.search(rf"1 of {count} frozen test photos .*gone, changed", sentence)
        for sentence in verdict.failures
    ), verdict.failures


def test_validate_table_wants_enough_photos(
    dataset_folder: Path, photos_folder: Path, tmp_path: Path
) -> None:
    file = dataset_folder / "expectations.yaml"
    content = yaml.safe_load(file.read_text())
    content["photos"]["enough"]["at_least"] = 1000
    file.write_text(yaml.safe_dump(content))
    verdict = _validate(open_dataset(dataset_folder), photos_folder, tmp_path)
    assert verdict.failures == ("100 photos are listed; there must be at least 1,000",)


def test_validate_table_builds_pages_that_need_no_network(
    dataset: Dataset, photos_folder: Path, tmp_path: Path
) -> None:
    _truncate_a_fifth(photos_folder)
    first = _validate(dataset, photos_folder, tmp_path)
    second = _validate(dataset, photos_folder, tmp_path)
    assert first.docs == second.docs
    pages = {page: page.read_text("utf-8") for page in first.docs.parent.rglob("*.html")}
    assert len(list(first.docs.parent.glob("validations/*/*/*/*.html"))) == 3
    for html in pages.values():
        assert not re.search(r'<(script|link|img)[^>]*(src|href)="https?:', html)
    index = pages[first.docs]
    assert "Training is stopped" in index
    assert "cut short" in index
    assert index.count("data:image/jpeg;base64,") > 50
    for link in re.findall(r'href="([^"]+)"', index):
        assert (first.docs.parent / link).is_file()


def test_validate_table_leaves_the_table_as_it_was(
    dataset: Dataset, photos_folder: Path, tmp_path: Path
) -> None:
    table = build_table(dataset, photos_folder, tmp_path / "cache", progress=False)
    before = table.copy()
    validate_table(table, dataset, tmp_path / "docs")
    pd.testing.assert_frame_equal(table, before)
