"""A site with photos, and with everything that a site may do to who downloads them."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

PHOTO = bytes(range(256)) * 400

# the ways in which addresses that a download must never reach are written
INNER = [
    "http://localhost/", "http://127.0.0.1/", "http://127.1/", "http://127.0.1/",
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://017700000001/",
    "http://0177.0.0.1/", "http://0/", "http://0.0.0.0/", "http://10.0.0.1/", "http://172.16.0.1/",
    "http://192.168.1.1/", "http://100.64.0.1/", "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/", "http://0xa9fea9fe/", "http://169.254.43518/", "http://100.100.100.200/",
    "http://192.0.0.192/", "http://168.63.129.16/", "http://224.0.0.1/", "http://255.255.255.255/",
    "http://[::]/", "http://[::1]/", "http://[0:0:0:0:0:0:0:1]/", "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::7f00:1]/", "http://[64:ff9b::169.254.169.254]/", "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/", "http://[fe80::1]/", "http://[fe80::1%25lo]/",
    "http://[fc00::1]/", "http://[fd00:ec2::254]/", "http://[ff02::1]/", "http://①②⑦.⓪.⓪.①/",
]  # fmt: skip


class Site:
    def __init__(self, port: int, seen: list[tuple[str, str]]) -> None:
        self.port, self.seen = port, seen

    def url(self, path: str, scheme: str = "http") -> str:
        return f"{scheme}://photos.test:{self.port}{path}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.seen.append((self.headers["Host"], self.path))
        name, _, rest = self.path.partition("?")[0].strip("/").partition("/")
        self.close_connection = True
        getattr(self, f"say_{name}")(rest)

    def answer(self, status: int = 200, body: bytes = b"", **fields: str) -> None:
        self.send_response_only(status)
        for field, value in ({"Content_Length": str(len(body))} | fields).items():
            self.send_header(field.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def say_photo(self, _: str) -> None:
        self.answer(body=PHOTO)

    def say_status(self, code: str) -> None:
        self.answer(int(code), b"" if code in ("204", "304") else b"no")

    def say_to(self, _: str) -> None:
        self.answer(302, Location=unquote(self.path.partition("?u=")[2], "latin-1"))

    def say_hop(self, left: str) -> None:
        self.answer(307, Location=f"/hop/{int(left) - 1}" if int(left) else "/photo")

    def say_zipped(self, _: str) -> None:
        self.answer(body=b"...", Content_Encoding="gzip")

    def say_promised(self, _: str) -> None:
        self.answer(Content_Length="999999999")

    def say_short(self, _: str) -> None:
        self.answer(body=PHOTO[:100], Content_Length=str(len(PHOTO)))

    def say_unbounded(self, _: str) -> None:
        self.send_response_only(200)
        self.end_headers()
        for __ in range(10_000):
            self.wfile.write(bytes(0x10000))

    def say_chunks(self, _: str) -> None:
        self.send_response_only(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for __ in range(10_000):
            self.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    def say_drops(self, _: str) -> None:
        self.send_response_only(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for __ in range(200):
            self.wfile.write(b"x")
            time.sleep(0.05)

    def say_slow_head(self, _: str) -> None:
        for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 200:
            self.wfile.write(bytes([letter]))
            time.sleep(0.05)

    def say_silence(self, _: str) -> None:
        time.sleep(2)

    def say_long_head(self, _: str) -> None:
        self.answer(X_Long="x" * 500_000)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def run_site(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    class Own(Handler):
        seen: list[tuple[str, str]] = []  # noqa: RUF012 - one per server

    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # its clients hang up
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield Site(server.server_port, Own.seen)
    finally:
        server.shutdown()
        server.server_close()
