"""Starts the gateway, or any of our services, as in production, and ends it whole."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KEY = "benchmark-key"
HEADERS = {"X-API-Key": KEY, "Content-Type": "image/jpeg"}


@dataclass(frozen=True)
class Server:
    """A running service."""

    url: str
    pid: int
    start_s: float


@contextmanager
def gateway(
    home: Path, serving: str, service: str = "bentos.gateway.service:Gateway", **env: str
) -> Iterator[Server]:
    """Serve with the model pinned to the starter, without a database; yield once it is ready."""
    settings = {
        "STUDIO_HOME": str(home),
        "SLOTS": "pinned",
        "BAKED_MODELS": str(ROOT / "registry" / "starter"),
        "SERVING_MODELS": serving,
        "RATE_LIMIT": "1000000/second",
        "API_KEYS": json.dumps({"benchmark": [hashlib.sha256(KEY.encode()).hexdigest()]}),
    }
    with serve(service, home / f"{serving}.log", "/health", settings | env) as server:
        yield server


@contextmanager
def serve(service: str, log: Path, ready: str, env: dict[str, str]) -> Iterator[Server]:
    """Run a BentoML service on a free port; yield once the path `ready` answers."""
    port = free_port()
    command = [sys.executable, "-m", "bentoml", "serve", service, "--port", str(port)]
    started = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            env=os.environ | {"BENTOML_DO_NOT_TRACK": "True"} | env,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=log.parent,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}{ready}", process)
        yield Server(url, process.pid, time.perf_counter() - started)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes], timeout_s: float = 120) -> None:
    """Wait until `url` answers 200."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError(url)
