"""A file without where it was taken, its pixels as they came: JPEG, PNG and WebP.

Beside EXIF and XMP, texts of a PNG may tell a place, and so may what is attached to a JPEG: the
film of a motion photo, a second picture with EXIF of its own.
"""

import re
import struct
import zlib
from collections.abc import Callable

from serving.image.chunked import (
    PNG_RAW,
    PNG_START,
    PNG_TEXTS,
    PNG_XMP,
    WEBP_START,
    read_text,
    walk_png,
    walk_webp,
)
from serving.image.jpeg import find_end, walk
from serving.image.kinds import kind_of
from serving.image.metadata import (
    EXIF_HEAD,
    GAIN_MAP_ISO,
    XMP_HEAD,
    Metadata,
    has_place,
    read_metadata,
    without_place,
)

_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_POINTING = (b"MPF\0", GAIN_MAP_ISO)  # starts of APP2 that say where pictures are attached
_TELLING = re.compile(rb"gps|latitude|longitude|geo", re.IGNORECASE)
_HAS_EXIF, _HAS_XMP = 0x08, 0x04


def file_without_place(data: bytes) -> bytes | None:
    """Return a file that does not tell where it was taken, though its pixels are the same.

    Returns
    -------
    the very bytes where they tell no place; None of a kind of which this is not known
    """
    rewriters: dict[str, Callable[[bytes, Metadata], bytes]] = {
        "JPEG": _jpeg, "PNG": _png, "WEBP": _webp,
    }  # fmt: skip
    rewrite = rewriters.get(kind_of(data))
    return None if rewrite is None else rewrite(data, read_metadata(data))


def _jpeg(data: bytes, found: Metadata) -> bytes:
    end = find_end(data)
    cut = not _tells_no_place(data[end:])
    segments = list(walk(data))
    extended = any(data.startswith(_EXTENDED_XMP, start + 2) for _, start, _ in segments)
    if not (cut or extended or has_place(found)):
        return data
    told = without_place(found, attached=not cut)
    parts, at = [b"\xff\xd8"], 2
    for head, body in ((EXIF_HEAD, told.exif), (XMP_HEAD, told.xmp)):
        if body:
            parts.append(b"\xff\xe1" + struct.pack(">H", 2 + len(head) + len(body)) + head + body)
    for marker, start, stop in segments:
        pointing = cut and marker == 0xE2 and data.startswith(_POINTING, start + 2)
        if marker != 0xE1 and not pointing:
            parts.append(b"\xff" + bytes([marker]) + data[start:stop])
        at = stop
    return b"".join(parts) + (data[at:end] if cut else data[at:])


def _tells_no_place(behind: bytes) -> bool:
    """Say whether what follows a JPEG's picture is nothing, or pictures that tell no place."""
    while behind := behind.lstrip(b"\0"):
        if not behind.startswith(b"\xff\xd8\xff") or has_place(read_metadata(behind)):
            return False
        behind = behind[find_end(behind) :]
    return True


def _png(data: bytes, found: Metadata) -> bytes:
    chunks = list(walk_png(data))
    texts = {
        start: read_text(name, data[start:end]) for name, start, end in chunks if name in PNG_TEXTS
    }
    telling = {start for start, text in texts.items() if _may_tell(*text)}
    if not telling and not has_place(found):
        return data
    told = without_place(found, attached=True)
    parts = [PNG_START]
    for name, start, end in chunks:
        keyword = texts[start][0] if start in texts else b""
        again = name == b"eXIf" or keyword == PNG_XMP or keyword.startswith(PNG_RAW)
        if not again and start not in telling:
            parts.append(data[start - 8 : end + 4])
        if name == b"IHDR":
            parts.append(_png_chunk(b"eXIf", told.exif) if told.exif else b"")
            xmp = PNG_XMP + bytes(5) + told.xmp
            parts.append(_png_chunk(b"iTXt", xmp) if told.xmp else b"")
    return b"".join(parts)


def _may_tell(keyword: bytes, text: bytes) -> bool:
    """Say whether a text may tell a place: one that names it, or cannot be read."""
    if keyword == PNG_XMP or (keyword.startswith(PNG_RAW) and text):
        return False  # is read as what it is
    return not text or _TELLING.search(keyword + text) is not None


def _png_chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def _webp(data: bytes, found: Metadata) -> bytes:
    if not has_place(found):
        return data
    told = without_place(found, attached=True)
    flags = _HAS_EXIF * bool(told.exif) | _HAS_XMP * bool(told.xmp)
    parts = []
    for name, start, end in walk_webp(data):
        content = data[start:end]
        if name == b"VP8X" and content:
            content = bytes([content[0] & ~(_HAS_EXIF | _HAS_XMP) | flags]) + content[1:]
        if name not in (b"EXIF", b"XMP "):
            parts.append(_webp_chunk(name, content))
    parts += [_webp_chunk(b"EXIF", told.exif)] if told.exif else []
    parts += [_webp_chunk(b"XMP ", told.xmp)] if told.xmp else []
    body = data[WEBP_START - 4 : WEBP_START] + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
