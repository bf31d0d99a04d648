import hashlib
from collections.abc import Callable
from pathlib import Path

import boto3
import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from serving.image import Image
from training.data.dataset import Dataset
from training.data.describe import describe_photo, describe_photos
from training.data.photos import Photo, list_photos

Paint = Callable[..., Image]
Jpeg = Callable[..., bytes]


def _photo(path: Path, label: str = "pool", stamp: str = "1") -> Photo:
    return Photo(path.as_uri(), label, "stock", None, stamp)


def test_describe_photo_measures(tmp_path: Path, paint: Paint, jpeg: Jpeg) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(jpeg(paint(1, 90, 120)))
    found = describe_photo(file.as_uri())
    assert (found.width, found.height, found.format, found.mode) == (120, 90, "JPEG", "RGB")
    assert found.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert found.bytes == file.stat().st_size
    assert found.error is None
    assert found.brightness == pytest.approx(paint(1, 90, 120).mean(), abs=6)


def test_describe_photo_tells_dark_from_bright_and_sharp_from_soft(
    tmp_path: Path, paint: Paint, jpeg: Jpeg
) -> None:
    image = paint(1, 300, 300)
    versions = {"as_is": image, "dark": image // 8, "soft": cv2.GaussianBlur(image, (0, 0), 3)}
    found = {}
    for name, version in versions.items():
        (tmp_path / name).write_bytes(jpeg(version))
        found[name] = describe_photo((tmp_path / name).as_uri())
    assert (found["dark"].brightness or 0) < 20 < (found["as_is"].brightness or 0)
    assert (found["soft"].sharpness or 0) < (found["as_is"].sharpness or 0) / 4


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda data: data[: len(data) // 2], "damaged or cut short"),
        (lambda _: b"", "empty"),
        (lambda _: b"<html>not found</html>", "not a readable"),
    ],
)
def test_describe_photo_says_why_it_cannot_be_decoded(
    tmp_path: Path, paint: Paint, jpeg: Jpeg, break_it: Callable[[bytes], bytes], said: str
) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(break_it(jpeg(paint(1))))
    found = describe_photo(file.as_uri())
    assert said in (found.error or "")
    assert found.sha256 is not None
    assert (found.phash, found.width, found.sharpness) == (None, None, None)


def test_describe_photo_says_that_the_file_is_missing(tmp_path: Path) -> None:
    found = describe_photo((tmp_path / "none.jpg").as_uri())
    assert (found.error, found.sha256) == ("the file is missing", None)


def test_describe_photo_reports_other_colour_modes(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Pillow.new("L", (40, 30), 128).save(file)
    found = describe_photo(file.as_uri())
    assert (found.format, found.mode, found.brightness) == ("PNG", "L", 128)


def test_describe_photos_keeps_the_order_and_gives_single_photos_a_listing(
    dataset: Dataset, photos_folder: Path, tmp_path: Path
) -> None:
    photos = list_photos(dataset.manifest, photos_folder)
    table = describe_photos(photos, tmp_path / "cache", progress=False)
    assert table["uri"].tolist() == [photo.uri for photo in photos]
    assert table.loc[0, "listing"] == "homes/000"
    assert table.loc[99, "listing"] == "photo/" + str(table.loc[99, "sha256"])[:16]
    assert table["error"].isna().all()
    assert table["width"].dtype == "Int64"


def test_describe_photos_reads_only_what_changed(tmp_path: Path, paint: Paint, jpeg: Jpeg) -> None:
    first, second = tmp_path / "1.jpg", tmp_path / "2.jpg"
    for seed, file in enumerate((first, second)):
        file.write_bytes(jpeg(paint(seed)))
    cache = tmp_path / "cache"
    photos = [_photo(first), _photo(second)]
    before = describe_photos(photos, cache, progress=False)
    first.unlink()  # so that reading it again would be seen
    second.write_bytes(jpeg(paint(9)))
    after = describe_photos([photos[0], _photo(second, stamp="2")], cache, progress=False)
    assert after["sha256"][0] == before["sha256"][0]
    assert after["error"].isna().all()
    assert after["sha256"][1] == hashlib.sha256(second.read_bytes()).hexdigest()


def test_describe_photos_knows_a_photo_listed_under_two_labels(
    tmp_path: Path, paint: Paint, jpeg: Jpeg
) -> None:
    file = tmp_path / "1.jpg"
    file.write_bytes(jpeg(paint(1)))
    photos = [_photo(file, "pool"), _photo(file, "yard")]
    table = describe_photos(photos, tmp_path / "cache", progress=False)
    assert table["label"].tolist() == ["pool", "yard"]
    assert table["sha256"].nunique() == 1


def test_describe_photos_tells_missing_files_apart(tmp_path: Path) -> None:
    photos = [_photo(tmp_path / "1.jpg"), _photo(tmp_path / "2.jpg")]
    table = describe_photos(photos, tmp_path / "cache", progress=False)
    assert table["listing"].nunique() == 2
    assert np.isnan(table["brightness"]).all()


def test_describe_photos_of_none_is_an_empty_table(tmp_path: Path) -> None:
    table = describe_photos([], tmp_path / "cache", progress=False)
    assert table.empty
    assert "sharpness" in table


@pytest.mark.usefixtures("s3")
def test_describe_photos_reads_s3(tmp_path: Path, paint: Paint, jpeg: Jpeg) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="describe")
    client.put_object(Bucket="describe", Key="pool/1.jpg", Body=jpeg(paint(1)))
    photos = [Photo("s3://describe/pool/1.jpg", "pool", "up", "up/1", "e")]
    table = describe_photos(photos, tmp_path / "cache", progress=False)
    assert table["error"].isna().all()
    assert table["width"].tolist() == [120]
