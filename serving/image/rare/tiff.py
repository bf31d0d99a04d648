"""What a TIFF's first directory says, to refuse by name what would come out wrong."""

import struct
from collections.abc import Mapping

from serving.errors import BadImage
from serving.image.kinds import refusal

_SIZES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 18: "Q"}
_SUBFILE, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 258, 259, 262
_HEIGHT, _SAMPLES, _ROWS, _TILE = 257, 277, 278, 322
_SUB_IFDS, _SAMPLE_FORMAT, _DNG, _ORIENTATION, _EXIF = 330, 339, 50706, 274, 34665
_RAW_COMPRESSIONS = (32767, 32769, 34713, 65535, 34892)
_CFA, _LINEAR_RAW, _LAB = 32803, 34892, (8, 9)
_FLOAT, _COMPLEX = 3, (5, 6)
_BITS_READ = (1, 2, 4, 8, 16)
_MAX_ENTRIES, _MAX_VALUES = 4096, 16

Tags = Mapping[int, tuple[int, ...]]


def read_tags(data: bytes) -> Tags:
    """Return the whole-number tags of the first directory; BadImage if there is none.

    Notes
    -----
    Source: TIFF 6.0, section 2; BigTIFF as libtiff has it.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    start = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
    count_form, entry, inline = ("Q", 20, 8) if big else ("H", 12, 4)
    tags: dict[int, tuple[int, ...]] = {}
    try:
        (count,) = struct.unpack_from(order + count_form, data, start)
        first = start + struct.calcsize(count_form)
        for at in range(first, first + min(count, _MAX_ENTRIES) * entry, entry):
            tag, kind = struct.unpack_from(order + "HH", data, at)
            (number,) = struct.unpack_from(order + ("Q" if big else "I"), data, at + 4)
            if kind not in _SIZES or number == 0:
                continue
            form = f"{order}{min(number, _MAX_VALUES)}{_SIZES[kind]}"
            place = at + 4 + inline
            if number * struct.calcsize(_SIZES[kind]) > inline:
                (place,) = struct.unpack_from(order + ("Q" if big else "I"), data, place)
            tags.setdefault(tag, struct.unpack_from(form, data, place))
    except struct.error as error:
        if not tags:
            raise BadImage("the TIFF is damaged or cut short: it has no directory") from error
    return tags


def check_tags(tags: Tags) -> None:
    """Refuse by name a raw file of a camera and numbers that are no picture's; BadImage."""
    photometric, compression = _one(tags, _PHOTOMETRIC, 2), _one(tags, _COMPRESSION, 1)
    raw = photometric in (_CFA, _LINEAR_RAW) or compression in _RAW_COMPRESSIONS
    if _DNG in tags:
        raise refusal("a DNG")
    if raw or (_one(tags, _SUBFILE, 0) & 1 and _SUB_IFDS in tags):
        raise refusal("a camera's raw file")
    bits = tags.get(_BITS, (1,))
    form = _one(tags, _SAMPLE_FORMAT, 1)
    if form == _FLOAT:
        raise BadImage("a floating-point TIFF is not read; save as 8 or 16 bit")
    if form in _COMPLEX:
        raise BadImage("a TIFF of complex numbers is not read; save as 8 or 16 bit")
    if len(set(bits)) > 1 or bits[0] not in _BITS_READ:
        depths = ", ".join(str(depth) for depth in sorted(set(bits)))
        raise BadImage(f"a TIFF of {depths} bits is not read; save as 8 or 16 bit")


def is_lab(tags: Tags) -> bool:
    """Say whether its colours are CIELab, of which libvips reads one form only."""
    return _one(tags, _PHOTOMETRIC, 2) in _LAB


def strip_share(tags: Tags) -> float:
    """Return bytes per pixel that decoding holds: a strip of few rows is little, a whole file all.

    A decoder unpacks a strip at a time.
    """
    height, rows = _one(tags, _HEIGHT, 1), _one(tags, _ROWS, 2**32 - 1)
    deep = max(tags.get(_BITS, (1,))) / 8 * min(_one(tags, _SAMPLES, 1), 8)
    return 2.0 * deep * (1.0 if _TILE in tags else min(1.0, rows / max(1, height)))


def orientation_of(tags: Tags) -> int:
    """Return the orientation 1..8; 1 where there is none."""
    found = _one(tags, _ORIENTATION, 1)
    return found if 1 <= found <= 8 else 1


def _one(tags: Tags, tag: int, default: int) -> int:
    return tags.get(tag, (default,))[0]
