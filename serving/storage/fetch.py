"""Download by URL: from allowed hosts only, to addresses that were looked at, within limits."""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

import httpcore
import httpx

from serving.errors import BadInput, DownloadFailed, TooLarge, UrlRefused
from serving.settings import Settings
from serving.storage.addresses import may_connect
from serving.storage.pinned_backend import PinnedBackend

Resolve = Callable[[str, int], Sequence[str]]

_MAX_REDIRECTS = 3
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
# answers that a later try may turn into the picture: too slow, too early, too often
_PASSING = (408, 425, 429)
_HEADERS = (("User-Agent", "listing-studio"), ("Accept", "*/*"), ("Accept-Encoding", "identity"))


@dataclass(frozen=True)
class FetchRules:
    """Where downloads may go and how much they may take.

    Attributes
    ----------
    hosts : names (`photos.example.com`, at the usual ports), with a port of its own
        (`photos.example.com:8443`), or everything below a name (`*.example.com`)
    private : connect to private and loopback addresses and any port too, for development
    max_bytes : of the body
    timeout_s : of the whole download, the look-up of the name included
    """

    hosts: tuple[str, ...]
    private: bool = False
    max_bytes: int = 64 * 2**20
    timeout_s: float = 60.0

    @classmethod
    def of(cls, settings: Settings) -> "FetchRules":
        """Return the rules that the settings name."""
        return cls(
            settings.fetch_hosts,
            settings.fetch_private,
            settings.fetch_max_bytes,
            settings.fetch_timeout_s,
        )


def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses of a name, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def fetch(
    url: str,
    rules: FetchRules,
    *,
    resolve: Resolve = resolve_host,
    tls: ssl.SSLContext | None = None,
) -> bytes:
    """Return what lies at `url`.

    The name is looked up once; each of its addresses must be allowed, and only these are connected
    to, also after a redirect, which may stay on the same host only. Proxies of the environment are
    not used.

    Parameters
    ----------
    url : `http` or `https`
    rules : where it may lead and what it may take
    resolve : looks names up
    tls : whom to trust; by default the usual authorities

    Raises
    ------
    UrlRefused
        If it leads to somewhere that the rules do not allow.
    TooLarge
        If there is more than `rules.max_bytes`.
    BadInput
        If the server says that there is nothing (4xx).
    DownloadFailed
        If the server cannot be reached, breaks off, takes longer than `rules.timeout_s`, or
        answers 5xx, 408, 425 or 429: trying later may help.
    """
    until = time.monotonic() + rules.timeout_s
    target = _check(url, rules)
    network = PinnedBackend(_addresses(target, rules, resolve, until), until)
    with httpcore.ConnectionPool(ssl_context=tls, network_backend=network) as pool:
        for _ in range(_MAX_REDIRECTS + 1):
            answer = _get(pool, target, rules.max_bytes)
            if isinstance(answer, bytes):
                return answer
            target = _follow(target, answer, rules)
    raise UrlRefused(f"{_shown(target)} redirects more than {_MAX_REDIRECTS} times")


def _check(url: str, rules: FetchRules) -> httpx.URL:
    """Return the URL, taken apart, if its own words allow it."""
    # a backslash or a blank is read differently by different parsers
    if len(url) > 4096 or any(letter in "\\ " or not letter.isprintable() for letter in url):
        raise UrlRefused("the URL is too long or holds characters that no URL has")
    try:
        target = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise UrlRefused(f"not a URL: {error}") from error
    if target.scheme not in _PORTS or not target.raw_host:
        raise UrlRefused("only http:// and https:// are downloaded")
    if b"%" in target.raw_host or not 0 < _port(target) < 2**16:
        raise UrlRefused("its host or port is not valid")
    if target.userinfo:
        raise UrlRefused("a URL with a user name is not downloaded")
    if not any(_matches(target, pattern.lower(), rules.private) for pattern in rules.hosts):
        raise UrlRefused(f"downloads from '{target.netloc.decode()}' are not allowed")
    return target


def _matches(target: httpx.URL, pattern: str, any_port: bool) -> bool:
    name, port = target.raw_host.decode(), _port(target)
    if pattern in (f"{name}:{port}", f"[{name}]:{port}"):
        return True
    if port != _PORTS[target.scheme] and not any_port:
        return False
    return pattern in (name, f"[{name}]") or (
        pattern.startswith("*.") and name.endswith(pattern[1:])
    )


def _port(target: httpx.URL) -> int:
    return _PORTS[target.scheme] if target.port is None else target.port


def _shown(target: httpx.URL) -> str:
    """Return the URL for people, without its query: that may hold a signature."""
    return str(target.copy_with(query=None, fragment=None))


def _addresses(target: httpx.URL, rules: FetchRules, resolve: Resolve, until: float) -> list[str]:
    """Look the name up, once; every address must be allowed."""
    name = target.raw_host.decode()
    executor = ThreadPoolExecutor(1)
    try:
        looking = executor.submit(resolve, name, _port(target))
        found = list(dict.fromkeys(looking.result(max(until - time.monotonic(), 0))))
    except (OSError, UnicodeError, FutureTimeout) as error:
        raise DownloadFailed(f"'{name}' cannot be looked up: {error}") from error
    finally:
        executor.shutdown(wait=False)
    refused = [address for address in found if not may_connect(address, rules.private)]
    if refused:
        raise UrlRefused(f"'{name}' leads to {refused[0]}, which is not a public address")
    if not found:
        raise DownloadFailed(f"'{name}' has no IP address")
    return found


def _get(pool: httpcore.ConnectionPool, target: httpx.URL, max_bytes: int) -> bytes | str:
    """Return the body, or the place that the server redirects to."""
    host, path = target.raw_host, target.raw_path
    where = httpcore.URL(scheme=target.raw_scheme, host=host, port=target.port, target=path)
    headers = (("Host", target.netloc), *_HEADERS)
    try:
        with pool.stream("GET", where, headers=headers) as answer:
            fields = {name.lower(): value for name, value in answer.headers}
            if answer.status in _REDIRECTS and b"location" in fields:
                return _to_ascii(fields[b"location"])
            _check_status(answer.status, target)
            if fields.get(b"content-encoding", b"identity").lower() != b"identity":
                raise BadInput(f"{_shown(target)} is sent compressed, which was not asked for")
            return _read(answer.iter_stream(), fields.get(b"content-length"), max_bytes, target)
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        reason = str(error) or type(error).__name__
        raise DownloadFailed(f"{_shown(target)} broke off: {reason}") from error


def _to_ascii(location: bytes) -> str:
    r"""Return where a redirect leads; bytes that no URL has are those that the server means.

    Examples
    --------
    >>> _to_ascii("/Küche.jpg".encode()), _to_ascii(b"/K\xfcche.jpg")
    ('/K%C3%BCche.jpg', '/K%FCche.jpg')
    """
    return "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in location)


def _check_status(status: int, target: httpx.URL) -> None:
    if status == 200:
        return
    if status >= 500 or status in _PASSING:
        raise DownloadFailed(f"{_shown(target)} answers {status}")
    raise BadInput(f"{_shown(target)} answers {status}")


def _read(parts: Iterable[bytes], length: bytes | None, max_bytes: int, target: httpx.URL) -> bytes:
    what = f"bytes of {_shown(target)}"
    if length is not None and length.isdigit() and int(length) > max_bytes:
        raise TooLarge(what, int(length), max_bytes)
    body = bytearray()
    for part in parts:
        body += part
        if len(body) > max_bytes:
            raise TooLarge(what, len(body), max_bytes)
    return bytes(body)


def _follow(target: httpx.URL, location: str, rules: FetchRules) -> httpx.URL:
    """Return where a redirect leads, if that is the same host."""
    try:
        following = _check(str(target.join(location)), rules)
    except (httpx.InvalidURL, ValueError) as error:
        raise UrlRefused(f"{_shown(target)} redirects to something that is not a URL") from error
    if following.raw_host != target.raw_host:
        name = following.raw_host.decode()
        raise UrlRefused(f"{_shown(target)} redirects to another host, '{name}'")
    if target.scheme == "https" and following.scheme == "http":
        raise UrlRefused(f"{_shown(target)} redirects from https to http")
    return following
