"""Photos as bytes and as arrays: what the header claims, and the pixels."""

import io
import struct
import zlib
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from serving.errors import BadImage, TooLarge
from serving.image.jpeg import SCALED, Frame, check_frame, decode_turbo, read_frame

Image = NDArray[np.uint8]

_WITHOUT_HEIF = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
FORMATS = (*_WITHOUT_HEIF, "HEIF")
SMALLEST_SIDE = 16
_ORIENTATION = 0x0112
# Cameras make 200 megapixels. Pillow refuses twice this in a header; `max_pixels` is what counts.
Pillow.MAX_IMAGE_PIXELS = 200_000_000
# What Pillow's readers raise on damaged files; a wider net would hide our own mistakes.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    IndexError,
    EOFError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
    Pillow.DecompressionBombError,
)


def check_rgb(image: Image) -> None:
    """Raise BadImage unless `image` is uint8 of shape (height, width, 3)."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise BadImage(f"expected uint8 RGB, got {image.dtype} of shape {image.shape}")


def decode(data: bytes, max_pixels: int, min_side: int = 0) -> Image:
    """Turn a file's bytes into upright RGB pixels.

    JPEG, PNG, WebP, GIF (first frame), TIFF, BMP and HEIC; grey, palette, CMYK and 16-bit become
    8-bit RGB, transparency lies on white, EXIF orientation is applied. The header is judged before
    any pixel is decoded, so a small file that claims a huge picture costs nothing.

    Parameters
    ----------
    data : the file
    max_pixels : width x height that is accepted
    min_side : if > 0, a JPEG may come back at 1/8..8/8 of its size (libjpeg scales in the DCT
        domain, a third of the cost) as long as both sides keep at least this many pixels

    Returns
    -------
    uint8, shape (height, width, 3)
        sRGB-encoded, 0..255.

    Raises
    ------
    BadImage
        Not an image, damaged or cut short, a kind that is not read, or under 16 px a side.
    TooLarge
        More than `max_pixels`.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> Pillow.new("CMYK", (40, 30), (0, 0, 0, 0)).save(file, "JPEG")
    >>> decode(file.getvalue(), max_pixels=10_000).shape
    (30, 40, 3)
    """
    with open_picture(data) as file:
        _check_size(file, max_pixels)
        try:
            if file.format in ("JPEG", "MPO"):
                frame = read_frame(data)
                check_frame(frame, file.size)
                if file.mode in ("RGB", "L"):
                    return _decode_jpeg(data, file, frame, min_side)
            return _decode_other(file)
        except _DAMAGED as error:
            raise BadImage(f"the {file.format} is damaged or cut short: {error}") from error


@cache
def _read_heif() -> None:
    from pillow_heif import register_heif_opener

    register_heif_opener(thumbnails=False)


def open_picture(data: bytes) -> Pillow.Image:
    """Return a picture of which the header was read and nothing more; BadImage."""
    if not data:
        raise BadImage("the file is empty")
    known: tuple[str, ...] = _WITHOUT_HEIF  # Pillow must not be asked for what it has not loaded
    if data[4:8] == b"ftyp":  # HEIC, of telephones; its library is loaded for who sends some
        _read_heif()
        known = FORMATS
    try:
        return Pillow.open(io.BytesIO(data), formats=known)
    except UnidentifiedImageError as error:
        raise BadImage(f"not a readable {', '.join(FORMATS)} picture") from error
    except Pillow.DecompressionBombError as error:
        raise BadImage(f"the header claims an impossible size: {error}") from error
    except _DAMAGED as error:
        raise BadImage(f"the header is damaged: {error}") from error


def _check_size(file: Pillow.Image, max_pixels: int) -> None:
    if file.width * file.height > max_pixels:
        raise TooLarge(f"pixels ({file.width}x{file.height})", file.width * file.height, max_pixels)
    if min(file.size) < SMALLEST_SIDE:
        raise BadImage(f"{file.width}x{file.height} is under {SMALLEST_SIDE} px a side")


def _decode_jpeg(data: bytes, file: Pillow.Image, frame: Frame, min_side: int) -> Image:
    orientation = file.getexif().get(_ORIENTATION, 1)
    try:
        image = decode_turbo(data, frame, min_side)
    except ValueError:
        # libjpeg's warnings are errors there; Pillow forgives what cameras do, not a file cut
        # short
        scaled = min_side and frame.marker in SCALED
        file.draft("RGB", (min_side, min_side) if scaled else file.size)
        image = np.asarray(file.convert("RGB"))
    return _upright(image, orientation)


def _upright(image: Image, orientation: int) -> Image:
    """Undo the EXIF orientation 1..8 (CIPA DC-008, 4.6.4 A); anything else counts as 1."""
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)


def _decode_other(file: Pillow.Image) -> Image:
    try:
        upright = ImageOps.exif_transpose(file)
    except RuntimeError as error:
        if file.format != "HEIF":
            raise
        raise ValueError(str(error)) from error  # as libheif tells of damage
    if upright.mode == "F":
        raise BadImage("floating-point pictures are not read; save as 8 or 16 bit")
    if upright.mode.startswith("I"):
        grey = np.asarray(upright)
        wide = grey.astype(np.int64).clip(0, 0xFFFF) >> 8
        return np.repeat(wide.astype(np.uint8)[..., None], 3, axis=2)
    if upright.has_transparency_data:
        flat = Pillow.new("RGBA", upright.size, "white")
        flat.alpha_composite(upright.convert("RGBA"))
        upright = flat
    return np.asarray(upright.convert("RGB"))
