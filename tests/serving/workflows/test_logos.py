"""Logos of every kind: upright, in sRGB, with their transparency, or refused by name."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

from serving.errors import BadImage
from serving.image.profiles import DISPLAY_P3, make_profile
from serving.workflows.film_material import _open_logo

ORIENTATION = 0x0112


def logo() -> Pillow.Image:
    """40 x 20: red on the left, a half transparent green on the right."""
    pixels = np.zeros((20, 40, 4), np.uint8)
    pixels[:, :20] = (220, 30, 30, 255)
    pixels[:, 20:] = (30, 160, 60, 128)
    return Pillow.fromarray(pixels)


def saved(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_transparent_logo_keeps_its_colours_and_is_turned_upright(kind: str) -> None:
    exif = Pillow.Exif()
    exif[ORIENTATION] = 6
    options: dict[str, object] = {"lossless": True} if kind == "WEBP" else {}
    opened = _open_logo(saved(logo(), kind, exif=exif, **options))
    assert opened.shape == (40, 20, 4)
    assert np.abs(opened[5, 10].astype(int) - (220, 30, 30, 255)).max() <= 2
    assert np.abs(opened[35, 10].astype(int) - (30, 160, 60, 128)).max() <= 4


def test_a_logo_s_profile_is_applied() -> None:
    profile = make_profile(DISPLAY_P3)
    opened = _open_logo(saved(logo(), "PNG", icc_profile=profile))
    assert opened[5, 5, 0] > 228, "a red of P3 is stronger in sRGB"


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "TIFF"])
def test_an_opaque_logo_of_any_kind_is_read(kind: str) -> None:
    opened = _open_logo(saved(logo().convert("RGB"), kind))
    assert opened.shape == (20, 40, 4)
    assert (opened[..., 3] == 255).all()


@pytest.mark.parametrize(
    ("data", "named"),
    [(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG"), (b"%PDF", "a PDF")],
)
def test_what_no_logo_can_be_is_refused_by_name(data: bytes, named: str) -> None:
    with pytest.raises(BadImage, match=f"the logo cannot be read: {named}"):
        _open_logo(data)


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG; the checksum of a `tEXt` is wrong."""
    check = zlib.crc32(name + content) ^ (name == b"tEXt")
    return struct.pack(">I4s", len(content), name) + content + struct.pack(">I", check)


TURNED_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    b'syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    b'tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(8 << 20), 1)),
        chunk(b"tEXt", b"a\0b"),
        chunk(b"cHRM", b"\0\0\1"),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + TURNED_XMP),
    ],
    ids=["a large text", "a wrong checksum", "a cut cHRM", "an XMP that turns it"],
)
def test_metadata_that_photos_pass_over_neither_refuses_nor_turns_a_logo(extra: bytes) -> None:
    plain = saved(logo(), "PNG")
    opened = _open_logo(plain[:33] + extra + plain[33:])
    assert np.array_equal(opened, _open_logo(plain))
