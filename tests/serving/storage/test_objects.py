"""A folder and a bucket behave alike: whole objects under keys, and nothing outside them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import BadInput, Corrupted, ObjectNotFound, TooLarge
from serving.storage.objects import (
    FolderStorage,
    Storage,
    key_of,
    open_storage,
    read_by_sha256,
    write_by_sha256,
)


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return open_storage((tmp_path / "objects").as_uri())
    return open_storage(f"s3://{request.getfixturevalue('bucket')}/some/prefix")


def test_what_is_written_is_read_listed_and_deleted(objects: Storage) -> None:
    objects.write("b/2.bin", b"two")
    objects.write("a/1.bin", b"one", "image/jpeg")
    objects.write("a/1.bin", b"one again")
    assert objects.read("a/1.bin") == b"one again"
    assert list(objects.keys()) == ["a/1.bin", "b/2.bin"]
    assert list(objects.keys("a/")) == ["a/1.bin"]
    assert objects.exists("a/1.bin")
    objects.delete("a/1.bin")
    objects.delete("a/1.bin")
    assert not objects.exists("a/1.bin")


def test_a_missing_object_has_a_name_in_its_error(objects: Storage) -> None:
    with pytest.raises(ObjectNotFound, match="nothing/here"):
        objects.read("nothing/here")


def test_more_than_is_allowed_is_not_read(objects: Storage) -> None:
    objects.write("big", b"x" * 100)
    assert len(objects.read("big", max_bytes=100)) == 100
    with pytest.raises(TooLarge):
        objects.read("big", max_bytes=99)


def test_a_url_inside_the_storage_is_its_key(objects: Storage) -> None:
    assert key_of(objects, f"{objects.url}/a%20b/c.jpg") == "a b/c.jpg"


@pytest.mark.parametrize(
    "reference",
    ["", "/etc/passwd", "../up", "a/../../up", "file:///etc/passwd", "https://example.org/a.jpg",
     "s3://other/a.jpg", "nul\0byte", "x" * 1025],
)  # fmt: skip
def test_nothing_outside_the_storage_has_a_key(objects: Storage, reference: str) -> None:
    with pytest.raises(BadInput):
        key_of(objects, reference)


@given(st.text(max_size=60))
def test_no_key_leaves_the_folder(reference: str) -> None:
    storage = FolderStorage(Path("/data/objects"))
    try:
        key = key_of(storage, reference)
    except BadInput:
        return
    assert os.path.normpath(f"/data/objects/{key}").startswith("/data/objects")


def test_content_is_stored_once_and_checked_when_read(objects: Storage) -> None:
    sha256 = write_by_sha256(objects, "models", b"weights")
    assert write_by_sha256(objects, "models", b"weights") == sha256
    assert read_by_sha256(objects, "models", sha256) == b"weights"
    objects.write(f"models/{sha256}", b"tampered")
    with pytest.raises(Corrupted):
        read_by_sha256(objects, "models", sha256)


def test_an_unknown_kind_of_storage_is_refused() -> None:
    with pytest.raises(BadInput, match="ftp"):
        open_storage("ftp://somewhere/else")
