"""Runs a process for each version beside the champion: `python -m bentos.slot_services`.

It follows the slots and keeps one `bentos.slot_service` for each row that asks for something; when
the row goes, is stopped or names another version, that process ends. One that dies is started
again, later each time. While the database is away they stay as they are. When this process ends,
however it does, so do they.

It imports little, because it runs all the time, and mostly there is nothing on trial.
"""

import contextlib
import fcntl
import logging
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from bentos.slot_service import write_published
from serving.db.engine import open_engine
from serving.environment import read_settings
from serving.logs import open_logs
from serving.models.routing import CHALLENGER, CHAMPION
from serving.models.slot_address import NoAddress, slot_socket
from serving.models.slots import Published, SlotFollower, Slots
from serving.settings import Settings

log = logging.getLogger(__name__)

Key = tuple[str, str]
Start = Callable[[Published], "subprocess.Popen[bytes]"]

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
# a process that lived so long was no failed start, whatever ended it
_LIVED_S = 60.0
_GRACE_S = 3.0
_LOOK_EVERY_S, _IDLE_S = 0.2, 5.0
# longer than the gateways and workers go on to ask for it
_PROMOTED_S = 10.0
_STOP = None


class LauncherRuns(RuntimeError):
    """Another launcher runs the processes of this folder."""


@dataclass
class _Child:
    """A version's process.

    Attributes
    ----------
    process : None between its end and its next start
    failures : starts in a row of which none lived long
    due : when it may be started, by the clock
    ending : when it is killed, having been told to end; None: it is to run
    promoted : since when its version is the champion, by the clock; None: it is not
    """

    published: Published
    process: "subprocess.Popen[bytes] | None" = None
    failures: int = 0
    due: float = 0.0
    started: float = 0.0
    ending: float | None = None
    promoted: float | None = None


class Launcher:
    """Keeps one process for each version beside the champion.

    Not safe for several threads: the kernel takes the thread that started a process for its parent.

    Parameters
    ----------
    folder : of the sockets
    start : starts a version's process
    clock : in seconds, never set back
    """

    def __init__(
        self, folder: Path, start: Start, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder, self._start, self._clock = folder, start, clock
        self._wanted: dict[Key, Published] = {}
        self._children: dict[Key, _Child] = {}
        self._refused: set[Key] = set()

    @property
    def idle(self) -> bool:
        """Say whether there is nothing to run, and nothing to wait for."""
        return not self._wanted and not self._children

    @property
    def processes(self) -> dict[Key, int]:
        """Return the process of each slot that has one."""
        return {key: child.process.pid for key, child in self._children.items() if child.process}

    def want(self, slots: Slots) -> None:
        """Take note of which versions are to run; `look` brings it about."""
        running = {key: row for key, row in slots.items() if key[1] != CHAMPION and row.runs}
        self._wanted = {key: row for key, row in running.items() if self._has_address(key)}
        self._wanted = self._promoted(slots) | self._wanted

    def _promoted(self, slots: Slots) -> dict[Key, Published]:
        """Return versions that have become champions just now.

        Where the champion before it is still loaded, they are asked in their old slot for a while.
        """
        found = {}
        for key, child in self._children.items():
            champion = slots.get((key[0], CHAMPION))
            if key in self._wanted or champion is None:
                child.promoted = None
            elif champion.identity == child.published.identity:
                child.promoted = self._clock() if child.promoted is None else child.promoted
                if self._clock() - child.promoted < _PROMOTED_S:
                    found[key] = child.published
        return found

    def look(self) -> None:
        """Start what is to run, end what is not, and see what has ended."""
        for key, child in list(self._children.items()):
            self._see(key, child)
        for key, row in self._wanted.items():
            child = self._children.setdefault(key, _Child(row))
            if child.process is None and self._clock() >= child.due:
                self._begin(key, child)

    def close(self) -> None:
        """End every process, and return when they have ended."""
        self._wanted = {}
        while self._children:
            self.look()
            time.sleep(0.02)

    def _see(self, key: Key, child: _Child) -> None:
        wanted = self._wanted.get(key)
        if wanted is None or wanted.identity != child.published.identity:
            self._end(key, child)
            return
        code = child.process.poll() if child.process is not None else None
        if code is not None:
            child.process = None
            lived = self._clock() - child.started
            self._wait(key, child, lived, f"{_reason(code)}, after {lived:.1f} s")

    def _begin(self, key: Key, child: _Child) -> None:
        self._socket(key).unlink(missing_ok=True)
        child.started = self._clock()
        try:
            child.process = self._start(child.published)
        except OSError as error:  # no memory, or too many processes
            self._wait(key, child, 0.0, str(error))
        else:
            log.info("%s %s version %s starts", *key, child.published.version)

    def _wait(self, key: Key, child: _Child, lived_s: float, reason: str) -> None:
        """Say when a process that has ended is started again."""
        self._socket(key).unlink(missing_ok=True)
        child.failures = 1 if lived_s >= _LIVED_S else child.failures + 1
        # the power is bounded: a version may fail for days
        wait_s = min(_FIRST_WAIT_S * 2 ** min(child.failures - 1, 10), _LONGEST_WAIT_S)
        child.due = self._clock() + wait_s
        version = child.published.version
        log.warning("%s %s version %s ended: %s; again in %g s", *key, version, reason, wait_s)

    def _end(self, key: Key, child: _Child) -> None:
        """Tell a process to end, kill it if it does not, and forget it once it has."""
        if child.process is None or child.process.poll() is not None:
            self._socket(key).unlink(missing_ok=True)
            del self._children[key]
            log.info("%s %s version %s runs no more", *key, child.published.version)
        elif child.ending is None:
            # nobody is to begin to ask what is about to end
            self._socket(key).unlink(missing_ok=True)
            child.process.terminate()
            child.ending = self._clock() + _GRACE_S
        elif self._clock() >= child.ending:
            child.process.kill()

    def _has_address(self, key: Key) -> bool:
        try:
            slot_socket(self._folder, *key)
        except NoAddress as error:
            if key not in self._refused:
                log.warning("%s %s does not run: %s", *key, error)
            self._refused.add(key)
            return False
        return True

    def _socket(self, key: Key) -> Path:
        return slot_socket(self._folder, *key)


def _reason(code: int) -> str:
    with contextlib.suppress(ValueError):
        if code < 0:
            return signal.Signals(-code).name
    return f"exit code {code}"


@contextmanager
def only_launcher(folder: Path) -> Iterator[None]:
    """Be the only launcher of that folder's processes; LauncherRuns if there is one already.

    The lock goes with the process that holds it, however that ends. Sockets that a killed launcher
    left behind are removed.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "slots.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LauncherRuns(
                f"another launcher runs the slots of {folder}: end it first"
            ) from None
        for slot in (CHALLENGER, "arm-*"):
            for left in folder.glob(f"*-{slot}.sock"):
                left.unlink(missing_ok=True)
        yield


def start_service(published: Published) -> "subprocess.Popen[bytes]":
    """Start a version's process; it ends with the thread that calls this."""
    words = [sys.executable, "-m", "bentos.slot_service", published.task, published.slot]
    command = ["setpriv", "--pdeathsig", "KILL", *words, "--published", write_published(published)]
    return subprocess.Popen(command)


def follow(launcher: Launcher, told: "queue.SimpleQueue[Slots | None]") -> None:
    """Run what the slots say until told to stop; a process that has ended is seen at once.

    Parameters
    ----------
    told : slots as they change; an empty mapping is not the same as None, which is to stop
    """
    while True:
        try:
            news = told.get(timeout=_IDLE_S if launcher.idle else _LOOK_EVERY_S)
        except queue.Empty:
            pass
        else:
            if news is _STOP:
                return
            launcher.want(news)
        launcher.look()


def asks_here(settings: Settings) -> bool:
    """Say whether a version beside the champion is asked, and at a process of this machine's."""
    return settings.slots == "follow" and settings.challenger_url is None


def main() -> None:
    """Run the command line."""
    settings = read_settings()
    open_logs(settings.log_level, settings.log_form)
    told: queue.SimpleQueue[Slots | None] = queue.SimpleQueue()

    def stop(_number: int, _frame: FrameType | None) -> None:
        told.put(_STOP)

    folder = settings.socket_folder()
    launcher = Launcher(folder, start_service)
    try:
        with only_launcher(folder):
            follower = SlotFollower(open_engine(settings), told.put, settings.slots_poll_s)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, stop)
            if asks_here(settings):
                follower.start()
            follow(launcher, told)
            launcher.close()
    except LauncherRuns as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
