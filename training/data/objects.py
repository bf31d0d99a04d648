"""Photos by URI, `file:///…` or `s3://…`: listed with what tells a change, and read."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlparse

import boto3
from botocore.exceptions import ClientError

from serving.errors import BadInput
from serving.storage.objects import Storage, open_storage

MISSING = "missing"
_NOT_PHOTOS = (".csv", ".json", ".md", ".parquet", ".txt", ".xml", ".yaml", ".yml")
_opening = threading.Lock()  # making boto3 clients is not thread-safe


@dataclass(frozen=True)
class Stored:
    """A file or object; `stamp` is its size with its mtime or ETag, or `missing`."""

    uri: str
    stamp: str


def list_objects(location: str) -> Iterator[Stored]:
    """Yield everything below a folder or an S3 prefix that may be a photo, sorted by URI.

    Hidden files and text files that lie beside photos (CSV, JSON, Markdown …) are passed over;
    any other kind is yielded, so that a HEIC among JPEGs is reported and not silently left out.

    Raises
    ------
    BadInput
        If the folder or bucket is not there, or nothing lies in it.
    """
    found = _list_prefix(location) if location.startswith("s3://") else _list_folder(location)
    photos = sorted((item for item in found if _may_be_photo(item.uri)), key=lambda item: item.uri)
    if not photos:
        raise BadInput(f"there are no photos below '{location}'; check the manifest's location")
    yield from photos


def stat_object(uri: str) -> Stored:
    """Look one file or object up; a missing one is no error, its stamp says so."""
    if not uri.startswith("s3://"):
        return _stat_file(_to_path(uri))
    bucket, key = _split(uri)
    with _opening:
        client = boto3.client("s3")
    try:
        head = client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
            return Stored(uri, MISSING)
        raise
    return Stored(uri, f"{head['ContentLength']}-{head['ETag']}")


def read_photo(uri: str, max_bytes: int | None = None) -> bytes:
    """Return a photo's bytes; the only place where training reads photos.

    Raises
    ------
    ObjectNotFound
        If nothing is there.
    TooLarge
        If it has more than `max_bytes`.
    """
    if uri.startswith("s3://"):
        bucket, key = _split(uri)
        return _open(f"s3://{bucket}").read(key, max_bytes)
    path = _to_path(uri)
    return _open(path.parent.as_uri()).read(path.name, max_bytes)


def _open(url: str) -> Storage:
    with _opening:
        return _opened(url)


@lru_cache(maxsize=256)
def _opened(url: str) -> Storage:
    return open_storage(url)


def _list_folder(location: str) -> Iterator[Stored]:
    folder = _to_path(location)
    if not folder.is_dir():
        raise BadInput(f"there is no folder '{folder}'; check STUDIO_DATA and the manifest")
    return (_stat_file(path) for path in folder.rglob("*") if path.is_file())


def _list_prefix(location: str) -> Iterator[Stored]:
    bucket, prefix = _split(location)
    start = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    with _opening:
        client = boto3.client("s3")
    try:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start):
            for item in page.get("Contents", ()):
                stamp = f"{item['Size']}-{item['ETag']}"
                yield Stored(f"s3://{bucket}/{item['Key']}", stamp)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            raise BadInput(f"there is no bucket '{bucket}'; check the manifest") from error
        raise


def _stat_file(path: Path) -> Stored:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return Stored(path.as_uri(), MISSING)
    return Stored(path.as_uri(), f"{status.st_size}-{status.st_mtime_ns}")


def _may_be_photo(uri: str) -> bool:
    name = unquote(uri.rpartition("/")[2])
    return bool(name) and not name.startswith(".") and not name.lower().endswith(_NOT_PHOTOS)


def _to_path(location: str) -> Path:
    return Path(unquote(urlparse(location).path))


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
