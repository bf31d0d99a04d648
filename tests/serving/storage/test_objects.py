"""A folder and a bucket behave alike: whole objects under keys, and nothing outside them."""

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import pytest
from hypothesis import HealthCheck, given, settings
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


def test_a_missing_object_has_a_name_in_its_error(objects: Storage, tmp_path: Path) -> None:
    with pytest.raises(ObjectNotFound, match="nothing/here"):
        objects.read("nothing/here")
    with pytest.raises(ObjectNotFound):
        objects.stat("nothing/here")
    with pytest.raises(ObjectNotFound):
        objects.read_to("nothing/here", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not objects.exists("nothing/here")


def test_a_file_goes_there_and_back(objects: Storage, tmp_path: Path) -> None:
    film = bytes(range(256)) * 9000
    (tmp_path / "film.mp4").write_bytes(film)
    objects.write_from(tmp_path / "film.mp4", "films/1.mp4")
    (tmp_path / "back.mp4").write_bytes(b"an earlier one")
    objects.read_to("films/1.mp4", tmp_path / "back.mp4", max_bytes=len(film))
    assert (tmp_path / "back.mp4").read_bytes() == objects.read("films/1.mp4") == film
    with pytest.raises(TooLarge):
        objects.read_to("films/1.mp4", tmp_path / "no.mp4", max_bytes=len(film) - 1)
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == [".mp4"] * 2


@pytest.mark.parametrize(
    ("key", "given", "kept"),
    [
        ("a.jpg", None, "image/jpeg"),
        ("a.PNG", None, "image/png"),
        ("a.webp", None, "image/webp"),
        ("a.mp4", None, "video/mp4"),
        ("a", None, "application/octet-stream"),
        ("a.jpg", "image/avif", "image/avif"),
    ],
)
def test_the_content_type_is_the_one_given_or_the_suffix(
    objects: Storage, key: str, given: str | None, kept: str
) -> None:
    objects.write(key, b"1", given)
    assert objects.stat(key).content_type == kept


def test_stat_knows_an_object_without_reading_it(objects: Storage) -> None:
    objects.write("a.jpg", b"photo")
    known = objects.stat("a.jpg")
    assert known.size == 5
    assert known.sha256 == hashlib.sha256(b"photo").hexdigest()
    assert abs((known.modified - datetime.now(UTC)).total_seconds()) < 60


def test_a_url_of_an_object_opens_it(objects: Storage) -> None:
    objects.write("a b/c.jpg", b"photo")
    url = objects.url_for("a b/c.jpg")
    with urlopen(url) as answer:
        assert answer.read() == b"photo"


@given(key=st.text(max_size=40), data=st.binary(max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_any_key_is_kept_apart_or_refused(objects: Storage, key: str, data: bytes) -> None:
    before = list(objects.keys())
    try:
        objects.write(key, data)
    except BadInput:
        assert list(objects.keys()) == before
        return
    name = key_of(objects, key)
    # an empty object that ends in a slash is what a console shows a folder by
    shown = [] if name.endswith("/") and not data else [name]
    assert list(objects.keys()) == shown
    assert list(objects.keys(name[:3])) == shown
    assert objects.read(key) == data
    assert objects.stat(key).size == len(data)
    objects.delete(key)
    assert list(objects.keys()) == before == []


def test_more_than_is_allowed_is_not_read(objects: Storage) -> None:
    objects.write("big", b"x" * 100)
    assert len(objects.read("big", max_bytes=100)) == 100
    with pytest.raises(TooLarge):
        objects.read("big", max_bytes=99)


def test_a_url_inside_the_storage_is_its_key(objects: Storage) -> None:
    assert key_of(objects, f"{objects.url}/a%20b/c.jpg") == "a b/c.jpg"


@pytest.mark.parametrize(
    "reference",
    ["", "half \ud800", "x" * 1025, "ü" * 513, "nul\0byte", "..", "./../up",
     "a//../../up", "../up", "a/../../up", "file:///etc/passwd", "https://example.org/a.jpg",
     "s3://other/a.jpg"],
)  # fmt: skip
def test_nothing_outside_the_storage_has_a_key(objects: Storage, reference: str) -> None:
    with pytest.raises(BadInput):
        key_of(objects, reference)


ODD = [
    "a//b", "a/./b", "a/b/", "/a/b", "a/../b", ".", "./", "//", "a/.writing-1", "a/%2e/b", "a%2Fb",
    "a+b &?#;=b", "a\\b", " a ", "a\tb", "\u00e9", "e\u0301", "🏠/🛏", "~", "a:b",
]  # fmt: skip


def test_a_bucket_keeps_every_key_apart(bucket: str, tmp_path: Path) -> None:
    objects = open_storage(f"s3://{bucket}/some/prefix")
    keys = [*ODD, "a/b", "x" * 1000]
    for number, key in enumerate(keys):
        objects.write(key, str(number).encode())
    assert sorted(objects.keys()) == sorted(keys)
    for number, key in enumerate(keys):
        assert key_of(objects, key) == key
        assert objects.read(key) == str(number).encode()
        objects.read_to(key, tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == str(number).encode()
        assert objects.stat(key).size == len(str(number))
        with urlopen(objects.url_for(key)) as answer:
            assert answer.read() == str(number).encode()
    for key in keys:
        objects.delete(key)
        assert not objects.exists(key)
    assert list(objects.keys()) == []


def test_a_key_too_long_below_the_prefix_is_refused_before_it_is_sent(bucket: str) -> None:
    objects = open_storage(f"s3://{bucket}/some/prefix")
    with pytest.raises(BadInput, match="too long"):
        objects.write("x" * 1020, b"1")


@pytest.mark.parametrize("key", ODD)
def test_a_folder_holds_a_key_as_it_is_or_says_that_it_cannot(tmp_path: Path, key: str) -> None:
    objects = open_storage((tmp_path / "objects").as_uri())
    try:
        objects.write(key, b"1")
    except BadInput:
        with pytest.raises(BadInput, match="not a key"):
            objects.read(key)
        assert list(objects.keys()) == []
    else:
        assert list(objects.keys()) == [key]
        assert objects.read(key) == b"1"


@pytest.mark.parametrize("key", ["a//b", "a/./b", "a/b/"])
def test_a_folder_names_the_key_that_may_be_meant(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadInput, match="cannot tell it from 'a/b'"):
        open_storage((tmp_path / "objects").as_uri()).write(key, b"1")


def test_a_folder_says_that_a_name_is_too_long_or_taken_by_a_folder(tmp_path: Path) -> None:
    objects = open_storage((tmp_path / "objects").as_uri())
    objects.write("a/b", b"1")
    for key in ("a", "a/b/c", "x" * 256):
        with pytest.raises(BadInput):
            objects.write(key, b"1")
    assert list(objects.keys()) == ["a/b"]


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
