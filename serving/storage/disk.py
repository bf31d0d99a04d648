"""Files that appear whole or not at all, and what a disk says when it cannot."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from serving.errors import BadInput, StorageFull, StorageUnavailable

WRITING = ".writing-"
CHUNK_BYTES = 2**20

# EFBIG: past the largest file that the system or a limit of this process allows
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_IMPOSSIBLE = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)
_BLOCKED = (FileExistsError, NotADirectoryError, IsADirectoryError)


@contextlib.contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn a disk's errors while `what` is written or read into ours."""
    try:
        yield
    except _BLOCKED as error:
        raise BadInput(f"{what}: a file is where a folder should be, or the reverse") from error
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(f"{what}: {error.strerror}") from error
        if error.errno in _IMPOSSIBLE:
            raise BadInput(f"{what}: not a name that a file can have here") from error
        raise StorageUnavailable(f"{what}: {error.strerror or error}") from error


@contextlib.contextmanager
def whole_file(path: Path, work: Path) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes the name `path` at the end, on disk for good.

    If anything fails, what was at `path` stays as it was and nothing else does.

    Parameters
    ----------
    work : the folder on the same file system in which it is written, as `.writing-…`
    """
    number, name = tempfile.mkstemp(dir=work, prefix=WRITING)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
        sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, on disk for good."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    # another process may be as quick
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Have a folder's entries on disk: a rename may be lost without, when the power fails."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
