"""What is still there of an earlier start: processes that outlived their parents, and their ports.

Every program of a stack carries a mark in its environment, which all that it starts inherit, in
whatever session or process group: so they are known when nothing else connects them to us.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

MARK = "STUDIO_PROGRAM"
_GRACE_S = 5.0


def mark_of(home: Path, name: str = "") -> str:
    """Return the mark of a program of the studio in `home`; without a name, what all begin with."""
    return f"{home}:{name}"


def end_leftovers(mark: str) -> int:
    """End every process that carries `mark`, but for those that lead to this one.

    Parameters
    ----------
    mark : of one program; or of a whole studio, which all of its programs' begin with

    Returns
    -------
    How many there were.
    """
    found = list(_marked(mark))
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(found, timeout=_GRACE_S)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=_GRACE_S)
    return len(found)


def port_taken(port: int) -> str | None:
    """Say who listens on a port of this machine and what to do about it; None if nobody does."""
    for connection in psutil.net_connections("tcp"):
        address = connection.laddr  # () of a socket that has none
        if connection.status == psutil.CONN_LISTEN and address and address.port == port:
            return (
                f"port {port} is taken by {_describe(connection.pid)}, which is not of this "
                "studio: end it, or choose another (GATEWAY_PORT, DAGSTER_PORT, MLFLOW_PORT)"
            )
    return None


def _marked(mark: str) -> Iterator[psutil.Process]:
    us = {os.getpid(), *(process.pid for process in psutil.Process().parents())}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            carried = process.environ().get(MARK, "")
            ours = carried.startswith(mark) if mark.endswith(":") else carried == mark
            if ours and process.pid not in us:
                yield process


def _describe(pid: int | None) -> str:
    if pid is None:
        return "a process of another user"
    try:
        return f"process {pid} ({' '.join(psutil.Process(pid).cmdline())[:100]})"
    except psutil.Error:
        return f"process {pid}"
