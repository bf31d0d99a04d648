"""What a storage of objects does, wherever it keeps them."""

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import unquote

from serving.errors import BadInput
from serving.storage.disk import WRITING

MAX_KEY_BYTES = 1024  # as S3
# what Python 3.11 or the system's list misses or calls otherwise
_OWN_TYPES = {".webp": "image/webp", ".heic": "image/heic", ".m4a": "audio/mp4"}


@dataclass(frozen=True)
class Stat:
    """What is known of an object without reading it.

    Attributes
    ----------
    modified : with its time zone
    sha256 : of what was written; None where something else than this project wrote it
    """

    size: int
    content_type: str
    modified: datetime
    sha256: str | None


class Storage(Protocol):
    """Bytes under keys such as `listings/42/kitchen.jpg`.

    A key is any text of at most 1024 bytes: a bucket tells `a//b`, `a/./b` and `a/b/` from `a/b`,
    and one Unicode form from another. A folder cannot, and refuses the keys that are no relative
    POSIX path in its shortest form, as it does those with a name too long for a file.

    What is written is there whole, or not at all; what is read was checked against the SHA-256 of
    what was written.

    Raises
    ------
    BadInput
        If a key is none.
    StorageUnavailable
        If the storage does not answer, after retries: trying later may help.
    StorageFull
        If there is no room for what is written.
    Corrupted
        If what arrives differs from what was sent, after retries.
    """

    url: str

    def read(self, key: str, max_bytes: int | None = None) -> bytes:
        """Return the object; ObjectNotFound, or TooLarge before more than `max_bytes` are read."""
        ...

    def read_to(self, key: str, path: Path, max_bytes: int | None = None) -> None:
        """Copy the object to the file `path`, whole or not at all, in little memory."""
        ...

    def write(self, key: str, data: bytes, content_type: str | None = None) -> None:
        """Store the object whole or not at all, over any earlier one.

        Without `content_type`, the key's suffix says it.
        """
        ...

    def write_from(self, path: Path, key: str, content_type: str | None = None) -> None:
        """Store the file `path` as `write` does, in little memory."""
        ...

    def stat(self, key: str) -> Stat:
        """Return what is known of the object; ObjectNotFound."""
        ...

    def exists(self, key: str) -> bool:
        """Say whether an object is there."""
        ...

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys that start with `prefix`, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens when it is not there."""
        ...

    def url_for(self, key: str, expires_s: int = 3600) -> str:
        """Return a URL that anybody may read the object from for `expires_s`.

        A folder gives a `file:` URL, which opens on the same machine and does not expire.
        """
        ...


def key_of(storage: Storage, reference: str) -> str:
    """Return the key that `reference` names: a key, or a URL inside this storage.

    Raises
    ------
    BadInput
        If it is a URL of somewhere else, or a path that leaves the storage.

    Examples
    --------
    >>> from serving.storage.folder import FolderStorage
    >>> key_of(FolderStorage(Path("/data")), "file:///data/listings/42/a.jpg")
    'listings/42/a.jpg'
    """
    key = reference
    if "://" in reference:
        if not reference.startswith(f"{storage.url}/"):
            raise BadInput(f"'{_shown(reference)}' is not in the configured storage")
        key = unquote(reference.removeprefix(f"{storage.url}/"))
    if not key or "\0" in key or not _fits(key) or _leaves(key):
        raise BadInput(f"'{_shown(reference)}' is not a key")
    if storage.url.startswith("file:"):
        check_file_key(key)
    return key


def check_file_key(key: str) -> None:
    """Refuse a key that would not be the name of a file of its own; in a bucket it is a key.

    Raises
    ------
    BadInput
        Says which key is meant, where the difference is only in how it is written.
    """
    path = PurePosixPath(key)
    bad = path.is_absolute() or ".." in path.parts or str(path) == "."
    if bad or path.name.startswith(WRITING):
        raise BadInput(f"'{_shown(key)}' is not a key that a folder can hold")
    if str(path) != key:
        raise BadInput(
            f"'{_shown(key)}' is not a key that a folder can hold: it cannot tell it from "
            f"'{_shown(str(path))}'; write that, or keep objects in S3"
        )


def guess_type(key: str) -> str:
    """Return the content type that a key's suffix says."""
    suffix = PurePosixPath(key).suffix.lower()
    known = _OWN_TYPES.get(suffix) or mimetypes.guess_type(f"a{suffix}")[0]
    return known or "application/octet-stream"


def _leaves(key: str) -> bool:
    """Say whether `..` leads out of the storage; S3 refuses such keys, and others obey them."""
    depth = 0
    for part in key.split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            return True
    return False


def _fits(key: str) -> bool:
    try:
        return len(key.encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:  # half of a surrogate pair, as JSON may hold
        return False


def _shown(reference: str) -> str:
    """Return the reference for people, shortened, without a query: that may hold a signature."""
    return reference.partition("?")[0][:200].encode(errors="replace").decode()
