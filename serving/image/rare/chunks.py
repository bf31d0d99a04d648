"""The files of PNG and WebP without their metadata, and what of that is about the pixels.

A decoder cannot stumble over metadata that it is not given: a photo with a broken `eXIf`, a wrong
checksum of a text or a profile that unpacks to a gigabyte is decoded as if it had none.
"""

import struct
import zlib
from dataclasses import dataclass

from serving.errors import BadImage
from serving.image.chunked import PNG_START, walk_png, walk_webp
from serving.image.exif import is_adobe_rgb
from serving.image.profiles import ADOBE_RGB, SRGB, Space, make_profile
from serving.image.rare.colour import profile_of_codes

_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_MAX_PROFILE = 4 << 20
_SRGB_GAMMA = (0.43, 0.48)  # 1/2.2 and what stands for it
_ALPHA, _ANIMATED = 0x10, 0x02


@dataclass(frozen=True)
class Washed:
    """A file without metadata.

    Attributes
    ----------
    exif : the TIFF structure; nothing if there is none, or its checksum is wrong
    profile : ICC, of the pixels; nothing for sRGB
    held : bytes per pixel that decoding it takes at any scale
    """

    data: bytes
    exif: bytes
    profile: bytes
    held: float


def wash_png(data: bytes) -> Washed:
    """Return a PNG with none but the chunks that its pixels are made of (W3C PNG 3)."""
    view, extra = memoryview(data), dict[bytes, bytes]()
    kept: list[bytes | memoryview] = [PNG_START]
    for name, start, end in walk_png(data):
        if name == b"CgBI":
            raise BadImage("a PNG as Xcode packs it for telephones is not read; send the original")
        if name in _PIXELS:
            kept.append(view[start - 8 : end + 4])
        elif zlib.crc32(data[start - 4 : end]) == int.from_bytes(data[end : end + 4], "big"):
            extra.setdefault(name, data[start:end])
    header = data[16:29]
    deep, interlaced = header[8:9] == b"\x10", header[12:13] == b"\x01"
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(header[9] if len(header) > 9 else 0, 4)
    held = channels * (1 + deep) if interlaced else 0
    return Washed(b"".join(kept), extra.get(b"eXIf", b""), _png_profile(extra), float(held))


def _png_profile(chunks: dict[bytes, bytes]) -> bytes:
    """Return the profile by the chunk that counts: cICP, iCCP, sRGB, gAMA with cHRM."""
    codes = chunks.get(b"cICP", b"")
    if len(codes) == 4 and codes[2] == 0:
        return profile_of_codes(codes[0], codes[1])
    if b"iCCP" in chunks:
        return _unpack_profile(chunks[b"iCCP"])
    if b"sRGB" in chunks:
        return b""
    return _profile_of_primaries(chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b""))


def _unpack_profile(chunk: bytes) -> bytes:
    name_end = chunk.find(b"\0", 0, 80)
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(chunk[name_end + 2 :], _MAX_PROFILE)
    except zlib.error:
        return b""
    return profile if name_end > 0 and unpacker.eof else b""


def _profile_of_primaries(gama: bytes, chrm: bytes) -> bytes:
    gamma = int.from_bytes(gama, "big") / 1e5 if len(gama) == 4 else 0.0
    if gamma and not 0.2 <= gamma <= 2.0:
        return b""
    power = 0.0 if not gamma or _SRGB_GAMMA[0] < gamma < _SRGB_GAMMA[1] else 1 / gamma
    space = SRGB
    if len(chrm) == 32:
        if not gamma:
            return b""
        values = [value / 1e5 for value in struct.unpack(">8I", chrm)]
        pairs = list(zip(values[::2], values[1::2], strict=True))
        if any(y <= 0.0 or not 0 <= x <= 1 or x + y > 1.0001 for x, y in pairs[:1]):
            return b""
        space = Space(pairs[1], pairs[2], pairs[3], pairs[0], power)
    space = Space(space.red, space.green, space.blue, space.white, power)
    if space == SRGB:
        return b""
    try:
        return make_profile(space)
    except (ValueError, ZeroDivisionError, ArithmeticError, struct.error):
        return b""


def wash_webp(data: bytes) -> Washed:
    """Return a WebP without profile, EXIF and XMP (RFC 9649)."""
    view, extra, held = memoryview(data), dict[bytes, bytes](), 1.0
    kept: list[bytes | memoryview] = []
    for name, start, end in walk_webp(data):
        content, size = view[start:end], end - start
        if name in (b"ICCP", b"EXIF", b"XMP "):
            extra.setdefault(name, bytes(content))
            continue
        if name in (b"VP8L", b"ANIM", b"ALPH"):
            held = max(held, 9.0 if name == b"ANIM" else 5.0)
        kept.append(name + struct.pack("<I", size))
        if name == b"VP8X" and content:
            kept.append(bytes([content[0] & (_ALPHA | _ANIMATED)]))
            content = content[1:]
        kept.extend((content, bytes(size % 2)))
    body = b"WEBP" + b"".join(kept)
    exif, profile = extra.get(b"EXIF", b""), extra.get(b"ICCP", b"")
    if not profile and is_adobe_rgb(exif):
        profile = make_profile(ADOBE_RGB)
    return Washed(b"RIFF" + struct.pack("<I", len(body)) + body, exif, profile, held)


def webp_size(data: bytes) -> tuple[tuple[int, int], str]:
    """Return width and height, and the mode; BadImage if the first chunk does not say them.

    libwebp would make room for the whole picture to tell them.
    """
    name, content = data[12:16], data[20:30]
    if len(content) == 10 and name == b"VP8X":
        sides = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (4, 7))
        return (next(sides), next(sides)), "RGBA" if content[0] & _ALPHA else "RGB"
    if len(content) == 10 and name == b"VP8 " and content[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", content, 6)
        return (width & 0x3FFF, height & 0x3FFF), "RGB"
    if len(content) == 10 and name == b"VP8L" and content[0] == 0x2F:
        bits = int.from_bytes(content[1:5], "little")
        size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        return size, "RGBA" if bits >> 28 & 1 else "RGB"
    raise BadImage("the header of the WEBP is damaged: it does not say its size")
