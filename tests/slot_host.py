"""The process of a slot on a socket of its own, which answers right or in any way that breaks."""

import json
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from serving.models.local import Loaded
from serving.models.predictor import Answered, answer_timed
from serving.models.slot_address import SlotAddress
from serving.models.wire import Item, PinnedVersion, Reply, VersionReply
from serving.tasks import AnyTask

_STEP_S = 0.05
PATIENT_S = 20.0
"""A deadline that an answer on a busy host does not miss."""
SHORT_S = 0.4
"""One to be missed by what hangs or is slow."""


class SlotHost:
    """Answers with a model as its `mode` says, which may be changed under way.

    Attributes
    ----------
    mode : `right`, or one of the ways to break that `_break` and `_reply` know
    asked : how often it was asked
    loading : it does not say yet that it is ready
    slow_s : for which `slow` waits: longer than `SHORT_S`, shorter than ten of it
    """

    def __init__(self, folder: Path, task: AnyTask, model: Loaded, mode: str = "right") -> None:
        self.task, self.model, self.mode = task, model, mode
        self.asked, self.loading = 0, False
        self.slow_s = 0.6
        self.ended = threading.Event()
        self.socket = folder / f"{task.name}.sock"
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.endswith("/find"):
                    host.say_which(self, json.loads(body))
                    return
                mode = host.mode  # who sees that it was asked may change it
                host.asked += 1
                host.answer(self, json.loads(body), mode)

            def log_message(self, *_: object) -> None: ...

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: object) -> None: ...  # who asks may go away

        self._server = Server(str(self.socket), Handler)
        serve = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        serve.start()

    @property
    def address(self) -> SlotAddress:
        """Return where it answers."""
        return SlotAddress("http://slot", self.socket)

    def close(self) -> None:
        """End, and let go whoever hangs."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def say_which(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Say that the version is there, which asks nothing of its model."""
        if self.loading:
            self.ended.wait(20)
        pin = PinnedVersion(**body["pin"]) if body.get("pin") else None
        right = pin is None or pin.model_sha256 == self.model.model_sha256
        found = VersionReply.of(self.model) if right else VersionReply(error="it has another")
        content = found.model_dump_json().encode()
        head = f"HTTP/1.1 200 -\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        handler.wfile.write(head + content)

    def answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any], mode: str) -> None:
        """Answer one question in the way that is the turn of."""
        if mode == "hang":
            self.ended.wait(20)
            return
        if mode == "close":
            handler.close_connection = True
            return
        status = int(mode) if mode.isdigit() else 200
        content = self._reply(mode, body)
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\n".encode()
        if mode == "trickle headers":
            self._trickle(handler, head * 100)
        elif mode == "endless":
            handler.wfile.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
            while not self.ended.is_set():
                handler.wfile.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        elif mode == "no http":
            handler.wfile.write(b"\x00\xff what?\r\n\r\n")
            handler.close_connection = True
        else:
            handler.wfile.write(head + f"Content-Length: {len(content)}\r\n\r\n".encode())
            self._send(handler, mode, content)

    def _send(self, handler: BaseHTTPRequestHandler, mode: str, content: bytes) -> None:
        if mode == "trickle body":
            self._trickle(handler, content)
        elif mode == "half a body":
            handler.wfile.write(content[: len(content) // 2])
            handler.close_connection = True
        else:
            handler.wfile.write(content)

    def _trickle(self, handler: BaseHTTPRequestHandler, content: bytes) -> None:
        """Send a byte now and then: no single wait is long."""
        for byte in content:
            if self.ended.is_set():
                return
            handler.wfile.write(bytes([byte]))
            time.sleep(_STEP_S)

    def _reply(self, mode: str, body: dict[str, Any]) -> bytes:
        (item,) = [Item.model_validate_json(json.dumps(each)) for each in body["items"]]
        (said,) = answer_timed(self.task, self.model, [item.prepared()])
        assert isinstance(said, Answered)
        reply = Reply.of(self.task, said, self.model.identity).model_dump(mode="json")
        _spoil(mode, reply)
        if mode == "slow":
            time.sleep(self.slow_s)
        whole = {"no json": b"<html>", "nothing": b"", "none": b"[]", "deep": b"[" * 100_000}
        replies = [reply, reply] if mode == "two" else [reply]
        return whole.get(mode, json.dumps(replies).encode())


def _spoil(mode: str, reply: dict[str, Any]) -> None:
    """Make a right reply wrong in one way."""
    scores = dict(reply["answer"].get("scores", {"red": 1.0}))
    answers: dict[str, Any] = {
        "NaN": {"confidence": float("nan")},
        "null": {"scores": dict.fromkeys(scores)},
        "unknown label": {"scores": {"attic": scores.pop("red"), **scores}},
        "sum": {"scores": dict.fromkeys(["red", *scores], 0.9)},
    }
    replies: dict[str, Any] = {
        "wrong version": {"identity": "another"},
        "other shape": {"answer": [1, 2, 3]},
        "model failed": {"answer": None, "error": "the model broke"},
        "not finite": {"answer": None, "error": "not finite", "not_finite": True},
        "gone": {"answer": None, "error": "another answers now", "unavailable": True},
    }
    reply["answer"] |= answers.get(mode, {})
    reply |= replies.get(mode, {})


WAYS_TO_BREAK = {
    "hang": "deadline",
    "trickle headers": "deadline",
    "trickle body": "deadline",
    "close": "error",
    "half a body": "error",
    "no http": "error",
    "500": "error",
    "503": "error",
    "302": "error",
    "model failed": "error",
    "endless": "too_large",
    "wrong version": "wrong_version",
    "NaN": "not_finite",
    "not finite": "not_finite",
    "null": "nonsense",
    "unknown label": "nonsense",
    "sum": "nonsense",
    "other shape": "nonsense",
    "no json": "nonsense",
    "nothing": "nonsense",
    "none": "nonsense",
    "two": "nonsense",
    "deep": "nonsense",
    "gone": "unavailable",
}
"""Each mode, and the reason for which the champion then answers."""
