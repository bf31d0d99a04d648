from pathlib import Path

import boto3
import pytest

from serving.errors import BadInput
from training.data.dataset import Dataset
from training.data.manifest import Manifest, Source, SplitRule
from training.data.photos import Photo, list_photos


def _list(source: Source, data: str | Path | None) -> tuple[Photo, ...]:
    splits = SplitRule(salt="a", validation=0.1, test=0.1)
    return list_photos(Manifest(sources=(source,), splits=splits), data)


def test_list_photos_knows_class_source_and_listing(dataset: Dataset, photos_folder: Path) -> None:
    photos = list_photos(dataset.manifest, photos_folder)
    assert len(photos) == 100
    first, last = photos[0], photos[-1]
    assert (first.label, first.source, first.listing) == ("bathroom", "homes", "homes/000")
    assert (last.label, last.source, last.listing) == ("pool", "stock", None)
    assert last.uri == (photos_folder / "stock/pool/019.jpg").as_uri()


def test_list_photos_maps_what_the_source_calls_a_class(photos_folder: Path) -> None:
    source = Source(name="a", kind="folder", location="stock", classes={"pool": "exterior"})
    assert {photo.label for photo in _list(source, photos_folder)} == {
        "bathroom",
        "kitchen",
        "exterior",
    }


def test_list_photos_takes_the_listing_from_the_folder_between(tmp_path: Path) -> None:
    file = tmp_path / "photos/pool/listing 7/a ä#1.jpg"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    source = Source(name="up", kind="folder", location=str(tmp_path / "photos"), listing="folder")
    (photo,) = _list(source, None)
    assert (photo.label, photo.listing, photo.uri) == ("pool", "up/listing 7", file.as_uri())


def test_list_photos_passes_over_hidden_and_text_files_only(photos_folder: Path) -> None:
    for name in (".DS_Store", "credits.txt", "photo.heic"):
        (photos_folder / "stock/pool" / name).write_bytes(b"x")
    photos = _list(Source(name="a", kind="folder", location="stock"), photos_folder)
    assert len(photos) == 61
    assert any(photo.uri.endswith(".heic") for photo in photos)


def test_list_photos_reads_a_table_with_relative_uris(photos_folder: Path) -> None:
    table = photos_folder / "some.csv"
    table.write_text(
        "uri,label,listing\nstock/pool/000.jpg,pool,L1\nstock/pool/gone.jpg,pool,\n", "utf-8-sig"
    )
    first, second = _list(Source(name="t", kind="csv", location="some.csv"), photos_folder)
    assert first.uri == (photos_folder / "stock/pool/000.jpg").as_uri()
    assert (first.listing, second.listing) == ("t/L1", None)
    assert (first.stamp != "missing", second.stamp) == (True, "missing")


@pytest.mark.parametrize(
    ("content", "said"),
    [("uri,room\na.jpg,pool\n", "lacks the column.* label"), ("uri,label\na.jpg,\n", "line 2")],
)
def test_list_photos_says_what_a_table_lacks(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "some.csv").write_text(content)
    with pytest.raises(BadInput, match=said):
        _list(Source(name="t", kind="csv", location="some.csv"), tmp_path)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Source(name="a", kind="folder", location="nowhere"), "there is no folder"),
        (Source(name="a", kind="csv", location="no.csv"), "there is no table"),
        (Source(name="a", kind="folder", location="stock/pool"), "lies in no class"),
        (Source(name="a", kind="folder", location="homes", listing="folder"), "in no listing"),
    ],
)
def test_list_photos_says_what_is_wrong_with_a_location(
    photos_folder: Path, source: Source, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        _list(source, photos_folder)


def test_list_photos_asks_for_the_data_folder(dataset: Dataset) -> None:
    with pytest.raises(BadInput, match="set STUDIO_DATA"):
        list_photos(dataset.manifest, None)


@pytest.mark.usefixtures("s3")
def test_list_photos_lists_a_prefix_and_a_table_in_s3() -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="list-photos")
    for key in ("up/pool/7/a b#1.jpg", "up/pool/8/b.jpg", "up/notes.txt", "upper/pool/9/c.jpg"):
        client.put_object(Bucket="list-photos", Key=key, Body=b"x")
    table = b"uri,label\npool/8/b.jpg,pool\ns3://list-photos/none.jpg,pool\n"
    client.put_object(Bucket="list-photos", Key="up/t.csv", Body=table)

    source = Source(name="up", kind="s3", location="s3://list-photos/up/", listing="folder")
    photos = _list(source, None)
    assert [photo.uri for photo in photos] == [
        "s3://list-photos/up/pool/7/a b#1.jpg",
        "s3://list-photos/up/pool/8/b.jpg",
    ]
    assert [photo.listing for photo in photos] == ["up/7", "up/8"]

    rows = _list(Source(name="t", kind="csv", location="s3://list-photos/up/t.csv"), None)
    assert (rows[0].uri, rows[0].stamp) == (photos[1].uri, photos[1].stamp)
    assert rows[1].stamp == "missing"


@pytest.mark.usefixtures("s3")
def test_list_photos_says_that_a_bucket_or_prefix_is_empty() -> None:
    boto3.client("s3").create_bucket(Bucket="empty-bucket")
    for location, said in (
        ("s3://no-such-bucket/a", "no bucket"),
        ("s3://empty-bucket/a", "no photos"),
    ):
        with pytest.raises(BadInput, match=said):
            _list(Source(name="a", kind="s3", location=location), None)


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize("prefix", ["s3://studio-data", "s3://studio-data/all/photos/"])
def test_list_photos_finds_relative_sources_below_a_prefix(prefix: str) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="studio-data")
    below = prefix.removeprefix("s3://studio-data").strip("/")
    keys = [f"{below}/rooms/{name}".lstrip("/") for name in ("pool/1.jpg", "office/ä 2.jpg")]
    for key in keys:
        client.put_object(Bucket="studio-data", Key=key, Body=b"x")
    table = b"uri,label\npool/1.jpg,pool\n"
    client.put_object(Bucket="studio-data", Key=f"{below}/rooms/t.csv".lstrip("/"), Body=table)
    photos = _list(Source(name="up", kind="folder", location="rooms"), prefix)
    assert {photo.uri for photo in photos} == {f"s3://studio-data/{key}" for key in keys}
    assert [photo.label for photo in photos] == ["office", "pool"]
    (row,) = _list(Source(name="t", kind="csv", location="rooms/t.csv"), prefix)
    assert row.uri == f"s3://studio-data/{keys[0]}"
    assert row.stamp != "missing"
