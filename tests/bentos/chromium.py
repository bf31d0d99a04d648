"""A headless Chromium, told what to do over its DevTools protocol."""

import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
_START_S = 60.0


class Tab:
    """One page, open in the browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, itertools.count(1)

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Return what a method of the protocol answers."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=30))
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                return dict(answer["result"])

    def run(self, script: str) -> Any:  # noqa: ANN401 - whatever the script gives
        """Return an expression's value; a promise is waited for."""
        told = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait_for(self, script: str, timeout_s: float = 30.0) -> None:
        """Return once the expression holds."""
        end = time.monotonic() + timeout_s
        while not self.run(f"!!({script})"):
            assert time.monotonic() < end, f"never: {script}"
            time.sleep(0.05)


@contextmanager
def browse(folder: Path, url: str) -> Iterator[Tab]:
    """Open a page in a browser of its own."""
    assert PROGRAM is not None
    flags = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --mute-audio"
    quiet = "--no-first-run --autoplay-policy=no-user-gesture-required"
    command = [PROGRAM, *flags.split(), *quiet.split(), f"--user-data-dir={folder}"]
    process = subprocess.Popen(
        [*command, "--remote-debugging-port=0", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        tabs = httpx.get(f"http://127.0.0.1:{_port(folder, process)}/json/list").json()
        address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
        with connect(address, max_size=None) as socket:
            tab = Tab(socket)
            tab.call("Page.enable")
            tab.call("Page.navigate", url=url)
            tab.wait_for("document.readyState === 'complete'")
            yield tab
    finally:
        process.terminate()
        process.wait(20)


def _port(folder: Path, process: subprocess.Popen[bytes]) -> int:
    end = time.monotonic() + _START_S
    file = folder / "DevToolsActivePort"
    while not (file.exists() and file.read_text().count("\n")):
        assert process.poll() is None, "the browser ended"
        assert time.monotonic() < end, "the browser does not start"
        time.sleep(0.05)
    return int(file.read_text().split("\n")[0])
