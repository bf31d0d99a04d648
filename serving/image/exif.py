"""What EXIF says about the pixels; what of it cannot be read is left out."""

import struct

from PIL import Image as Pillow

_ORIENTATION, _EXIF_IFD, _INTEROP_IFD = 0x0112, 0x8769, 0xA005
_COLOUR_SPACE, _INTEROP_INDEX = 0xA001, 1
# what Pillow raises of tags that cannot be read, or written again: it trusts their types
BROKEN = (
    SyntaxError, ValueError, OSError, TypeError, LookupError, ArithmeticError, AttributeError,
    AssertionError, struct.error, RuntimeError,
)  # fmt: skip


def read_orientation(exif: bytes) -> int:
    """Return the orientation 1..8; 1 where none can be read.

    Parameters
    ----------
    exif : the TIFF structure, without the `Exif` before it in a JPEG
    """
    try:
        found = load_exif(exif).get(_ORIENTATION, 1)
    except BROKEN:
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def is_adobe_rgb(exif: bytes) -> bool:
    """Say whether a camera wrote Adobe RGB as DCF 2.0 has it, which needs no profile."""
    if b"R03" not in exif:
        return False
    try:
        loaded = load_exif(exif)
        index = loaded.get_ifd(_EXIF_IFD).get(_INTEROP_IFD)
        interop = loaded.get_ifd(_INTEROP_IFD) if index is not None else {}
        return str(interop.get(_INTEROP_INDEX, "")).startswith("R03")
    except BROKEN:
        return False


def load_exif(exif: bytes) -> Pillow.Exif:
    """Return the tags of a TIFF structure; whatever is in `BROKEN` where they cannot be read."""
    loaded = Pillow.Exif()
    if exif:
        loaded.load(exif if exif.startswith(b"Exif\0\0") else b"Exif\0\0" + exif)
    return loaded
