"""Objects by key, in a folder or in S3: one small interface, two backends."""

import hashlib
from pathlib import Path
from urllib.parse import unquote, urlparse

from serving.errors import BadInput, Corrupted
from serving.settings import Settings
from serving.storage.folder import FolderStorage
from serving.storage.interface import Stat, Storage, key_of
from serving.storage.s3_options import S3Options

__all__ = [
    "FolderStorage",
    "S3Options",
    "Stat",
    "Storage",
    "key_of",
    "open_storage",
    "read_by_sha256",
    "storage_of",
    "write_by_sha256",
]


def storage_of(settings: Settings) -> Storage:
    """Return the storage of the settings, encrypted as they say."""
    options = S3Options(encryption=settings.storage_encryption, kms_key=settings.storage_kms_key)
    return open_storage(settings.storage(), options)


def open_storage(url: str, s3: S3Options | None = None) -> Storage:
    """Return the storage at `file:///folder` or `s3://bucket/prefix`.

    What crashed writers left in a folder more than a day ago is removed.
    """
    parts = urlparse(url)
    if parts.scheme == "file":
        folder = FolderStorage(Path(unquote(parts.path)))
        folder.clean()
        return folder
    if parts.scheme == "s3":
        from serving.storage.s3 import S3Storage  # boto3 costs 0.2 s, where there may be no S3

        return S3Storage(parts.netloc, parts.path.strip("/"), s3)
    raise BadInput(f"STORAGE_URL must start with file:// or s3://, not '{url}'")


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
