"""From pixels to a file: JPEG, WebP, AVIF and PNG, all sRGB by a profile of their own."""

import io
from typing import Literal, cast

from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from serving.errors import BadInput
from serving.image.array import Image, check_rgb
from serving.image.metadata import Metadata
from serving.image.profiles import SRGB, make_profile

PhotoFormat = Literal["jpeg", "webp", "avif", "png"]
CONTENT_TYPES: dict[PhotoFormat, str] = {
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "png": "image/png",
}
QUALITIES: dict[PhotoFormat, int] = {"jpeg": 93, "webp": 90, "avif": 80, "png": 100}
# px of a side that the format's header holds (ITU-T T.81; RFC 9649; of AVIF what decoders take)
_LONGEST: dict[PhotoFormat, int] = {"jpeg": 65_500, "webp": 16_383, "avif": 32_768, "png": 2**31}
_FINE_COLOURS = 90  # quality from which a JPEG keeps colours at every pixel
_NONE = Metadata()


def encode_photo(
    photo: Image, kind: PhotoFormat, quality: int | None = None, metadata: Metadata = _NONE
) -> bytes:
    """Return the file of a photo.

    Parameters
    ----------
    photo : uint8 RGB, sRGB
    quality : 1..100; None: what is hardly told from the photo. PNG has none

    Raises
    ------
    BadInput
        The photo is longer than the format can hold.
    """
    check_rgb(photo)
    height, width = photo.shape[:2]
    if max(height, width) > _LONGEST[kind]:
        raise BadInput(f"{kind} holds {_LONGEST[kind]} px a side, not {width}x{height}")
    level = QUALITIES[kind] if quality is None else quality
    told: dict[str, object] = {"icc_profile": _PROFILE}
    if metadata.exif:
        told["exif"] = b"Exif\0\0" + metadata.exif
    if kind == "png":
        told |= {"compress_level": 4, "pnginfo": _png_texts(metadata.xmp)}
    else:
        told |= {"quality": level} | ({"xmp": metadata.xmp} if metadata.xmp else {})
    if kind == "jpeg":
        told |= {"subsampling": "4:4:4" if level >= _FINE_COLOURS else "4:2:0"}
    if kind == "webp":
        told |= {"method": 2}
    if kind == "avif":
        told |= {"speed": 8}
    file = io.BytesIO()
    Pillow.fromarray(photo).save(file, kind.upper(), **cast(dict[str, str], told))
    return file.getvalue()


def _png_texts(xmp: bytes) -> PngInfo:
    texts = PngInfo()
    if xmp:
        texts.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
    return texts


_PROFILE = make_profile(SRGB)
