"""Temporary files of jobs: one folder, with a cap, cleaned after whoever died."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from serving.errors import StorageFull
from serving.settings import Settings
from serving.storage.disk import disk_errors


class Scratch:
    """A folder on a local disk in which each job has a private folder while it runs.

    A job's folder is named `PID-BYTES-RANDOM` and locked by its process: the system lets go of the
    lock when that dies, so leftovers are known for certain, across containers too, where the same
    process id may mean another process.

    Parameters
    ----------
    folder : made when it is needed
    max_bytes : of all jobs together, on all processes that share the folder
    max_age_s : files that are no job's are kept this long
    """

    def __init__(self, folder: Path, max_bytes: int, max_age_s: float = 24 * 3600.0) -> None:
        self._folder, self._max_bytes, self._max_age_s = folder, max_bytes, max_age_s

    @contextlib.contextmanager
    def job(self, need_bytes: int = 0) -> Iterator[Path]:
        """Give a job an empty folder of its own, removed at the end with all that is in it.

        Parameters
        ----------
        need_bytes : set aside for this job

        Raises
        ------
        StorageFull
            If what is there and set aside already leaves less than `need_bytes`, or nothing.
        """
        folder, lock = self._make(need_bytes)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    def check(self) -> None:
        """Raise StorageFull if the cap is passed; for long work to ask now and then."""
        used = self.used_bytes()
        if used > self._max_bytes:
            raise StorageFull(f"scratch holds {used:,} bytes of {self._max_bytes:,}")

    def used_bytes(self) -> int:
        """Return the bytes on disk or set aside, whichever is more for each job."""
        return sum(max(_size(path), _set_aside(path)) for path in _list(self._folder))

    def clean(self) -> int:
        """Remove what dead processes left, and stray files past their age; return how many.

        The folder of a process that lives stays, however old.
        """
        if not self._folder.is_dir():
            return 0
        with self._turn():
            gone = [path for path in _list(self._folder) if self._is_left(path)]
            for path in gone:
                _remove(path)
        return len(gone)

    def _make(self, need_bytes: int) -> tuple[Path, int]:
        with disk_errors(str(self._folder)):
            self._folder.mkdir(parents=True, exist_ok=True)
        with disk_errors(str(self._folder)), self._turn():
            used = self.used_bytes()
            left = min(self._max_bytes - used, shutil.disk_usage(self._folder).free)
            if left < max(need_bytes, 1):
                raise StorageFull(
                    f"scratch holds {used:,} bytes of {self._max_bytes:,} and has no room for "
                    f"{need_bytes:,}"
                )
            name = tempfile.mkdtemp(prefix=f"{os.getpid()}-{need_bytes}-", dir=self._folder)
            return Path(name), _lock(Path(name))

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Let one process at a time count, make or clean."""
        with (self._folder / ".turn").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _is_left(self, path: Path) -> bool:
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            if path.is_symlink() or not path.is_dir() or _set_aside(path) < 0:
                return path.lstat().st_mtime < time.time() - self._max_age_s
            os.close(_lock(path))
            return True
        return False


def open_scratch(settings: Settings) -> Scratch:
    """Return the scratch folder of the settings, without what dead processes left in it."""
    scratch = Scratch(settings.scratch(), settings.scratch_max_bytes, settings.scratch_max_age_s)
    scratch.clean()
    return scratch


def _lock(folder: Path) -> int:
    """Lock a folder while the number that is returned stays open; BlockingIOError if it is."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(number)
        raise
    return number


def _list(folder: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError):
        return [path for path in folder.iterdir() if path.name != ".turn"]
    return []


def _set_aside(path: Path) -> int:
    """Return the bytes that a job's folder says it needs; -1 if it is no job's folder."""
    pid, _, rest = path.name.partition("-")
    need, dash, _ = rest.partition("-")
    return int(need) if pid.isdecimal() and need.isdecimal() and dash else -1


def _size(path: Path) -> int:
    """Return the bytes on disk; files that go meanwhile count nothing."""
    total = 0
    for root, _, names in os.walk(path) if path.is_dir() else [(str(path.parent), [], [path.name])]:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(root, name)).st_blocks * 512
    return total


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
