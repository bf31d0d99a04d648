"""A folder holds whole objects: through full disks, killed writers and readers at the same time."""

import errno
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serving.errors import BadInput, Corrupted, StorageFull
from serving.storage.objects import FolderStorage, open_storage

HALF = b"x" * (600 * 1024)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        subprocess.run(mounting, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_has_a_name_and_keeps_what_was_there(small_disk: Path, tmp_path: Path) -> None:
    storage = FolderStorage(small_disk)
    storage.write("a.bin", HALF)
    (tmp_path / "new.bin").write_bytes(HALF)
    for _ in range(3):
        with pytest.raises(StorageFull, match="No space left"):
            storage.write("b/new.bin", HALF)
        with pytest.raises(StorageFull):
            storage.write_from(tmp_path / "new.bin", "a.bin")
        with pytest.raises(StorageFull):
            storage.read_to("a.bin", small_disk / "copy.bin")
    assert storage.read("a.bin") == HALF
    assert [path.name for path in small_disk.rglob("*") if path.is_file()] == ["a.bin"]
    storage.delete("a.bin")
    storage.write("b/new.bin", HALF)
    assert list(storage.keys()) == ["b/new.bin"]


def test_a_film_from_s3_that_finds_no_room_leaves_nothing(small_disk: Path, bucket: str) -> None:
    storage = open_storage(f"s3://{bucket}")
    storage.write("film.mp4", HALF + HALF)
    with pytest.raises(StorageFull):
        storage.read_to("film.mp4", small_disk / "film.mp4")
    assert list(small_disk.iterdir()) == []


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_finds_no_room_in_its_middle_leaves_the_earlier_object(
    tmp_path: Path,
) -> None:
    storage = FolderStorage(tmp_path)
    storage.write("a", b"old")
    with _largest_file(300 * 1024), pytest.raises(StorageFull):
        storage.write("a", HALF)
    assert storage.read("a") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_error_when_the_disk_is_asked_to_keep_it_leaves_the_earlier_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FolderStorage(tmp_path)
    storage.write("a", b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull, match="No space"):
        storage.write("a", b"new")
    assert storage.read("a") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_killed_writer_leaves_the_earlier_object_and_a_leftover_that_is_cleaned(
    tmp_path: Path,
) -> None:
    storage = FolderStorage(tmp_path / "objects")
    storage.write("a/b", b"old")
    os.mkfifo(tmp_path / "endless")
    code = (
        "from pathlib import Path; from serving.storage.folder import FolderStorage;"
        f"FolderStorage(Path('{tmp_path}/objects')).write_from(Path('{tmp_path}/endless'), 'a/b')"
    )
    writer = subprocess.Popen([sys.executable, "-c", code])
    with (tmp_path / "endless").open("wb", buffering=0) as pipe:
        pipe.write(b"half")
        until = time.monotonic() + 20
        while not (left := list((tmp_path / "objects").glob(".writing-*"))):
            assert time.monotonic() < until
            time.sleep(0.01)
        writer.kill()
        writer.wait()
    assert left[0].exists()
    assert storage.read("a/b") == b"old"
    assert list(storage.keys()) == ["a/b"]
    open_storage(storage.url)  # it may still be written, for all that anybody knows
    assert left[0].exists()
    os.utime(left[0], (0, 0))
    open_storage(storage.url)
    assert not left[0].exists()
    assert list(storage.keys()) == ["a/b"]


def test_a_reader_never_sees_half_an_object(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    contents = [letter * 200_000 for letter in (b"a", b"b")]
    storage.write("k", contents[0])
    done = threading.Event()

    def write() -> None:
        for number in range(40):
            storage.write("k", contents[number % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(storage.read("k"))
    writer.join()
    assert seen <= set(contents)


def test_a_file_changed_in_place_is_found_out(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    storage.write("a.jpg", b"photo")
    if storage.stat("a.jpg").sha256 is None:
        pytest.skip("this file system keeps no attributes")
    with (tmp_path / "a.jpg").open("r+b") as file:
        file.write(b"q")
    with pytest.raises(Corrupted):
        storage.read("a.jpg")
    with pytest.raises(Corrupted):
        storage.read_to("a.jpg", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_file_put_there_by_hand_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    storage = FolderStorage(tmp_path)
    assert storage.read("a.jpg") == b"photo"
    assert storage.stat("a.jpg").content_type == "image/jpeg"


def test_a_file_system_without_attributes_stores_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(os, "setxattr", refuse)
    storage = FolderStorage(tmp_path)
    storage.write("a.jpg", b"photo", "image/webp")
    assert storage.read("a.jpg") == b"photo"
    assert storage.stat("a.jpg").sha256 is None


def test_an_object_where_a_folder_should_be_is_the_callers_mistake(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    storage.write("a", b"1")
    with pytest.raises(BadInput):
        storage.write("a/b", b"2")
    storage.write("c/d", b"3")
    with pytest.raises(BadInput):
        storage.write("c", b"4")
    storage.delete("c")
    assert list(storage.keys()) == ["a", "c/d"]


@pytest.mark.parametrize("prefix", ["/", "/etc/", "../", "a/../../", "nul\0"])
def test_a_prefix_outside_the_folder_lists_nothing(tmp_path: Path, prefix: str) -> None:
    (tmp_path / "outside").write_bytes(b"")
    storage = FolderStorage(tmp_path / "objects")
    storage.write("a/b", b"1")
    assert list(storage.keys(prefix)) == []
