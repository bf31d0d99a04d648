from pathlib import Path

import pytest

from serving.errors import BadInput
from training.data.dataset import open_dataset
from training.data.settings import DataSettings


def test_dataset_folder_finds_the_checkout_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STUDIO_DATASETS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert (DataSettings().dataset_folder() / "taxonomy.yaml").is_file()


def test_dataset_folder_is_told_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_DATASETS", str(tmp_path))
    (tmp_path / "attics").mkdir()
    assert DataSettings().dataset_folder("attics") == tmp_path / "attics"
    with pytest.raises(BadInput, match="STUDIO_DATASETS"):
        DataSettings().dataset_folder()


def test_the_dataset_of_the_checkout_can_be_opened() -> None:
    dataset = open_dataset(DataSettings().dataset_folder())
    assert len(dataset.taxonomy.labels) == 13
    expected = dataset.expectations.sources.counts.photos
    assert set(expected) == {source.name for source in dataset.manifest.sources}
    assert {label for by in expected.values() for label in by} == set(dataset.taxonomy.names)


@pytest.mark.parametrize(
    ("given", "kept", "source"),
    [
        ("s3://bucket/photos", "s3://bucket/photos", "s3://bucket/photos"),
        ("/data/a b", "/data/a b", "file:///data/a%20b"),
        ("file:///data/a%20b", "/data/a b", "file:///data/a%20b"),
        ("", None, "file:///"),
    ],
)
def test_studio_data_is_a_folder_or_a_prefix_in_s3(
    monkeypatch: pytest.MonkeyPatch, given: str, kept: str | None, source: str
) -> None:
    monkeypatch.setenv("STUDIO_DATA", given)
    settings = DataSettings()
    assert (settings.studio_data, settings.source()) == (kept, source)


def test_studio_data_elsewhere_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_DATA", "gs://bucket/photos")
    with pytest.raises(ValueError, match="s3://bucket/prefix"):
        DataSettings()
