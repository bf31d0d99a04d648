"""Objects in S3 or what speaks like it."""

# ruff: noqa: D102 - documented once, on the protocol

import base64
import contextlib
import hashlib
import io
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import FlexibleChecksumError

from serving.errors import (
    BadInput,
    Corrupted,
    ObjectNotFound,
    StorageUnavailable,
    StudioError,
    TooLarge,
)
from serving.storage.digests import Digests, digest
from serving.storage.disk import CHUNK_BYTES, disk_errors, whole_file
from serving.storage.interface import MAX_KEY_BYTES, Stat, guess_type, key_of
from serving.storage.s3_errors import BROKEN_OFF, ChecksumMismatch, s3_errors
from serving.storage.s3_options import S3Options

_Result = TypeVar("_Result")
_PART_BYTES = 8 * 2**20


class S3Storage:
    """Objects in a bucket below a prefix; credentials and endpoint as boto3 finds them.

    An object's SHA-256 is in its metadata, so that it can be verified whatever the endpoint does
    with checksums, and also when it was sent in parts.
    """

    def __init__(self, bucket: str, prefix: str = "", options: S3Options | None = None) -> None:
        self._options = options or S3Options()
        retries: Any = {"mode": "standard", "max_attempts": self._options.attempts}
        config = Config(
            retries=retries,
            connect_timeout=self._options.connect_timeout_s,
            read_timeout=self._options.read_timeout_s,
            max_pool_connections=32,
            signature_version="s3v4",  # KMS asks for it
        )
        self._client = boto3.client("s3", config=config)
        self._bucket, self._prefix = bucket, prefix
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")

    def read(self, key: str, max_bytes: int | None = None) -> bytes:
        def get() -> bytes:
            with self._open(key, max_bytes) as (body, expected):
                data = bytes(body.read())
                _check(key, expected, hashlib.sha256(data).hexdigest())
                return data

        return self._retried(get)

    def read_to(self, key: str, path: Path, max_bytes: int | None = None) -> None:
        def get() -> None:
            with (
                disk_errors(str(path)),
                whole_file(path, path.parent) as file,
                self._open(key, max_bytes) as (body, expected),
            ):
                actual = hashlib.sha256()
                for piece in body.iter_chunks(CHUNK_BYTES):
                    actual.update(piece)
                    file.write(piece)
                _check(key, expected, actual.hexdigest())

        self._retried(get)

    def write(self, key: str, data: bytes, content_type: str | None = None) -> None:
        self._write(key, io.BytesIO(data), content_type)

    def write_from(self, path: Path, key: str, content_type: str | None = None) -> None:
        with disk_errors(str(path)), path.open("rb") as file:
            self._write(key, file, content_type)

    def stat(self, key: str) -> Stat:
        with s3_errors(key):
            known = self._client.head_object(Bucket=self._bucket, Key=self._name(key))
        return Stat(
            known["ContentLength"],
            known.get("ContentType", guess_type(key)),
            known["LastModified"],
            known["Metadata"].get("sha256"),
        )

    def exists(self, key: str) -> bool:
        try:
            self.stat(key)
        except ObjectNotFound:
            return False
        return True

    def keys(self, prefix: str = "") -> Iterator[str]:
        start = f"{self._prefix}/" if self._prefix else ""
        pages = self._client.get_paginator("list_objects_v2")
        answers = iter(pages.paginate(Bucket=self._bucket, Prefix=start + prefix))
        while True:
            with s3_errors(prefix):
                page = next(answers, None)
            if page is None:
                return
            # consoles make empty objects such as `photos/` to show a folder
            yield from (
                item["Key"].removeprefix(start)
                for item in page.get("Contents", ())
                if item["Size"] or not item["Key"].endswith("/")
            )

    def delete(self, key: str) -> None:
        with s3_errors(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._name(key))

    def url_for(self, key: str, expires_s: int = 3600) -> str:
        where = {"Bucket": self._bucket, "Key": self._name(key)}
        with s3_errors(key):
            return self._client.generate_presigned_url("get_object", where, ExpiresIn=expires_s)

    def _name(self, key: str) -> str:
        name = "/".join(part for part in (self._prefix, key_of(self, key)) if part)
        if len(name.encode()) > MAX_KEY_BYTES:
            raise BadInput(f"'{key[:200]}' is too long for a key below '{self._prefix}/'")
        return name

    @contextlib.contextmanager
    def _open(self, key: str, max_bytes: int | None) -> Iterator[tuple[Any, str | None]]:
        """Give the body and the SHA-256 that it should have."""
        with s3_errors(key):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._name(key))
        with contextlib.closing(answer["Body"]) as body:
            if max_bytes is not None and answer["ContentLength"] > max_bytes:
                raise TooLarge(f"bytes of '{key}'", answer["ContentLength"], max_bytes)
            try:
                yield body, answer["Metadata"].get("sha256")
            except FlexibleChecksumError as error:
                raise ChecksumMismatch(Corrupted(f"'{key}'", "as stored", "other")) from error
            except BROKEN_OFF as error:
                raise ChecksumMismatch(StorageUnavailable(f"'{key}' broke off: {error}")) from error

    def _write(self, key: str, source: BinaryIO, content_type: str | None) -> None:
        digests = digest(source, self._options.multipart_bytes, _PART_BYTES)
        wanted: dict[str, Any] = {
            "ContentType": content_type or guess_type(key),
            "Metadata": {"sha256": digests.sha256.hex()},
        }
        if self._options.encryption != "none":
            wanted["ServerSideEncryption"] = self._options.encryption
        if self._options.encryption == "aws:kms" and self._options.kms_key:
            wanted["SSEKMSKeyId"] = self._options.kms_key

        def put() -> None:
            source.seek(0)
            with s3_errors(key):
                etag, encryption = self._send(key, source, digests, wanted)
            # under KMS an ETag is no MD5; only AWS has that, and it compared the checksums
            if etag != digests.etag and not encryption.startswith("aws:kms"):
                self._confirm(key, digests.sha256.hex())

        self._retried(put)

    def _send(
        self, key: str, source: BinaryIO, digests: Digests, wanted: dict[str, Any]
    ) -> tuple[str, str]:
        """Send it, whole or in parts; return the ETag and encryption of what was stored."""
        where: dict[str, Any] = {"Bucket": self._bucket, "Key": self._name(key)}
        if digests.md5 is not None:
            stored: Any = self._client.put_object(
                **where,
                **wanted,
                Body=source,
                # S3 compares both, and what speaks like it at least the older
                ContentMD5=_base64(digests.md5),
                ChecksumSHA256=_base64(digests.sha256),
            )
        else:
            transfer = TransferConfig(
                multipart_threshold=self._options.multipart_bytes,
                multipart_chunksize=_PART_BYTES,
                max_concurrency=4,
            )
            extra = {**wanted, "ChecksumAlgorithm": "SHA256"}
            self._client.upload_fileobj(source, **where, ExtraArgs=extra, Config=transfer)
            stored = self._client.head_object(**where)
        return stored["ETag"].strip('"'), stored.get("ServerSideEncryption") or ""

    def _confirm(self, key: str, sha256: str) -> None:
        """Read back what was stored, and remove it unless that is what was sent.

        For an endpoint that gives other ETags than the MD5, or that compares no checksums.
        """
        try:
            with self._open(key, None) as (body, stated):
                actual = hashlib.sha256()
                for piece in body.iter_chunks(CHUNK_BYTES):
                    actual.update(piece)
            # where it states another, somebody wrote over it meanwhile
            if stated == sha256:
                _check(key, sha256, actual.hexdigest())
        except (ChecksumMismatch, StorageUnavailable):
            with contextlib.suppress(StorageUnavailable):
                self.delete(key)
            raise

    def _retried(self, action: Callable[[], _Result]) -> _Result:
        """Do it again while bytes arrive altered or cut; boto3 repeats everything else."""
        error: StudioError = StorageUnavailable("no attempt was allowed")
        for attempt in range(self._options.attempts):
            try:
                return action()
            except ChecksumMismatch as altered:
                error = altered.error
                time.sleep(random.uniform(0, 0.1 * 2**attempt))
        raise error


def _check(key: str, expected: str | None, actual: str) -> None:
    if expected not in (None, actual):
        raise ChecksumMismatch(Corrupted(f"'{key}'", str(expected), actual))


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
