"""How opaque the pixels of a picture are, for logos: photos lie on white."""

import io

import numpy as np
from PIL import Image as Pillow

from serving.image.array import Image, make_upright
from serving.image.exif import read_orientation
from serving.image.kinds import kind_of
from serving.image.rare.chunks import wash_png, wash_webp

_WASH = {"PNG": wash_png, "WEBP": wash_webp}


def read_opacity(data: bytes) -> Image | None:
    """Return the opacity of upright pixels; None of a kind that is read as opaque.

    Pixels lie as `serving.image.decode` gives them: Pillow alone would stumble over metadata that
    is passed over there, and turn a picture whose XMP says so.

    Returns
    -------
    uint8, shape (height, width)
        255 is opaque.

    Raises
    ------
    OSError, SyntaxError, ValueError
        The file is damaged.
    """
    kind = kind_of(data)
    if kind not in (*_WASH, "GIF"):
        return None
    exif = b""
    if kind in _WASH:
        washed = _WASH[kind](data)
        data, exif = washed.data, washed.exif
    with Pillow.open(io.BytesIO(data), formats=(kind,)) as file:
        alpha = np.asarray(file.convert("RGBA").getchannel("A"))
    return make_upright(alpha[..., None], read_orientation(exif))[..., 0]
