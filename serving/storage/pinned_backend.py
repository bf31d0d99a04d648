"""Connections to given addresses only, all waits of which end at one time."""

import ssl
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import httpcore


@dataclass(frozen=True)
class PinnedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were looked at before, whatever the name means by now.

    Attributes
    ----------
    addresses : tried in turn
    until : when every wait ends, by `time.monotonic`
    """

    addresses: Sequence[str]
    until: float

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers."""
        del host, timeout
        sockets = httpcore.SyncBackend()
        for still, address in zip(range(len(self.addresses), 0, -1), self.addresses, strict=True):
            wait_s = _left(self.until, httpcore.ConnectTimeout) / still
            try:
                stream = sockets.connect_tcp(address, port, wait_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if still == 1:
                    raise
            else:
                return _Timed(stream, self.until)
        raise httpcore.ConnectError("there is no address")


@dataclass(frozen=True)
class _Timed(httpcore.NetworkStream):
    """A connection on which slow drops do not add up."""

    stream: httpcore.NetworkStream
    until: float

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read some bytes."""
        del timeout
        return self.stream.read(max_bytes, _left(self.until, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all bytes."""
        del timeout
        self.stream.write(buffer, _left(self.until, httpcore.WriteTimeout))

    def close(self) -> None:
        """Close the connection."""
        self.stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Go on with TLS, for the name and not the address."""
        del timeout
        left_s = _left(self.until, httpcore.ConnectTimeout)
        return _Timed(self.stream.start_tls(ssl_context, server_hostname, left_s), self.until)

    def get_extra_info(self, info: str) -> object:
        """Return what the connection knows of itself."""
        return self.stream.get_extra_info(info)


def _left(until: float, error: type[httpcore.TimeoutException]) -> float:
    """Return the seconds left; `error` if there are none."""
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise error("it took longer than allowed")
    return left_s
