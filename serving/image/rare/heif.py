"""HEIC and HEIF of telephones, by libheif."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pillow_heif

from serving.errors import BadImage
from serving.image.header import Header
from serving.image.rare.colour import make_converter, profile_of_codes
from serving.image.rare.damage import DAMAGED
from serving.image.rare.pillow import rows_of_array, write_strips

if TYPE_CHECKING:
    from serving.image.rare import Canvas, Source

_HELD = 8.0  # bytes per pixel, measured at 80 megapixels
pillow_heif.options.DECODE_THREADS = 1
pillow_heif.options.THUMBNAILS = False


def open_heif(data: bytes) -> "Source":
    """Return the file's primary picture, its header read."""
    try:
        file = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
        return _Heif(file[file.primary_index], len(data))
    except DAMAGED as error:
        raise BadImage(f"the header of the HEIF is damaged: {error}") from error


@dataclass(frozen=True)
class _Heif:
    image: pillow_heif.HeifImage
    file_bytes: int

    @property
    def header(self) -> Header:
        width, height = self.image.size  # libheif turns it; EXIF has no say (ISO/IEC 23008-12)
        return Header("HEIF", self.image.mode, width, height, 1, _HELD, self.file_bytes)

    def write(self, factor: int, canvas: "Canvas") -> None:
        """Decode it at 1/factor into the canvas."""
        info = cast(dict[str, Any], self.image.info)
        profile, codes = info.get("icc_profile") or b"", info.get("nclx_profile")
        if not profile and codes:
            profile = profile_of_codes(codes["color_primaries"], codes["transfer_characteristics"])
        convert = make_converter(profile, "L" if self.image.mode == "L" else "RGB")
        rows = rows_of_array(np.asarray(self.image))
        write_strips(rows, self.image.size, convert, factor, canvas)
