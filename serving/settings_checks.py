"""What a setting's value must look like; each check says what is wrong and how to write it.

No message holds the value of a setting that may be a secret.
"""

import base64
import binascii
import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_HOST = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = rf"{_HOST}(\.{_HOST})*"
_FETCH_HOST = re.compile(rf"(\*\.)?{_NAME}(:[0-9]{{1,5}})?|\[[0-9a-f:.]+\](:[0-9]{{1,5}})?")
_LOCAL_NAME = re.compile(rf"(?![0-9.]+$){_NAME}")
_SHA256 = re.compile("[0-9a-f]{64}")
_RATE = re.compile(
    r"\s*[1-9][0-9]{0,8}\s*(/|\s+per\s+)\s*([1-9][0-9]{0,6}\s*)?"
    r"(second|minute|hour|day|month|year)s?\s*",
    re.IGNORECASE,
)
# not by urllib: a password may hold what that takes for the end of the host
_DATABASE = re.compile(r"postgres(ql)?(\+[a-z0-9]+)?://[^/\s]*/[^/?\s]+(\?\S*)?", re.IGNORECASE)
_DATABASE_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(:[0-9]{1,5})?")
_TRACKING = ("http", "https", "sqlite", "file", "databricks", "mysql", "mssql", "postgresql")
# the Standard Webhooks specification asks for 24 to 64 bytes
_SECRET_BYTES = (24, 64)
_LEAST_DISTINCT = 8
# no date of a database or of Python is this far away, nor is any 64-bit number larger
_LONGEST_S, _MOST = 100 * 365 * 24 * 3600, 2**53


def check_size(name: str, value: float) -> None:
    """Raise ValueError where a time or an amount is beyond what is counted with."""
    if name.endswith("_s") and value > _LONGEST_S:
        raise ValueError(f"is longer than a hundred years; write at most {_LONGEST_S}")
    if value > _MOST:
        raise ValueError(f"is too large; write at most {_MOST}")


def check_http_url(value: str) -> str:
    """Return an `http` or `https` URL to which paths are added, without its last slash."""
    parts = _split(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is no http:// or https:// URL; write such as https://backend.example.com")
    if parts.query or parts.fragment:
        raise ValueError("may have no '?' or '#': paths are added at its end")
    return value.rstrip("/")


def check_url_template(value: str) -> str:
    """Return an `http` or `https` URL in which `{task}` and `{slot}` may stand."""
    try:
        check_http_url(value.format(task="task", slot="slot"))
    except (KeyError, IndexError) as error:
        raise ValueError("has braces around something else than {task} and {slot}") from error
    return value.rstrip("/")


def check_database_url(value: str) -> str:
    """Return the URL of a PostgreSQL database."""
    if not _DATABASE.fullmatch(value):
        raise ValueError(
            "is no URL of a PostgreSQL database; write such as postgresql://user@host:5432/studio"
        )
    host = value.partition("://")[2].partition("/")[0].rpartition("@")[2]
    if not _DATABASE_HOST.fullmatch(host) or not _port_is_good(host):
        raise ValueError(
            "names no one host with a port; write several as "
            "postgresql://user@/studio?host=a,b&port=5432,5432"
        )
    return value


def check_storage_url(value: str) -> str:
    """Return the URL of a folder or of a place in a bucket."""
    parts = _split(value)
    if parts.scheme == "s3":
        if not parts.netloc:
            raise ValueError("names no bucket; write such as s3://bucket/prefix")
    elif parts.scheme != "file":
        raise ValueError("must start with file:/// or s3://, such as file:///srv/objects")
    elif parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ValueError("must be an absolute folder after three slashes: file:///srv/objects")
    if parts.query or parts.fragment:
        raise ValueError("may have no '?' or '#'; write them as %3F and %23")
    return value


def check_tracking_uri(value: str) -> str:
    """Return where MLflow's runs are: a server, a database or a folder."""
    if "://" not in value:
        return value  # a folder, or MLflow's own words such as `databricks`
    parts = _split(value)
    if parts.scheme.partition("+")[0] not in _TRACKING:
        raise ValueError("is nothing that MLflow knows; write such as http://mlflow:5000")
    if parts.scheme in ("http", "https") and not parts.hostname:
        raise ValueError("names no host; write such as http://mlflow:5000")
    return value


def check_rate(value: str) -> str:
    """Return a rate that the package `limits` can read."""
    if not _RATE.fullmatch(value):
        raise ValueError("is no rate; write one such as 200/second or 1000 per 5 minutes")
    return value


def read_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object; ValueError where a name stands twice: one of both would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("has a name twice; write it once, with all that belongs to it")
    return found


def check_fetch_host(value: str) -> str:
    """Return a host that downloads may come from, in lower case."""
    host = value.lower()
    if "://" in host or "/" in host:
        raise ValueError("is a URL; write the host alone, such as photos.example.com")
    if not host.isascii():
        raise ValueError("has a letter beyond ASCII: write an international name in its form xn--…")
    if not _FETCH_HOST.fullmatch(host) or not _port_is_good(host):
        raise ValueError("is no host; write name, name:port, or *.name for all that is below it")
    return host


def check_address(value: str) -> str:
    """Return an address of this host, or its name, to listen on."""
    try:
        ip_address(value)
    except ValueError:
        if not _LOCAL_NAME.fullmatch(value.lower()):
            raise ValueError("is nothing to listen on; write such as 127.0.0.1 or ::") from None
    return value


def check_origin(value: str) -> str:
    """Return an origin as browsers send it, or `*`."""
    if value == "*":
        return value
    parts = _split(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is no origin; write such as https://app.example.com")
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("is more than an origin; end it after the host and port")
    if not value.isascii():
        raise ValueError("has a letter beyond ASCII: write an international name in its form xn--…")
    # browsers leave the usual port out
    return value.lower().removesuffix({"http": ":80", "https": ":443"}[parts.scheme])


def check_key_hash(value: str) -> str:
    """Return the SHA-256 of an API key in lower case."""
    if not _SHA256.fullmatch(value.lower()):
        raise ValueError(
            "holds what is no SHA-256 in 64 hexadecimal digits; a key itself never stands here"
        )
    return value.lower()


def check_webhook_secret(value: str) -> None:
    """Raise ValueError unless this is a secret that Standard Webhooks allows."""
    made = "`python -m stack.backend --make-secret` makes one"
    if not value.startswith("whsec_"):
        raise ValueError(f"does not start with whsec_; {made}")
    try:
        key = base64.b64decode(value.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"is not base64 after whsec_; {made}") from None
    least, most = _SECRET_BYTES
    if not least <= len(key) <= most:
        raise ValueError(f"has {len(key)} bytes where {least} to {most} are asked for; {made}")
    _check_distinct(key, made)


def check_link_secret(value: str) -> None:
    """Raise ValueError if this could be guessed."""
    made = "`openssl rand -base64 32` makes one"
    if len(value) < 16:
        raise ValueError(f"has fewer than 16 characters; {made}")
    _check_distinct(value.encode(errors="replace"), made)


def _check_distinct(secret: bytes, made: str) -> None:
    """Refuse what repeats itself; a random secret of this length practically never does."""
    if len(set(secret)) < _LEAST_DISTINCT:
        raise ValueError(f"repeats so few characters that it can be guessed; {made}")


def _split(value: str) -> SplitResult:
    if value != value.strip() or any(not letter.isprintable() for letter in value):
        raise ValueError("begins or ends with a blank, or holds what cannot be printed")
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises where it is no number
    except ValueError:
        # what urllib says of it may repeat a password
        raise ValueError("is not a URL: check its host and port") from None
    return parts


def _port_is_good(host: str) -> bool:
    _, colon, port = host.rpartition(":")
    return not colon or not port.isdigit() or 0 < int(port) < 2**16
