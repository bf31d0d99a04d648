"""Objects by key, in a folder or in S3: one small interface, two backends."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from urllib.parse import unquote, urlparse

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from serving.errors import BadInput, Corrupted, ObjectNotFound, TooLarge


class Storage(Protocol):
    """Bytes under keys; a key is a relative POSIX path such as `listings/42/kitchen.jpg`."""

    url: str

    def read(self, key: str, max_bytes: int | None = None) -> bytes:
        """Return the object; ObjectNotFound, or TooLarge before more than `max_bytes` are read."""
        ...

    def write(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        """Store the object whole or not at all, over any earlier one."""
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


def open_storage(url: str) -> Storage:
    """Return the storage at `file:///folder` or `s3://bucket/prefix`."""
    parts = urlparse(url)
    if parts.scheme == "file":
        return FolderStorage(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        return S3Storage(parts.netloc, parts.path.strip("/"))
    raise BadInput(f"STORAGE_URL must start with file:// or s3://, not '{url}'")


def key_of(storage: Storage, reference: str) -> str:
    """Return the key that `reference` names: a key, or a URL inside this storage.

    Raises
    ------
    BadInput
        If it is a URL of somewhere else, or a path that leaves the storage.

    Examples
    --------
    >>> key_of(FolderStorage(Path("/data")), "file:///data/listings/42/a.jpg")
    'listings/42/a.jpg'
    """
    key = reference
    if "://" in reference:
        if not reference.startswith(f"{storage.url}/"):
            raise BadInput(f"'{reference}' is not in the configured storage")
        key = unquote(reference.removeprefix(f"{storage.url}/"))
    path = PurePosixPath(key)
    if not key or path.is_absolute() or ".." in path.parts or "\0" in key or len(key) > 1024:
        raise BadInput(f"'{reference}' is not a key")
    return str(path)


class FolderStorage:
    """Objects as files below a folder; a write is a rename, so nobody sees half an object."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = folder.as_uri()

    def read(self, key: str, max_bytes: int | None = None) -> bytes:
        try:
            with self._path(key).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if max_bytes is not None and size > max_bytes:
                    raise TooLarge(f"bytes of '{key}'", size, max_bytes)
                return file.read()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise ObjectNotFound(key) from error

    def write(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        del content_type  # a file has none
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        try:
            with os.fdopen(number, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def keys(self, prefix: str = "") -> Iterator[str]:
        files = (
            path.relative_to(self._folder).as_posix()
            for path in self._folder.rglob("*")
            if path.is_file() and not path.name.startswith(".writing-")
        )
        yield from sorted(key for key in files if key.startswith(prefix))

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / key_of(self, key)


class S3Storage:
    """Objects in a bucket below a prefix; credentials and endpoint as boto3 finds them."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        retries: Any = {"mode": "standard", "max_attempts": 4}
        config = Config(retries=retries, connect_timeout=5, read_timeout=30)
        self._client = boto3.client("s3", config=config)
        self._bucket, self._prefix = bucket, prefix
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")

    def read(self, key: str, max_bytes: int | None = None) -> bytes:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._name(key))
        except ClientError as error:
            if _is_missing(error):
                raise ObjectNotFound(key) from error
            raise
        with contextlib.closing(answer["Body"]) as body:
            if max_bytes is not None and answer["ContentLength"] > max_bytes:
                raise TooLarge(f"bytes of '{key}'", answer["ContentLength"], max_bytes)
            return body.read()

    def write(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        self._client.put_object(
            Bucket=self._bucket,
            Key=self._name(key),
            Body=data,
            ContentType=content_type,
            ChecksumAlgorithm="SHA256",
        )

    def exists(self, key: str) -> bool:
        try:
            self._client.head_object(Bucket=self._bucket, Key=self._name(key))
        except ClientError as error:
            if _is_missing(error):
                return False
            raise
        return True

    def keys(self, prefix: str = "") -> Iterator[str]:
        start = f"{self._prefix}/" if self._prefix else ""
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=start + prefix):
            yield from (item["Key"].removeprefix(start) for item in page.get("Contents", ()))

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=self._name(key))

    def _name(self, key: str) -> str:
        return "/".join(part for part in (self._prefix, key_of(self, key)) if part)


def _is_missing(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in ("NoSuchKey", "404", "NotFound")


def write_by_sha256(storage: Storage, folder: str, data: bytes) -> str:
    """Store `data` under the SHA-256 of its bytes, once; return that hash."""
    sha256 = hashlib.sha256(data).hexdigest()
    if not storage.exists(f"{folder}/{sha256}"):
        storage.write(f"{folder}/{sha256}", data)
    return sha256


def read_by_sha256(storage: Storage, folder: str, sha256: str) -> bytes:
    """Return what `write_by_sha256` stored; Corrupted if the bytes changed since."""
    data = storage.read(f"{folder}/{sha256}")
    actual = hashlib.sha256(data).hexdigest()
    if actual != sha256:
        raise Corrupted(f"'{folder}/{sha256}'", sha256, actual)
    return data
