from pathlib import Path

import boto3
import pytest

from serving.errors import ObjectNotFound, TooLarge
from training.data.objects import MISSING, read_photo, stat_object


def test_read_photo_reads_a_file_with_an_odd_name(tmp_path: Path) -> None:
    file = tmp_path / "50% off #1 ä.jpg"
    file.write_bytes(b"bytes")
    assert read_photo(file.as_uri()) == b"bytes"


def test_read_photo_raises_for_what_is_missing_or_too_large(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"12345")
    with pytest.raises(TooLarge):
        read_photo(file.as_uri(), max_bytes=4)
    with pytest.raises(ObjectNotFound):
        read_photo((tmp_path / "none.jpg").as_uri())


def test_stat_object_changes_its_stamp_with_the_bytes(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    assert stat_object(file.as_uri()).stamp == MISSING
    file.write_bytes(b"one")
    one = stat_object(file.as_uri())
    file.write_bytes(b"three")
    assert stat_object(file.as_uri()).stamp != one.stamp


@pytest.mark.usefixtures("s3")
def test_read_photo_and_stat_object_know_s3() -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="read-photo")
    client.put_object(Bucket="read-photo", Key="a/b c#1.jpg", Body=b"bytes")
    assert read_photo("s3://read-photo/a/b c#1.jpg") == b"bytes"
    assert stat_object("s3://read-photo/a/b c#1.jpg").stamp.startswith("5-")
    assert stat_object("s3://read-photo/none.jpg").stamp == MISSING
    with pytest.raises(ObjectNotFound):
        read_photo("s3://read-photo/none.jpg")
