"""Runs the backend: as a process of its own, or for a while inside another one."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from stack.backend.answers import Wire
from stack.backend.app import Desk, create_app


def make_server(desk: Desk, host: str, port: int) -> uvicorn.Server:
    """Return a server that is not running yet."""
    config = uvicorn.Config(
        Wire(create_app(desk)),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        # what hangs on purpose does not keep the process
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


@contextmanager
def running(desk: Desk) -> Iterator[str]:
    """Run it in a thread on a free port; yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = make_server(desk, "127.0.0.1", port)
        thread = threading.Thread(target=server.run, args=([listening],), name="backend")
        thread.start()
        try:
            # connections wait in the socket's queue until it accepts them
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join()
