"""What a JPEG's markers say, and its pixels by libjpeg-turbo at the scale needed."""

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from serving.errors import BadImage
from serving.image.exif import read_orientation
from serving.image.header import Header

_SOI, _EOI, _SOS, _TEM = 0xD8, 0xD9, 0xDA, 0x01
_ALONE = (0x00, _TEM, *range(0xD0, 0xD8))  # markers without a length
_EXIF, _ICC, _ADOBE = (0xE1, b"Exif\0\0"), (0xE2, b"ICC_PROFILE\0"), (0xEE, b"Adobe")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # without DHT, JPG and DAC
SCALED = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive
_PROGRESSIVE = (0xC2, 0xCA)
_WHOLE = (0xC9, 0xCA)  # the same two with arithmetic coding
# of a thread's room: what decoding writes to, and stays in memory; all of it
_KEPT_BYTES, _KEPT_ADDRESSES = 2 * 2**20, 256 * 2**20
_NAMES = {
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical progressive",
    0xC7: "hierarchical lossless",
    0xCB: "lossless arithmetic",
    0xCD: "hierarchical arithmetic",
    0xCE: "hierarchical progressive arithmetic",
    0xCF: "hierarchical lossless arithmetic",
}


@dataclass(frozen=True)
class Frame:
    """A JPEG's frame header.

    Attributes
    ----------
    marker : the second byte of its SOF marker, 0xC0..0xCF
    bits : per sample
    """

    marker: int
    bits: int
    width: int
    height: int
    components: int

    @property
    def progressive(self) -> bool:
        """Say whether all coefficients are held until the last scan was read."""
        return self.marker in _PROGRESSIVE


@dataclass(frozen=True)
class Markers:
    """What comes before a JPEG's first scan.

    Attributes
    ----------
    exif : the TIFF structure within, or nothing
    profile : ICC, put together from its parts; nothing where one is missing
    """

    frame: Frame
    exif: bytes
    profile: bytes


def read_markers(data: bytes) -> Markers:
    """Return what the markers before the first scan say.

    Raises
    ------
    BadImage
        There is no frame header before the first scan, or it is cut short.
    """
    frame: Frame | None = None
    exif, parts = b"", dict[int, bytes]()
    for marker, start, end in walk(data):
        if marker in _FRAMES:
            frame = frame or _parse_frame(marker, data[start : start + 8])
        elif marker == _EXIF[0] and not exif and data.startswith(_EXIF[1], start + 2):
            exif = data[start + 8 : end]
        elif marker == _ICC[0] and data.startswith(_ICC[1], start + 2) and end >= start + 16:
            parts.setdefault(data[start + 14], data[start + 16 : end])
    if frame is None:
        raise BadImage("the JPEG is damaged: no frame header comes before its pixels")
    whole = sorted(parts) == list(range(1, len(parts) + 1))
    return Markers(frame, exif, b"".join(parts[n] for n in sorted(parts)) if whole else b"")


def without_metadata(data: bytes) -> bytes:
    """Return the JPEG without application segments and comments, but for how its colours are coded.

    A reader then cannot stumble over any of them.
    """
    kept, at = [b"\xff\xd8"], 2
    for marker, start, end in walk(data):
        is_metadata = 0xE1 <= marker <= 0xEF or marker == 0xFE
        if not is_metadata or data.startswith(_ADOBE[1], start + 2):
            kept.append(b"\xff" + bytes([marker]) + data[start:end])
        at = end
    return b"".join(kept) + data[at:]


def walk(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Give each segment before the first scan: marker, where its length stands, where it ends.

    As `jdmarker.c` does: bytes between segments are passed over, and a length under 2 counts as 2.

    Notes
    -----
    Source: ITU-T T.81, annex B.
    """
    at = 2
    while True:
        at = data.find(b"\xff", at)
        while 0 <= at < len(data) and data[at] == 0xFF:
            at += 1
        if not 0 <= at < len(data) - 2 or data[at] in (_SOI, _EOI, _SOS):
            return
        marker, at = data[at], at + 1
        if marker not in _ALONE:
            end = at + max(2, int.from_bytes(data[at : at + 2], "big"))
            yield marker, at, end
            at = end


def find_end(data: bytes) -> int:
    """Return where a JPEG's picture ends and what is attached to it begins.

    Within a scan 0xFF is followed by 0 or a restart's number; between scans there are segments.
    """
    at = max((end for _, _, end in walk(data)), default=2)
    while 0 <= (at := data.find(b"\xff", at)) < len(data) - 1:
        marker = data[at + 1]
        if marker == _EOI:
            return at + 2
        if marker == 0xFF:
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return len(data)


def _parse_frame(marker: int, header: bytes) -> Frame:
    if len(header) < 8:
        raise BadImage("the JPEG is cut short in its frame header")
    height, width = (int.from_bytes(header[at : at + 2], "big") for at in (3, 5))
    return Frame(marker, header[2], width, height, header[7])


def check_frame(frame: Frame) -> None:
    """Refuse by name what is no ordinary JPEG; BadImage."""
    if frame.marker not in (*SCALED, *_WHOLE):
        raise BadImage(f"a {_NAMES[frame.marker]} JPEG is not read; save as a baseline JPEG")
    if frame.bits != 8:
        raise BadImage(f"a JPEG of {frame.bits} bits is not read; save as a baseline JPEG")
    if frame.components not in (1, 3, 4):
        raise BadImage(f"a JPEG of {frame.components} components is not read")
    if not frame.width * frame.height:
        raise BadImage("the JPEG does not say its size before its pixels")


def jpeg_header(markers: Markers, file_bytes: int) -> Header:
    """Return what is known of a JPEG by its markers."""
    frame, orientation = markers.frame, read_orientation(markers.exif)
    width, height = frame.width, frame.height
    if orientation >= 5:
        width, height = height, width
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[frame.components]
    held = 2.0 * frame.components if frame.progressive else 0.0
    scaled = frame.marker in SCALED
    if frame.components == 4 or not scaled:
        held += 4.0
    return Header("JPEG", mode, width, height, orientation, held, file_bytes, scaled)


class _Rooms(threading.local):
    """Where each thread decodes small pictures, so that their pages are not cleared each time."""

    room = np.empty(0, np.uint8)

    def of(self, size: int) -> NDArray[np.uint8]:
        """Return this thread's room, of at least so many bytes; what it held is overwritten."""
        if self.room.size < size:
            self.room = np.empty(size, np.uint8)
        return self.room


_rooms = _Rooms()


def decode_turbo(data: bytes, header: Header, min_side: int) -> NDArray[np.uint8]:
    """Return RGB pixels of a JPEG of 1 or 3 components as they are stored.

    At 1/8..8/8 of its size so long as both sides keep `min_side` pixels (0: the whole).
    libjpeg can scale only what was coded by DCT, and says how large an array it needs before it
    knows whether it can. The array given here has room for the whole picture, so that not even a
    mistake of ours about the header can lead to a write outside of it; pages that are never
    written cost nothing. What comes out small is copied from an array that its thread keeps: to
    get a new one from the kernel, page by page, costs 0.5 ms.

    Raises
    ------
    ValueError
        libjpeg warns of damage, or fails.
    """
    whole, width_height = header.pixels * 3, header.size_at(min_side)
    kept = 3 * math.prod(width_height) <= _KEPT_BYTES and whole <= _KEPT_ADDRESSES
    image: NDArray[np.uint8] = simplejpeg.decode_jpeg(
        data,
        "RGB",
        min_height=min_side,
        min_width=min_side,
        buffer=_rooms.of(whole) if kept else np.empty(whole, np.uint8),
    )
    return image.copy() if kept else image
