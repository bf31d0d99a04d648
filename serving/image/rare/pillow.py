"""GIF, BMP, AVIF and extraordinary JPEGs by Pillow, in strips so that nothing is copied whole."""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow

from serving.errors import BadImage
from serving.image.array import Image
from serving.image.exif import is_adobe_rgb, read_orientation
from serving.image.header import Header
from serving.image.jpeg import (
    SCALED,
    Markers,
    check_frame,
    decode_turbo,
    jpeg_header,
    read_markers,
    without_metadata,
)
from serving.image.profiles import ADOBE_RGB, make_profile
from serving.image.rare.colour import Convert, make_converter, profile_of_codes
from serving.image.rare.damage import DAMAGED

if TYPE_CHECKING:
    from serving.image.rare import Canvas, Source

Rows = Callable[[int, int], Pillow.Image]

_END = b"\xff\xd9"
_STRIP_PIXELS = 1 << 20
_HELD = {
    "GIF": 2.0,
    "BMP": 5.0,
    "AVIF": 13.0,
    "TIFF": 8.0,
}  # bytes per pixel, measured at 80 megapixels
Pillow.MAX_IMAGE_PIXELS = None  # the header is judged by us


def open_pillow(data: bytes, kind: str) -> "Source":
    """Return the photo, its header read."""
    if kind == "JPEG":
        markers = read_markers(data)
        check_frame(markers.frame)
        return _Jpeg(data, markers)
    try:
        picture = Pillow.open(io.BytesIO(data), formats=(kind,))
    except DAMAGED as error:
        raise BadImage(f"the header of the {kind} is damaged: {error}") from error
    return _Opened(picture, kind, data)


@dataclass(frozen=True)
class _Opened:
    picture: Pillow.Image
    kind: str
    data: bytes

    @property
    def header(self) -> Header:
        orientation = self._orientation()
        width, height = self.picture.size
        if orientation >= 5:
            width, height = height, width
        held, mode = _HELD[self.kind], self.picture.mode
        return Header(self.kind, mode, width, height, orientation, held, len(self.data))

    def _orientation(self) -> int:
        exif = self.picture.info.get("exif", b"")
        return read_orientation(exif) if self.kind == "AVIF" else 1

    def write(self, factor: int, canvas: "Canvas") -> None:
        """Decode it at 1/factor into the canvas, as it is stored."""
        profile = self.picture.info.get("icc_profile") or b""
        if self.kind == "AVIF" and not profile:
            profile = _profile_of_box(self.data)
        self.picture.load()
        convert = make_converter(profile, _plain_mode(self.picture))
        write_strips(rows_of_picture(self.picture), self.picture.size, convert, factor, canvas)


def _profile_of_box(data: bytes) -> bytes:
    """Return a profile by an AVIF's first `colr` box of type `nclx` (ISO/IEC 14496-12, 12.1.5)."""
    at = data.find(b"colrnclx", 0, 1 << 16)
    if at < 0 or len(data) < at + 12:
        return b""
    primaries, transfer = struct.unpack_from(">HH", data, at + 8)
    return profile_of_codes(primaries, transfer)


@dataclass(frozen=True)
class _Jpeg:
    data: bytes
    markers: Markers

    @property
    def header(self) -> Header:
        return jpeg_header(self.markers, len(self.data))

    def write(self, factor: int, canvas: "Canvas") -> None:
        """Decode it at 1/factor or a little larger into the canvas, as it is stored."""
        frame = self.markers.frame
        side = min(frame.width, frame.height) // factor if factor > 1 else 0
        profile = self.markers.profile
        if not profile and is_adobe_rgb(self.markers.exif):
            profile = make_profile(ADOBE_RGB)
        rows, size, mode = self._decode(side)
        write_strips(rows, size, make_converter(profile, mode), 1, canvas)

    def _decode(self, side: int) -> tuple[Rows, tuple[int, int], str]:
        frame = self.markers.frame
        if frame.components in (1, 3) and frame.marker in SCALED:
            try:
                # where only the end is not marked nothing is missing
                pixels = decode_turbo(self.data + _END, self.header, side)
                grey = frame.components == 1
                rows = rows_of_array(np.ascontiguousarray(pixels[..., 0]) if grey else pixels)
                return rows, (pixels.shape[1], pixels.shape[0]), "L" if grey else "RGB"
            except ValueError:  # libjpeg's warnings are errors there
                pass
        # forgives what cameras do, not a file cut short
        picture = Pillow.open(io.BytesIO(without_metadata(self.data)), formats=("JPEG",))
        if picture.size != (frame.width, frame.height):
            raise BadImage("the JPEG is damaged: it tells its size in two ways")
        if side and frame.marker in SCALED:
            picture.draft(None, (side, side))
        picture.load()
        return rows_of_picture(picture), picture.size, _plain_mode(picture)


def write_strips(
    rows: Rows, size: tuple[int, int], convert: Convert, factor: int, canvas: "Canvas"
) -> None:
    """Lay a picture on white, shrink it by `factor`, bring it to sRGB, and write it.

    Parameters
    ----------
    rows : gives the picture's rows from one up to another
    """
    width, height = size
    out = canvas.open(-(-width // factor), -(-height // factor))
    step = max(1, _STRIP_PIXELS // width // factor) * factor
    for top in range(0, height, step):
        strip = _on_white(rows(top, min(height, top + step)))
        pixels = np.asarray(convert(strip.reduce(factor) if factor > 1 else strip))
        row = top // factor
        out[row : row + len(pixels)] = pixels


def rows_of_picture(picture: Pillow.Image) -> Rows:
    """Return what gives a picture's rows."""

    def rows(top: int, bottom: int) -> Pillow.Image:
        strip = picture.crop((0, top, picture.width, bottom))
        strip.info = picture.info  # a palette's transparency
        return strip

    return rows


def rows_of_array(pixels: Image) -> Rows:
    """Return what gives the rows of an array of shape (height, width[, channels])."""
    return lambda top, bottom: Pillow.fromarray(pixels[top:bottom])


def _plain_mode(picture: Pillow.Image) -> str:
    if picture.has_transparency_data or picture.mode not in ("L", "CMYK", "LAB"):
        return "RGB"
    return picture.mode


def _on_white(strip: Pillow.Image) -> Pillow.Image:
    if strip.has_transparency_data:
        flat = Pillow.new("RGBA", strip.size, "white")
        flat.alpha_composite(strip.convert("RGBA"))
        return flat.convert("RGB")
    return strip if strip.mode in ("L", "CMYK", "LAB", "RGB") else strip.convert("RGB")
