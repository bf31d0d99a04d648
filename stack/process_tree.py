"""Keeps a program and all it starts together: `python -m stack.process_tree [--port N] COMMAND…`.

MLflow, Dagster and `bentoml serve` start processes of their own, some in sessions of their own,
where no signal to a process group finds them; orphaned, they would go on holding their ports. Here
they end with the program that started them. SIGHUP kills all of it at once. What an earlier start
left, because this process was killed itself, is ended before the next one.
"""

import argparse
import os
import signal
import subprocess
import sys
from types import FrameType

import psutil

from serving.process import adopt_orphans
from stack.leftovers import MARK, end_leftovers, port_taken


def main() -> int:
    """Run the command of the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="stack.process_tree")
    parser.add_argument("--port", type=int, help="that the program listens on")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    signal.signal(signal.SIGHUP, _end_all)
    adopt_orphans()
    if MARK in os.environ:
        end_leftovers(os.environ[MARK])
    taken = port_taken(arguments.port) if arguments.port else None
    if taken:
        print(taken, file=sys.stderr)
        return 1
    program = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *arguments.command])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: program.send_signal(number))
    code = program.wait()
    _kill_below()
    return code if code >= 0 else 128 - code


def _end_all(_number: int, _frame: FrameType | None) -> None:
    _kill_below()
    raise SystemExit(1)


def _kill_below() -> None:
    """Kill until nothing is left: what is killed may leave its own children to us."""
    while below := psutil.Process().children(recursive=True):
        for process in below:
            process.kill()
        psutil.wait_procs(below, timeout=5)


if __name__ == "__main__":
    sys.exit(main())
