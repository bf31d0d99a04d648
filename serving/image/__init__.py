"""Photos as bytes and as arrays: what the header claims, and the pixels."""

from serving.image.array import Image, check_rgb
from serving.image.header import SMALLEST_SIDE, Header
from serving.image.kinds import FORMATS
from serving.image.opening import decode, opened, read_header
from serving.image.photo_file import PhotoFile, hash_photo

__all__ = (
    "FORMATS",
    "SMALLEST_SIDE",
    "Header",
    "Image",
    "PhotoFile",
    "check_rgb",
    "decode",
    "hash_photo",
    "opened",
    "read_header",
)
