"""Photos as bytes and as arrays: what the header claims, and the pixels."""

from serving.image.array import Image, check_rgb
from serving.image.decode import decode, opened, read_header
from serving.image.header import SMALLEST_SIDE, Header
from serving.image.kinds import FORMATS

__all__ = (
    "FORMATS",
    "SMALLEST_SIDE",
    "Header",
    "Image",
    "check_rgb",
    "decode",
    "opened",
    "read_header",
)
