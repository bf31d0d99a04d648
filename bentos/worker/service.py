"""The job worker as a BentoML service, so that it is built, shipped and probed as the gateway is.

The work is done by `python -m serving.worker` in a process below this one. This one answers the
probes and ends with it; `bentoml serve`, or whatever runs the container, then starts both again.
"""

import os
import signal
import subprocess
import sys
import threading

import bentoml

from bentos.traffic import QUIET, end_with_arbiter
from serving.environment import read_settings

# beside the grace that running jobs are given: to hand them back, and to end
_LAST_WORD_S = 15.0


@bentoml.service(name="worker", **QUIET)
class Worker:
    """Works on jobs and calls back; over HTTP it only says whether it lives."""

    def __init__(self) -> None:
        end_with_arbiter()
        self._grace_s = read_settings().worker_grace_s + _LAST_WORD_S
        self._closing = threading.Event()
        # started by the main thread: the kernel takes that thread's end for the parent's
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "serving.worker"]
        )
        threading.Thread(target=self._end_with_worker, name="worker", daemon=True).start()

    def _end_with_worker(self) -> None:
        self._process.wait()
        if not self._closing.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    async def __is_ready__(self) -> bool:
        """Say whether the worker's process lives."""
        return self._process.poll() is None

    @bentoml.on_shutdown
    def close(self) -> None:
        """Let running jobs end, or hand them back."""
        self._closing.set()
        self._process.terminate()
        try:
            self._process.wait(self._grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
