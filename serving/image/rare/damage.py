"""What decoders raise on damaged files; a wider net would hide our own mistakes."""

import struct
import zlib

from PIL import Image as Pillow

DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    IndexError,
    EOFError,
    OverflowError,
    RuntimeError,  # libheif's
    struct.error,
    zlib.error,
    Pillow.DecompressionBombError,
)
