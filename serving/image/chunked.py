"""Walks through files that are made of chunks: PNG (W3C PNG 3, 5.3) and WebP (RFC 9649, 2.3)."""

import struct
import zlib
from collections.abc import Iterator

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
PNG_XMP, PNG_RAW = b"XML:com.adobe.xmp", b"Raw profile type "  # keywords of such texts
_MOST_TEXT = 4 << 20  # bytes of a text that are unpacked
WEBP_START = 12  # bytes before the first chunk


def walk_png(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Give each chunk up to the last: name, where its content starts and ends."""
    at = len(PNG_START)
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        yield name, at + 8, at + 8 + size
        if name == b"IEND":
            return
        at += 12 + size


def walk_webp(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Give each chunk: name, where its content starts and ends."""
    at = WEBP_START
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, at + 8, at + 8 + size
        at += 8 + size + size % 2


def read_text(name: bytes, chunk: bytes) -> tuple[bytes, bytes]:
    """Return the keyword and the text of one of `PNG_TEXTS`; no text where it cannot be read."""
    keyword, _, rest = chunk.partition(b"\0")
    packed = name == b"zTXt" or (name == b"iTXt" and rest[:1] == b"\1")
    if name == b"zTXt":
        rest = rest[1:]
    elif name == b"iTXt":  # flag, method, language, the keyword translated
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    if not packed:
        return keyword, rest
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(rest, _MOST_TEXT)
    except zlib.error:
        return keyword, b""
    return keyword, text if unpacker.eof else b""
