"""What bytes hash to, in the ways that S3 knows."""

import hashlib
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True)
class Digests:
    """The hashes of one object.

    Attributes
    ----------
    etag : as S3 gives it to unencrypted objects: the MD5 in hexadecimal or, for one sent in parts,
        the MD5 of their MD5s and how many they are
    """

    size: int
    sha256: bytes
    md5: bytes
    etag: str


def digest(source: BinaryIO, multipart_bytes: int, part_bytes: int) -> Digests:
    """Read `source` to its end, once, one part in memory at a time.

    Examples
    --------
    >>> import io
    >>> digest(io.BytesIO(b"abc"), multipart_bytes=10, part_bytes=5).etag
    '900150983cd24fb0d6963f7d28e17f72'
    >>> digest(io.BytesIO(bytes(12)), multipart_bytes=10, part_bytes=5).etag[-2:]
    '-3'
    """
    size, sha256, md5 = 0, hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    parts = []
    while part := source.read(part_bytes):
        size += len(part)
        sha256.update(part)
        md5.update(part)
        parts.append(hashlib.md5(part, usedforsecurity=False).digest())
    etag = md5.hexdigest()
    if size >= multipart_bytes:
        etag = f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"
    return Digests(size, sha256.digest(), md5.digest(), etag)
