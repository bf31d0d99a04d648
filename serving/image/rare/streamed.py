"""PNG, WebP and TIFF by libvips, which reads them row by row and WebP at the scale needed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyvips

from serving.errors import BadImage
from serving.image.exif import read_orientation
from serving.image.header import Header
from serving.image.profiles import is_srgb
from serving.image.rare.chunks import Washed, wash_png, wash_webp, webp_size
from serving.image.rare.tiff import check_tags, orientation_of, read_tags, strip_share

if TYPE_CHECKING:
    from serving.image.rare import Canvas, Source

_STRIP_ROWS = 256
_PROFILE = "icc-profile-data"
_LOADERS = {
    "PNG": "VipsForeignLoadPng",
    "WEBP": "VipsForeignLoadWebp",
    "TIFF": "VipsForeignLoadTiff",
}
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA", 5: "CMYKA"}
_GIVEN = {"WEBP": 9.0}  # libwebp and libvips each hold the picture before it is on white
_PIPELINE = 1.0  # bytes per pixel of the strips between libvips' operations, measured
_DEEP = ("ushort", "short")

pyvips.cache_set_max(0)
pyvips.operation_block_set("VipsForeignLoad", True)
for _loader in _LOADERS.values():
    pyvips.operation_block_set(_loader, False)


def open_streamed(data: bytes, kind: str) -> "Source":
    """Return the photo, its header read."""
    if kind == "TIFF":
        tags = read_tags(data)
        check_tags(tags)
        washed, orientation = Washed(data, b"", b"", strip_share(tags)), orientation_of(tags)
    else:
        washed = wash_png(data) if kind == "PNG" else wash_webp(data)
        orientation = read_orientation(washed.exif)
    try:
        size, mode = webp_size(washed.data) if kind == "WEBP" else _size(washed.data, kind)
    except pyvips.Error as error:
        raise BadImage(f"the header of the {kind} is damaged: {_first(error)}") from error
    width, height = size[::-1] if orientation >= 5 else size
    given, held = _GIVEN.get(kind, 3.0), washed.held + _PIPELINE
    header = Header(kind, mode, width, height, orientation, held, len(data), given=given)
    return _Streamed(header, washed)


def _size(data: bytes, kind: str) -> tuple[tuple[int, int], str]:
    image = _load(data, kind, 1)
    mode = "CMYK" if image.interpretation == "cmyk" else _MODES.get(image.bands, "?")
    return (image.width, image.height), mode + (";16" if image.format in _DEEP else "")


def _load(data: bytes, kind: str, factor: int) -> pyvips.Image:
    options = {"scale": 1 / factor} if kind == "WEBP" and factor > 1 else {}
    source = pyvips.Source.new_from_memory(data)  # a buffer would be copied
    return pyvips.Image.new_from_source(
        source, "", access="sequential", fail_on="truncated", **options
    )


def _first(error: pyvips.Error) -> str:
    return (error.detail or error.message or "").strip().partition("\n")[0]


@dataclass(frozen=True)
class _Streamed:
    header: Header
    washed: Washed

    def write(self, factor: int, canvas: "Canvas") -> None:
        """Decode it at 1/factor into the canvas, as it is stored."""
        kind = self.header.format
        try:
            image = _on_white(_load(self.washed.data, kind, factor))
            if factor > 1 and kind != "WEBP":
                image = image.shrink(factor, factor, ceil=True)
            self._write_strips(_to_srgb(image, self.washed.profile), canvas)
        except pyvips.Error as error:
            raise BadImage(f"the {kind} is damaged or cut short: {_first(error)}") from error

    def _write_strips(self, image: pyvips.Image, canvas: "Canvas") -> None:
        out = canvas.open(image.width, image.height)
        region = pyvips.Region.new(image)
        for top in range(0, image.height, _STRIP_ROWS):
            rows = min(_STRIP_ROWS, image.height - top)
            strip = np.frombuffer(region.fetch(0, top, image.width, rows), np.uint8)
            out[top : top + rows] = strip.reshape(rows, image.width, 3)


def _on_white(image: pyvips.Image) -> pyvips.Image:
    if not image.hasalpha():
        return image
    if image.interpretation == "cmyk":
        return image.extract_band(0, n=image.bands - 1)
    return image.flatten(background=65535 if image.format == "ushort" else 255)


def _to_srgb(image: pyvips.Image, profile: bytes) -> pyvips.Image:
    """Return 8-bit sRGB; a profile that is broken or of other pixels is ignored."""
    if not profile and image.get_typeof(_PROFILE):
        profile = image.get(_PROFILE)  # a TIFF's own
    image = image.copy()
    image.remove(_PROFILE)
    if profile and not (image.bands == 3 and is_srgb(profile)):
        converted = _by_profile(image, profile)
        if converted is not None:
            return converted
    if image.interpretation == "cmyk":
        return _without_inks(image)
    return image.colourspace("srgb").cast("uchar")


def _by_profile(image: pyvips.Image, profile: bytes) -> pyvips.Image | None:
    image.set_type(pyvips.GValue.blob_type, _PROFILE, profile)
    try:
        converted = image.icc_transform(
            "srgb", embedded=True, intent="relative", black_point_compensation=True, depth=8
        )
    except pyvips.Error:
        return None
    finally:
        image.remove(_PROFILE)
    return converted if converted.bands == 3 else None


def _without_inks(image: pyvips.Image) -> pyvips.Image:
    """Return RGB of CMYK without a profile, as inks that take away light."""
    if image.format in _DEEP:
        image = (image / 257).cast("uchar")
    light = 255 - image
    rgb: Callable[..., pyvips.Image] = (light.extract_band(0, n=3) * light[3] / 255).rint
    return rgb().cast("uchar").copy(interpretation="srgb")
