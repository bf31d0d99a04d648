"""A model service over plain HTTP that answers as it is told, one thing after the other."""

import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from _bentoml_impl.client.http import AsyncHTTPClient  # type: ignore[import-untyped]

from serving.errors import ModelUnavailable
from serving.models.local import Models
from serving.models.service import answer_items, find_version
from serving.models.wire import Item, PinnedVersion, Reply, VersionReply
from serving.tasks import AnyTask


class _Server(ThreadingHTTPServer):
    """No thread outlives the test, and a client who does not wait is no error to print.

    CPython 3.11 parses code where it prints a traceback; in two threads at once that fails
    (https://github.com/python/cpython/issues/106905).
    """

    daemon_threads = False

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class ModelHost:
    """Answers for one task's models; each word of `script` is used up by one request.

    `cut` closes the connection, `hang` waits until the end, `none` says that there is no model, a
    number is the status; any other word, or none, and the answer is right.
    """

    def __init__(self, task: AnyTask, models: Models) -> None:
        self.task, self.models = task, models
        self.script: list[str] = []
        self.asked: list[str] = []
        self.closing = threading.Event()
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                host.asked.append(self.path)
                word = host.script.pop(0) if host.script else "right"
                if word == "cut":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if word == "hang":
                    host.closing.wait(60)
                status = int(word) if word.isdigit() else 200
                content = host.answer(self.path, json.loads(body or b"{}"), word == "none")
                answer = content if status == 200 else b'{"error": "-"}'
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None: ...

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def client(self, service: object, timeout_s: float = 60.0) -> AsyncHTTPClient:
        """Return BentoML's own client, as the gateway has it; a busy host is no hanging service."""
        return AsyncHTTPClient(
            self.url,
            media_type="application/json",
            service=service,
            server_ready_timeout=0,
            timeout=timeout_s,
        )

    def answer(self, path: str, body: dict[str, Any], none: bool) -> bytes:
        """Return the answer of a service, or of one that has no model."""
        error = ModelUnavailable(self.task.name, "nothing is published")
        if path == f"/{self.task.name}/find":
            pin = PinnedVersion.model_validate(body["pin"]) if body.get("pin") else None
            found = find_version(self.task, self.models, pin)
            found = VersionReply(error=error.reason) if none else found
            return found.model_dump_json().encode()
        items = [Item.model_validate_json(json.dumps(each)) for each in body["items"]]
        replies = answer_items(self.task, self.models, items)
        if none:
            replies = [Reply.of(self.task, error)] * len(items)
        return json.dumps([reply.model_dump(mode="json") for reply in replies]).encode()

    def close(self) -> None:
        """Stop, and wait for what is being answered."""
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
