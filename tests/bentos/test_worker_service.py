"""The job worker as a service: it comes back when killed, and ends with whoever runs it."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from serving.settings import Settings
from stack.processes import free_port

pytestmark = pytest.mark.slow


def wait_for(happened: Callable[[], bool], timeout_s: float = 90) -> None:
    until = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.1)


def working(bento: psutil.Process) -> list[psutil.Process]:
    """The processes below that work on jobs, not the shims that they came from."""
    found = []
    for process in bento.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # one that was killed, not yet waited for
            if "serving.worker" in process.cmdline():
                found.append(process)
    return found


def ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture
def served(settings: Settings, tmp_path: Path) -> Iterator[tuple[psutil.Process, int]]:
    port = free_port()
    env = {"DATABASE_URL": str(settings.database_url), "STUDIO_HOME": str(settings.home())}
    words = ["-m", "bentoml", "serve", "bentos.worker.service:Worker", "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, *words], env=os.environ | env, stdout=log, stderr=log
        )
    try:
        wait_for(lambda: ready(port))
        yield psutil.Process(server.pid), port
    finally:
        server.terminate()
        server.wait(60)


def test_a_worker_that_was_killed_comes_back(served: tuple[psutil.Process, int]) -> None:
    bento, port = served
    (first,) = working(bento)
    first.kill()
    wait_for(lambda: [p.pid for p in working(bento)] not in ([], [first.pid]) and ready(port))


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_the_worker_ends_with_whoever_runs_it(served: tuple[psutil.Process, int], how: str) -> None:
    bento, _ = served
    everything = [bento, *bento.children(recursive=True)]
    getattr(bento, how)()
    _, left = psutil.wait_procs(everything[1:], timeout=60)
    assert not left
