"""Every photo but an ordinary JPEG: decoded where a crash of a decoder harms nobody.

Called by `serving.isolation` in a process of its own.
"""

import dataclasses
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from serving.errors import BadInput
from serving.image.array import Image, as_stored
from serving.image.header import Header
from serving.image.kinds import kind_of
from serving.image.rare.damage import DAMAGED
from serving.image.rare.tiff import is_lab, read_tags
from serving.isolation import Allocate, Reply

_START = 4096  # of a file tells its kind


class Source(Protocol):
    """A photo whose header was read."""

    @property
    def header(self) -> Header:
        """What is known of it."""
        ...

    def write(self, factor: int, allocate: "Canvas") -> None:
        """Decode it at 1/factor into the canvas, as it is stored."""
        ...


class Canvas:
    """Where the pixels go: made once their number is known.

    Parameters
    ----------
    orientation : EXIF's; rows are given as they are stored and land upright
    """

    def __init__(self, allocate: Allocate, orientation: int) -> None:
        self._allocate, self._orientation = allocate, orientation
        self.shape: tuple[int, int, int] = (0, 0, 3)

    def open(self, width: int, height: int) -> Image:
        """Return an array of `height` rows as they are stored, to be written."""
        turned = self._orientation >= 5
        self.shape = (width, height, 3) if turned else (height, width, 3)
        room = np.frombuffer(self._allocate(width * height * 3), np.uint8)
        return as_stored(room.reshape(self.shape), self._orientation)


def handle(request: Mapping[str, object], data: memoryview, allocate: Allocate) -> Reply:
    """Read the header of a photo, or decode it; what is wrong with it is the reply."""
    kind = "file"
    try:
        kind = kind_of(bytes(data[:_START]))
        source = open_source(bytes(data), kind)
        if request["do"] == "read":
            return {"header": dataclasses.asdict(source.header)}
        canvas = Canvas(allocate, source.header.orientation)
        source.write(source.header.shrink(int(str(request["min_side"]))), canvas)
    except BadInput as error:
        return {"bad": str(error)}
    except MemoryError:
        return {"bad": f"the {kind} takes more memory to decode than its header tells"}
    except DAMAGED as error:
        return {"bad": f"the {kind} is damaged or cut short: {str(error).strip()}"}
    return {"shape": canvas.shape}


def open_source(data: bytes, kind: str) -> Source:
    """Return the photo by whichever library reads it with the least memory."""
    if kind in ("PNG", "WEBP") or (kind == "TIFF" and not is_lab(read_tags(data))):
        from serving.image.rare.streamed import (
            open_streamed,
        )  # here: only who needs libvips loads it

        return open_streamed(data, kind)
    if kind == "HEIF":
        from serving.image.rare.heif import open_heif

        return open_heif(data)
    from serving.image.rare.pillow import open_pillow

    return open_pillow(data, kind)
