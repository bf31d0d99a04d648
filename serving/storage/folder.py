"""Objects as files below a folder."""

# ruff: noqa: D102 - documented once, on the protocol

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from serving.errors import Corrupted, ObjectNotFound, TooLarge
from serving.storage.disk import CHUNK_BYTES, WRITING, disk_errors, make_folder, whole_file
from serving.storage.interface import Stat, guess_type, key_of

# Extended attributes go with the file through the rename, so they are as whole as it is.
# https://www.freedesktop.org/wiki/CommonExtendedAttributes names the type's.
_TYPE, _SHA256 = "user.mime_type", "user.sha256"
_NOTHING_THERE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


class FolderStorage:
    """Objects as files; a write is a rename, so nobody sees half an object.

    SHA-256 and content type are extended attributes where the file system has them; elsewhere the
    suffix says the type and nothing is checked on reading.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = folder.as_uri()

    def read(self, key: str, max_bytes: int | None = None) -> bytes:
        with self._open(key, max_bytes) as file:
            data = file.read()
            _check(key, _attribute(file.fileno(), _SHA256), hashlib.sha256(data).hexdigest())
            return data

    def read_to(self, key: str, path: Path, max_bytes: int | None = None) -> None:
        with self._open(key, max_bytes) as file, whole_file(path, path.parent) as copy:
            _check(key, _attribute(file.fileno(), _SHA256), _copy(file, copy))

    def write(self, key: str, data: bytes, content_type: str | None = None) -> None:
        with self._writing(key, content_type) as file:
            file.write(data)
            _mark(file, _SHA256, hashlib.sha256(data).hexdigest())

    def write_from(self, path: Path, key: str, content_type: str | None = None) -> None:
        with (
            disk_errors(str(path)),
            path.open("rb") as source,
            self._writing(key, content_type) as file,
        ):
            _mark(file, _SHA256, _copy(source, file))

    def stat(self, key: str) -> Stat:
        with self._open(key) as file:
            known, number = os.fstat(file.fileno()), file.fileno()
            return Stat(
                known.st_size,
                _attribute(number, _TYPE) or guess_type(key),
                datetime.fromtimestamp(known.st_mtime, UTC),
                _attribute(number, _SHA256),
            )

    def exists(self, key: str) -> bool:
        with disk_errors(f"'{key}'"):
            return self._path(key).is_file()

    def keys(self, prefix: str = "") -> Iterator[str]:
        if prefix.startswith("/") or ".." in prefix.split("/") or "\0" in prefix:
            return
        start = self._folder / prefix.rpartition("/")[0]
        with disk_errors(f"'{prefix}'"):
            files = (
                path.relative_to(self._folder).as_posix()
                for path in start.rglob("*")
                if path.is_file() and not path.name.startswith(WRITING)
            )
            found = sorted(key for key in files if key.startswith(prefix))
        yield from found

    def delete(self, key: str) -> None:
        with disk_errors(f"'{key}'"), contextlib.suppress(*_NOTHING_THERE):
            self._path(key).unlink()

    def url_for(self, key: str, expires_s: int = 3600) -> str:
        del expires_s  # a file does not go away
        return self._path(key).as_uri()

    def clean(self, older_than_s: float = 24 * 3600.0) -> int:
        """Remove what crashed writers left longer ago than that; return how many files."""
        before, gone = time.time() - older_than_s, 0
        for path in self._folder.glob(f"{WRITING}*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()
                    gone += 1
        return gone

    def _path(self, key: str) -> Path:
        return self._folder / key_of(self, key)

    @contextlib.contextmanager
    def _open(self, key: str, max_bytes: int | None = None) -> Iterator[BinaryIO]:
        with disk_errors(f"'{key}'"):
            try:
                file = self._path(key).open("rb")
            except _NOTHING_THERE as error:
                raise ObjectNotFound(key) from error
            with file:
                size = os.fstat(file.fileno()).st_size
                if max_bytes is not None and size > max_bytes:
                    raise TooLarge(f"bytes of '{key}'", size, max_bytes)
                yield file

    @contextlib.contextmanager
    def _writing(self, key: str, content_type: str | None) -> Iterator[BinaryIO]:
        """Give a file that becomes the object.

        It is written at the top of the folder, where `clean` finds what a crash left without
        looking through everything.
        """
        path = self._path(key)
        with disk_errors(f"'{key}'"):
            make_folder(path.parent)
            with whole_file(path, self._folder) as file:
                _mark(file, _TYPE, content_type or guess_type(key))
                yield file


def _copy(source: BinaryIO, target: BinaryIO) -> str:
    """Copy piece by piece; return the SHA-256 of it all."""
    digest = hashlib.sha256()
    while piece := source.read(CHUNK_BYTES):
        digest.update(piece)
        target.write(piece)
    return digest.hexdigest()


def _check(key: str, expected: str | None, actual: str) -> None:
    if expected not in (None, actual):
        raise Corrupted(f"'{key}'", str(expected), actual)


def _mark(file: BinaryIO, name: str, value: str) -> None:
    with contextlib.suppress(OSError):  # not every file system has them
        os.setxattr(file.fileno(), name, value.encode())


def _attribute(number: int, name: str) -> str | None:
    try:
        return os.getxattr(number, name).decode()
    except OSError:
        return None
