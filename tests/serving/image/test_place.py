import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from serving.image import decode
from serving.image.jpeg import find_end
from serving.image.metadata import attached, has_place, read_metadata
from serving.image.place import file_without_place

NOISE = np.random.default_rng(3).integers(0, 255, (48, 64, 3), np.uint8)
DRONE = 'xmlns:d="http://www.dji.com/drone-dji/1.0/" d:GpsLatitude="+52.5" d:GpsLongtitude="+13.4"'
ADOBE = 'xmlns:e="http://ns.adobe.com/exif/1.0/" e:GPSLatitude="52,30.5N"'
FILM = (
    'xmlns:g="http://ns.google.com/photos/1.0/camera/" g:MicroVideo="1" g:MicroVideoOffset="54"',
    b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x1eudta\xa9xyz\0\x12+52.5000+013.4000/",
)


def packet(told: str) -> bytes:
    text = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'xmlns:r="http://purl.org/dc/elements/1.1/" r:rights="Ann" {told}/></rdf:RDF></x:xmpmeta>'
    )
    return text.encode()


def exif(place: bool = True) -> bytes:
    told = Pillow.Exif()
    told[0x010F] = "Canon"
    if place:
        told.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 0.0)})
    return told.tobytes()


def saved(kind: str, **told: object) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(NOISE).save(file, kind, **({"quality": 95} | told))
    return file.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def behind_pixels(*chunks: bytes) -> bytes:
    """Return a PNG that tells things behind its pixels, as ExifTool writes them."""
    plain = saved("PNG")
    return plain[:-12] + b"".join(chunks) + plain[-12:]


def with_text(key: str, text: str, packed: bool = False) -> bytes:
    texts = PngInfo()
    texts.add_text(key, text, zip=packed)
    return saved("PNG", pnginfo=texts)


def in_hex(told: bytes) -> str:
    return f"\nexif\n{len(told):8d}\n{told.hex()}\n"


TELLING = {
    "a drone's XMP": saved("JPEG", xmp=packet(DRONE)),
    "EXIF": saved("JPEG", exif=exif()),
    "a motion photo's film": saved("JPEG", xmp=packet(FILM[0])) + FILM[1],
    "an attached picture": saved("JPEG") + saved("JPEG", exif=exif()),
    "EXIF behind a PNG's pixels": behind_pixels(chunk(b"eXIf", exif()[6:])),
    "XMP behind a PNG's pixels": behind_pixels(
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet(ADOBE))
    ),
    "EXIF in hex, as ImageMagick writes it": with_text(
        "Raw profile type exif", in_hex(exif()), packed=True
    ),
    "a PNG's text": with_text("exif:GPSLatitude", "52/1, 30/1"),
    "a WebP's EXIF and XMP": saved("WEBP", exif=exif(), xmp=packet(DRONE), lossless=True),
}


@pytest.mark.parametrize("data", TELLING.values(), ids=TELLING.keys())
def test_a_place_goes_from_wherever_it_is_told_and_no_pixel_changes(data: bytes) -> None:
    bare = file_without_place(data)
    assert bare is not None
    assert bare != data
    assert not has_place(read_metadata(bare))
    for told in (b"52.5", b"52,30", b"GPSLatitude"):
        assert told not in bare
    assert file_without_place(bare) is bare
    assert (decode(bare, 10_000) == decode(data, 10_000)).all()


def test_what_tells_no_place_stays() -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        data = saved(kind, exif=exif(place=False))
        assert file_without_place(data) is data
    kept = file_without_place(TELLING["a drone's XMP"])
    assert kept is not None
    assert b"Ann" in read_metadata(kept).xmp
    gain_map = saved("JPEG", exif=exif()) + saved("JPEG")
    assert (file_without_place(gain_map) or b"").endswith(saved("JPEG"))


def test_a_film_that_goes_with_the_place_is_not_pointed_to() -> None:
    data = TELLING["a motion photo's film"]
    bare = file_without_place(data)
    assert attached(data) == ("film of a motion photo",)
    assert bare is not None
    assert attached(bare) == ()


def test_metadata_of_a_png_is_read_wherever_it_stands_and_however_large_other_texts_are() -> None:
    for name in ("EXIF behind a PNG's pixels", "EXIF in hex, as ImageMagick writes it"):
        assert read_metadata(TELLING[name]).exif == exif()[6:]
    large = with_text("Comment", "x" * 3_000_000, packed=True)
    told = large[:-12] + chunk(b"eXIf", exif()[6:]) + large[-12:]
    assert read_metadata(told).exif == exif()[6:]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_has_more_than_its_first_picture(kind: str) -> None:
    first, second = Pillow.fromarray(NOISE), Pillow.fromarray(255 - NOISE)
    file = io.BytesIO()
    first.save(file, kind, save_all=True, append_images=[second], duration=100)
    assert attached(file.getvalue()) == ("animation",)
    assert attached(saved(kind)) == ()


def test_bytes_that_look_like_another_picture_do_not_animate_a_gif() -> None:
    file = io.BytesIO()
    Pillow.fromarray(NOISE).save(file, "GIF", comment=b"\x21\xf9\x04" * 3, transparency=0)
    assert file.getvalue().count(b"\x21\xf9\x04") > 1
    assert attached(file.getvalue()) == ()


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpegs_picture_ends_where_its_last_scan_does(progressive: bool) -> None:
    data = saved("JPEG", progressive=progressive, optimize=True)
    assert find_end(data) == find_end(data + b"\xff\xd9more") == len(data)
    assert find_end(data[:-2]) == len(data) - 2
