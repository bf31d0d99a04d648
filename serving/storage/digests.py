"""What bytes hash to, in the ways that S3 knows."""

import hashlib
import os
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True)
class Digests:
    """The hashes of one object.

    Attributes
    ----------
    md5 : of all bytes, or None for an object that is sent in parts
    etag : as S3 gives it to unencrypted objects: the MD5 in hexadecimal or, for one sent in parts,
        the MD5 of their MD5s and how many they are
    """

    size: int
    sha256: bytes
    md5: bytes | None
    etag: str


def digest(source: BinaryIO, multipart_bytes: int, part_bytes: int) -> Digests:
    """Read `source` from start to end, once, one part in memory at a time.

    Parameters
    ----------
    multipart_bytes : from this size on it is sent in parts of `part_bytes`

    Examples
    --------
    >>> import io
    >>> digest(io.BytesIO(b"abc"), multipart_bytes=10, part_bytes=5).etag
    '900150983cd24fb0d6963f7d28e17f72'
    >>> digest(io.BytesIO(bytes(12)), multipart_bytes=10, part_bytes=5).etag[-2:]
    '-3'
    """
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    in_parts = size >= multipart_bytes
    sha256, md5, parts = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    while part := source.read(part_bytes):
        sha256.update(part)
        md5.update(hashlib.md5(part, usedforsecurity=False).digest() if in_parts else part)
        parts += 1
    if in_parts:
        return Digests(size, sha256.digest(), None, f"{md5.hexdigest()}-{parts}")
    return Digests(size, sha256.digest(), md5.digest(), md5.hexdigest())
