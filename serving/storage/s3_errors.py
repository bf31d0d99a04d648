"""What S3 and the way to it say when something fails, in our words."""

import contextlib
from collections.abc import Iterator

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from serving.errors import (
    BadInput,
    Corrupted,
    ObjectNotFound,
    StorageFull,
    StorageUnavailable,
    StudioError,
)

# a body that stops in its middle, which boto3 does not ask for again
BROKEN_OFF = (BotoCoreError, HTTPError, ConnectionError, TimeoutError)

_MISSING = ("NoSuchKey", "404", "NotFound")
_IMPOSSIBLE = ("KeyTooLongError", "InvalidObjectName", "EntityTooLarge", "XMinioInvalidObjectName")
_FULL = ("InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "507")
# S3 found out for itself that what arrived is not what was sent, and stored nothing
_ALTERED = (
    "BadDigest",
    "IncompleteBody",
    "InvalidDigest",
    "InvalidPart",
    "XAmzContentChecksumMismatch",
    "XAmzContentSHA256Mismatch",
)


class ChecksumMismatch(Exception):
    """What arrived is not what was sent; `error` is to be raised when no attempt is left."""

    def __init__(self, error: StudioError) -> None:
        super().__init__(str(error))
        self.error = error


@contextlib.contextmanager
def s3_errors(key: str) -> Iterator[None]:
    """Turn errors of boto3 about the object `key` into ours."""
    try:
        yield
    except ClientError as error:
        raise _name(key, error) from error
    except (BotoCoreError, Boto3Error, HTTPError) as error:
        raise StorageUnavailable(f"S3 does not answer for '{key}': {error}") from error


def _name(key: str, error: ClientError) -> Exception:
    said = error.response.get("Error", {})
    code, reason = said.get("Code", "?"), said.get("Message", "")
    if code in _MISSING:
        return ObjectNotFound(key)
    if code in _ALTERED:
        return ChecksumMismatch(Corrupted(f"'{key}'", "as sent", code))
    if code in _FULL:
        return StorageFull(f"S3 has no room for '{key}': {reason}")
    if code in _IMPOSSIBLE:
        return BadInput(f"S3 cannot keep '{key}': {reason}")
    return StorageUnavailable(f"S3 answers {code} for '{key}': {reason}")
