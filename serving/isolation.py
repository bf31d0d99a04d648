"""Work on foreign bytes in processes that may die of them.

A native decoder is trusted with whatever a stranger sent. Where it writes outside of its memory,
takes all there is or never ends, only the process that it runs in is lost, and the caller is told
that the file did it. The process is kept for the next file; file and result pass through shared
memory, so that a call costs little more than the work itself.

`python -m serving.isolation MODULE` is such a process; it calls `MODULE.handle`.
"""

import contextlib
import gc
import importlib
import json
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

import serving

Reply = dict[str, object]
Allocate = Callable[[int], memoryview]
Handle = Callable[[Mapping[str, object], memoryview, Allocate], Reply]

_REPLY_BYTES = 1 << 20
_CPU_S = 60  # of one call; a hundred times what the slowest ordinary picture takes
_STILL_S = 30.0  # a process that used no time at all for so long waits for what never comes
_SPARE_BYTES = 256 << 20  # threads' stacks and what libraries load late: glib aborts without
_OURS = (signal.SIGKILL, signal.SIGTERM)  # a death that tells nothing of the file
_ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(
        1 << 20
    ),  # large buffers go back to the system when they are free
    "OMP_NUM_THREADS": "1",
    "VIPS_CONCURRENCY": "1",
}


class Died(Exception):
    """The process died of what it was given."""


class Ended(Exception):
    """The process was ended from outside, twice."""


class IsolatedCalls:
    """Calls `handle` of a module in processes of its own; safe to share between threads.

    Parameters
    ----------
    module : by name, so that nothing of it is loaded here
    processes : at most, at the same time; each is started when it is first needed
    """

    def __init__(self, module: str, processes: int) -> None:
        self._module, self._processes = module, processes
        self._reset()
        os.register_at_fork(after_in_child=self._reset)  # the parent's are not ours to talk to

    def _reset(self) -> None:
        self._idle: list[_Process] = []
        self._free = threading.BoundedSemaphore(self._processes)

    def call(
        self, request: Mapping[str, object], data: bytes, memory: int
    ) -> tuple[Reply, mmap.mmap | None]:
        """Return the reply, and the memory that `handle` allocated.

        Parameters
        ----------
        request : JSON values
        memory : bytes that the work may take

        Raises
        ------
        Died
            The process crashed, or took far more time or memory than was foreseen.
        Ended
            It was ended by somebody else, and so was the next.
        """
        with self._free, _shared(data) as file:
            for _ in range(2):
                process = self._take()
                try:
                    answer = process.call({**request, "_memory": memory}, file)
                except (OSError, ValueError) as error:
                    reason = process.end()
                    if reason not in _OURS:
                        raise Died(_describe(reason)) from error
                else:
                    self._idle.append(process)
                    return answer
        raise Ended("the system ended the process that decodes")

    def _take(self) -> "_Process":
        try:
            return self._idle.pop()
        except IndexError:
            return _Process(self._module)


def _describe(reason: int) -> str:
    if reason == signal.SIGXCPU:
        return f"it takes over {_CPU_S} s to decode"
    return f"its decoder failed ({signal.Signals(reason).name if reason else 'no answer'})"


@contextlib.contextmanager
def _shared(data: bytes) -> Iterator[int]:
    """Give the descriptor of a file in memory that holds `data`."""
    file = os.memfd_create("photo")
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
        yield file
    finally:
        os.close(file)


class _Process:
    def __init__(self, module: str) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        root = str(Path(serving.__file__).parents[1])
        paths = [root, os.environ.get("PYTHONPATH", "")]
        with theirs:
            self._popen = subprocess.Popen(  # it ends by itself when our end of the socket closes
                [sys.executable, "-m", "serving.isolation", module, str(theirs.fileno())],
                env=os.environ
                | _ENVIRONMENT
                | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._ours.settimeout(_STILL_S)

    def call(self, request: Mapping[str, object], file: int) -> tuple[Reply, mmap.mmap | None]:
        socket.send_fds(self._ours, [json.dumps(request).encode()], [file])
        text, files = self._await_reply()
        if not text:
            raise ConnectionResetError("the process is gone")
        reply = cast(Reply, json.loads(text))
        if not files:
            return reply, None
        try:
            return reply, mmap.mmap(files[0], 0)
        finally:
            os.close(files[0])

    def _await_reply(self) -> tuple[bytes, list[int]]:
        """Wait for as long as the process works, however little time a busy machine gives it."""
        spent = -1
        while True:
            try:
                text, files, _, _ = socket.recv_fds(self._ours, _REPLY_BYTES, 1)
            except TimeoutError:
                before, spent = spent, self._spent()
                if spent == before:
                    raise
            else:
                return text, files

    def _spent(self) -> int:
        """Return its processor time, in ticks of the system."""
        stat = Path(f"/proc/{self._popen.pid}/stat").read_text(encoding="ascii")
        return sum(int(ticks) for ticks in stat.rpartition(")")[2].split()[11:13])

    def end(self) -> int:
        """End what is left of it; return the signal that it died of, or 0."""
        self._ours.close()
        try:
            code = self._popen.wait(1.0)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
            return 0
        return max(0, -code)


def serve(handle: Handle, connection: socket.socket) -> None:
    """Answer calls until the other end closes."""
    while True:
        text, files, _, _ = socket.recv_fds(connection, _REPLY_BYTES, 1)
        if not text:
            return
        request = json.loads(text)
        data = mmap.mmap(files[0], 0, prot=mmap.PROT_READ)
        os.close(files[0])
        result: list[int] = []
        with _limited(int(request.pop("_memory"))):
            reply = handle(request, memoryview(data), _allocator(result))
        socket.send_fds(connection, [json.dumps(reply).encode()], result)
        for file in result:
            os.close(file)
        del data, reply
        gc.collect()  # libraries hold what they read in cycles, and a photo is large


def _allocator(made: list[int]) -> Allocate:
    def allocate(size: int) -> memoryview:
        made.append(os.memfd_create("pixels"))
        os.ftruncate(made[-1], size)
        return memoryview(mmap.mmap(made[-1], size))

    return allocate


@contextlib.contextmanager
def _limited(memory: int) -> Iterator[None]:
    """Let the work within have so much more memory and time than was taken until now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        data = int(file.read().split()[5]) * mmap.PAGESIZE
    usage = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(usage.ru_utime + usage.ru_stime)
    _limit(resource.RLIMIT_DATA, data + memory + memory // 4 + _SPARE_BYTES)
    _limit(resource.RLIMIT_CPU, spent + _CPU_S + 1)
    try:
        yield
    finally:
        _limit(resource.RLIMIT_DATA, None)


def _limit(kind: int, value: int | None) -> None:
    hard = resource.getrlimit(kind)[1]
    wanted = hard if value is None else value
    resource.setrlimit(kind, (wanted if hard < 0 else min(wanted, hard), hard))


def main(module: str, descriptor: str) -> None:
    """Be a process of `IsolatedCalls`."""
    for name in (signal.SIGINT, signal.SIGTERM):  # meant for the parent; it ends us by its end
        signal.signal(name, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    handle = cast(Handle, importlib.import_module(module).handle)
    gc.freeze()
    with socket.socket(fileno=int(descriptor)) as connection:
        serve(handle, connection)


if __name__ == "__main__":
    main(*sys.argv[1:])
