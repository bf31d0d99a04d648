from pathlib import Path

import pytest

from training.data.__main__ import main
from training.data.dataset import load_table, open_dataset
from training.data.frozen import FILE
from training.data.splits import training_rows


def _run(command: str, dataset: Path, data: Path, out: Path) -> int:
    return main([command, "--dataset", str(dataset), "--data", str(data), "--out", str(out)])


@pytest.mark.slow
def test_main_describes_splits_freezes_and_keeps_the_split(
    dataset_folder: Path, photos_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert _run("describe", dataset_folder, photos_folder, out) == 0
    assert "100 photos described" in capsys.readouterr().out
    assert _run("split", dataset_folder, photos_folder, out) == 0
    assert "data version" in capsys.readouterr().out
    before = (out / "splits.csv").read_text()
    assert _run("freeze", dataset_folder, photos_folder, out) == 0
    assert "commit it" in capsys.readouterr().out
    assert _run("split", dataset_folder, photos_folder, out) == 0
    assert (out / "splits.csv").read_text() == before
    rows = training_rows(load_table(out), open_dataset(dataset_folder).frozen)
    assert set(rows["split"]) == {"train", "validation"}

    frozen = (dataset_folder / FILE).read_bytes()
    capsys.readouterr()
    assert _run("freeze", dataset_folder, photos_folder, out) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert (dataset_folder / FILE).read_bytes() == frozen


@pytest.mark.slow
def test_main_says_stopped_and_freezes_nothing_when_the_data_is_broken(
    dataset_folder: Path, photos_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (photos_folder / "stock/pool").iterdir():
        file.write_bytes(b"")
    assert _run("validate", dataset_folder, photos_folder, tmp_path / "out") == 1
    said = capsys.readouterr().out
    assert "STOPPED  20 of 100 photos (20.0%): cannot be decoded" in said
    assert (tmp_path / "out/docs/index.html").is_file()
    assert _run("freeze", dataset_folder, photos_folder, tmp_path / "out") == 1
    assert not (dataset_folder / FILE).exists()


def test_main_says_what_is_missing(
    dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("describe", dataset_folder, tmp_path / "nowhere", tmp_path / "out") == 2
    assert "there is no folder" in capsys.readouterr().err


def test_main_keeps_everything_below_the_studio_home(
    dataset_folder: Path,
    photos_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_DATA", str(photos_folder))
    assert main(["split", "--dataset", str(dataset_folder)]) == 0
    kept = sorted(path.name for path in (tmp_path / "home/data/rooms").iterdir())
    assert kept == ["descriptions-2.parquet", "photos.parquet", "splits.csv"]
