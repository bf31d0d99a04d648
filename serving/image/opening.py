"""From a file's bytes to upright sRGB pixels: the one way in for every photo."""

import contextlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from mmap import mmap
from typing import cast

import numpy as np

from serving.budget import DECODING
from serving.errors import BadImage, Busy, TooLarge
from serving.image.array import Image, make_upright
from serving.image.exif import is_adobe_rgb
from serving.image.header import SMALLEST_SIDE, Header
from serving.image.jpeg import SCALED, Markers, check_frame, decode_turbo, jpeg_header, read_markers
from serving.image.kinds import kind_of
from serving.image.profiles import is_srgb
from serving.isolation import Died, Ended, IsolatedCalls, Reply

_RARE = IsolatedCalls("serving.image.rare", processes=2)
_is_srgb = lru_cache(64)(is_srgb)  # one telephone writes the same profile into all its photos


def decode(data: bytes, max_pixels: int, min_side: int = 0) -> Image:
    """Turn a file's bytes into upright sRGB pixels.

    JPEG, PNG, WebP, GIF (first frame), TIFF (first page), BMP, HEIC and AVIF; grey, palette, CMYK
    and 16-bit become 8-bit RGB, transparency lies on white, EXIF orientation and colour profiles
    are applied. The header is judged before any pixel is decoded, so a small file that claims a
    huge picture costs nothing. Metadata that cannot be read is left out.

    An ordinary JPEG is decoded here; anything else in a process of its own, which may die of it.
    While it is decoded, its memory is held from the process's budget.

    Parameters
    ----------
    data : the file
    max_pixels : width x height that is accepted
    min_side : if > 0, the picture may come back smaller, at 1/8..8/8 (JPEG) or 1/n of its size, as
        long as both sides keep at least this many pixels; most kinds then take a fraction of the
        memory and time

    Returns
    -------
    uint8, shape (height, width, 3)
        sRGB-encoded, 0..255.

    Raises
    ------
    BadImage
        Not an image, damaged or cut short, a kind that is not read, or under 16 px a side.
    TooLarge
        More than `max_pixels`, or than the memory that the process has for photos.
    Busy
        Others held that memory for too long.

    Examples
    --------
    >>> import simplejpeg
    >>> file = simplejpeg.encode_jpeg(np.zeros((30, 40, 1), np.uint8), colorspace="GRAY")
    >>> decode(file, max_pixels=10_000).shape
    (30, 40, 3)
    """
    with opened(data, max_pixels, min_side) as image:
        return image


@contextlib.contextmanager
def opened(data: bytes, max_pixels: int, min_side: int = 0, beside: float = 0) -> Iterator[Image]:
    """Decode as `decode` does, and hold the memory for as long as the pixels are worked on.

    Not to be nested: who holds memory and waits for more may wait for himself.

    Parameters
    ----------
    beside : bytes that the work takes beside the picture, for each of its pixels
    """
    header, markers = inspect(data, max_pixels)
    width, height = header.size_at(min_side)
    with DECODING.hold(header.cost(min_side) + int(beside * width * height)):
        yield decode_pixels(data, header, markers, min_side)


def inspect(data: bytes, max_pixels: int) -> tuple[Header, Markers | None]:
    """Return what a photo's header says, and a JPEG's markers.

    Raises
    ------
    BadImage, TooLarge, Busy
        As `decode` does.
    """
    kind = kind_of(data)
    markers = read_markers(data) if kind == "JPEG" else None
    header = _header(data, kind, markers)
    _check_size(header, max_pixels)
    return header, markers


def read_header(data: bytes) -> Header:
    """Return what a photo's header says; BadImage if it is none."""
    kind = kind_of(data)
    return _header(data, kind, read_markers(data) if kind == "JPEG" else None)


def _header(data: bytes, kind: str, markers: Markers | None) -> Header:
    if markers is not None:
        check_frame(markers.frame)
        return jpeg_header(markers, len(data))
    reply, _ = _ask({"do": "read"}, data, kind, 3 * len(data))
    return Header(**cast(Mapping[str, object], reply["header"]))  # type: ignore[arg-type]


def _check_size(header: Header, max_pixels: int) -> None:
    size = f"{header.width}x{header.height}"
    if header.pixels > max_pixels:
        raise TooLarge(f"pixels ({size})", header.pixels, max_pixels)
    if min(header.width, header.height) < SMALLEST_SIDE:
        raise BadImage(f"{size} is under {SMALLEST_SIDE} px a side")


def decode_pixels(data: bytes, header: Header, markers: Markers | None, min_side: int) -> Image:
    """Return the pixels of a photo that `inspect` accepted; the caller holds their memory."""
    if markers is not None and _is_ordinary(markers):
        with contextlib.suppress(ValueError):  # libjpeg's warnings; others may forgive
            return make_upright(decode_turbo(data, header, min_side), header.orientation)
    request = {"do": "decode", "min_side": min_side}
    reply, room = _ask(request, data, header.format, header.cost(min_side))
    if room is None:
        raise BadImage(f"the {header.format} has no pixels")
    pixels: Image = np.frombuffer(room, np.uint8).reshape(cast(list[int], reply["shape"]))
    return pixels


def _is_ordinary(markers: Markers) -> bool:
    """Say whether a JPEG is one of libjpeg's oldest kinds, and its colours are sRGB."""
    frame, profile = markers.frame, markers.profile
    if frame.marker not in SCALED or frame.components == 4:
        return False
    return _is_srgb(profile) if profile else not is_adobe_rgb(markers.exif)


def _ask(
    request: Mapping[str, object], data: bytes, kind: str, memory: int
) -> tuple[Reply, mmap | None]:
    try:
        reply, room = _RARE.call(request, data, memory)
    except Died as error:
        raise BadImage(f"the {kind} cannot be decoded: {error}") from error
    except Ended as error:
        raise Busy(str(error), 1.0) from error
    if "bad" in reply:
        raise BadImage(str(reply["bad"]))
    return reply, room
