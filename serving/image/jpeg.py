"""What a JPEG's frame header says, and its pixels by libjpeg-turbo at the scale needed."""

from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from serving.errors import BadImage

_SOI, _EOI, _SOS, _TEM = 0xD8, 0xD9, 0xDA, 0x01
_RESTARTS = range(0xD0, 0xD8)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # without DHT, JPG and DAC
SCALED = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive
_WHOLE = (0xC9, 0xCA)  # the same two with arithmetic coding
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


def read_frame(data: bytes) -> Frame:
    """Return the frame header by which libjpeg will decode `data`.

    It walks the markers as `jdmarker.c` does: bytes between segments are passed over, a length
    under 2 counts as 2, and the first frame before the first scan is the one that counts (libjpeg
    refuses a second).

    Raises
    ------
    BadImage
        There is none before the first scan, or it is cut short.

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
            raise BadImage("the JPEG is damaged: no frame header comes before its pixels")
        marker, at = data[at], at + 1
        if marker == 0 or marker == _TEM or marker in _RESTARTS:
            continue
        if marker in _FRAMES:
            return _parse_frame(marker, data[at : at + 8])
        at += max(2, int.from_bytes(data[at : at + 2], "big"))


def _parse_frame(marker: int, header: bytes) -> Frame:
    if len(header) < 8:
        raise BadImage("the JPEG is cut short in its frame header")
    height, width = (int.from_bytes(header[at : at + 2], "big") for at in (3, 5))
    return Frame(marker, header[2], width, height, header[7])


def check_frame(frame: Frame, size: tuple[int, int]) -> None:
    """Refuse by name what is no ordinary JPEG, or one whose size is told in two ways; BadImage.

    `size` is width and height as another reader of the file found them.
    """
    if frame.marker not in (*SCALED, *_WHOLE):
        raise BadImage(f"a {_NAMES[frame.marker]} JPEG is not read; save as a baseline JPEG")
    if frame.bits != 8:
        raise BadImage(f"a JPEG of {frame.bits} bits is not read; save as a baseline JPEG")
    if (frame.width, frame.height) != size:
        raise BadImage("the JPEG is damaged: it tells its size in two ways")


def decode_turbo(data: bytes, frame: Frame, min_side: int) -> NDArray[np.uint8]:
    """Return RGB pixels of a JPEG of 1 or 3 components as they are stored.

    At 1/8..8/8 of its size if it may be scaled, so long as both sides keep `min_side` pixels (0:
    the whole). libjpeg can scale only what was coded by DCT, and says how large an array it needs
    before it knows whether it can. The array given here has room for the whole picture, so that
    not even a mistake of ours about the header can lead to a write outside of it; pages that are
    never written cost nothing.

    Raises
    ------
    ValueError
        libjpeg warns of damage, or fails.
    """
    if frame.marker not in SCALED:
        min_side = 0
    room = np.empty(frame.width * frame.height * 3, np.uint8)
    image: NDArray[np.uint8] = simplejpeg.decode_jpeg(
        data, "RGB", min_height=min_side, min_width=min_side, buffer=room
    )
    return image
