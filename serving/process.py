"""What a process asks of the kernel about those above and below it (Linux, prctl(2))."""

import contextlib
import ctypes
import os
import resource
import signal
from pathlib import Path

# two thirds of a fair share where the processor is short: less would make a sound version look slow
# beside the champion, which is what it may be taken back for
_UNTRUSTED_NICE = 2
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def die_with_parent() -> None:
    """Be killed when the thread that started us ends.

    To be called from a thread that lives as long as the process.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of whatever below us loses its own."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def allow_open_files() -> None:
    """Let the process have as many files and connections open as it may; 1,024 is usual else."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def expect_harm(memory_bytes: int) -> None:
    """Prepare for work that nobody vouches for: it may break this process, and no other.

    The process may have so much data (0: no bound), is what the kernel ends first when memory runs
    out, leaves the processor to others, and writes no file of its memory when a signal ends it.

    RLIMIT_DATA counts, since Linux 4.7, private writable memory, whether it is used or not.
    RLIMIT_AS would count files that are only mapped as well; RLIMIT_RSS has no effect.
    """
    if memory_bytes:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        bound = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
        resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # a sandbox whose /proc is for reading only
        Path("/proc/self/oom_score_adj").write_text("1000")
    os.nice(_UNTRUSTED_NICE)


def leave_real_time() -> None:
    """Bring every thread of this process that runs in real time back to the usual schedule.

    SVT-AV1 puts the thread that opens it and all of its own to the front of every queue (SCHED_FIFO
    at 99) wherever it may, as in a container's root: nothing else of the host would get its turn.
    """
    for thread in map(int, os.listdir("/proc/self/task")):
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            if os.sched_getscheduler(thread) in (os.SCHED_FIFO, os.SCHED_RR):
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}): {os.strerror(ctypes.get_errno())}")
