import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from serving.errors import BadImage
from serving.image import PhotoFile, decode
from serving.image.metadata import ENHANCED, read_metadata
from serving.image.profiles import ADOBE_RGB, DISPLAY_P3, make_profile
from serving.photos.enhance.file import (
    EnhancedFile,
    Wanted,
    describe,
    enhance_file,
    enhance_small,
    merge_files,
)
from serving.photos.enhance.presets import Preset
from serving.photos.quality.parts import PARTS
from serving.photos.quality.task import QualityAnswer
from tests.serving.photos.enhance.pictures import Image, lean, relit, room

PIXELS = 10**8
FINE = QualityAnswer(90.0, dict.fromkeys(PARTS, 90.0), {}, None, "")
DARK = QualityAnswer(40.0, FINE.parts | {"exposure": 30.0}, {}, None, "")
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" '
    b'xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="47,3N" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:rights="Ann"/></rdf:RDF></x:xmpmeta>'
)


def exif(orientation: int = 1) -> bytes:
    told = Pillow.Exif()
    told[0x0112], told[0x010F] = orientation, "Canon"
    told.get_ifd(0x8825).update({1: "N", 2: (47.0, 3.0, 0.0)})
    told.get_ifd(0x8769)[0xA405] = 24
    return told.tobytes()


def saved(photo: Image, kind: str = "JPEG", **told: object) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(photo).save(file, kind, **({"quality": 95} | told))
    return file.getvalue()


def do(
    data: bytes, before: QualityAnswer | None = DARK, after: float = 95.0, **wanted: object
) -> EnhancedFile:
    judged = None if before is None else QualityAnswer(after, before.parts, {}, None, "")
    photo = PhotoFile(data, PIXELS)
    return enhance_file(photo, Wanted(**wanted), lambda _: judged, PIXELS, before)  # type: ignore[arg-type]


def test_a_good_photo_comes_back_as_the_same_bytes() -> None:
    data = saved(room(), exif=exif(), xmp=XMP)
    done = do(data, FINE)
    assert done.data == data
    assert (done.applied, done.before, done.after) == ({}, 90.0, 90.0)
    assert done.content_type == "image/jpeg"


def test_auto_returns_the_photo_as_it_was_where_the_judge_holds_the_new_one_for_worse() -> None:
    data = saved(relit(room(), 1.5))
    done = do(data, after=39.9)
    assert done.data == data
    assert (done.applied, done.after) == ({}, 40.0)
    assert done.left["exposure"] == "the photo would score 39.9 after 40.0: it stays as it was"


def test_what_is_asked_for_by_name_is_done_and_only_judged() -> None:
    done = do(saved(lean(room(), 1.5)), FINE, after=80.0, preset="straight")
    assert list(done.applied) == ["straighten"]
    assert (done.before, done.after) == (90.0, 80.0)


def test_what_is_told_is_kept_and_the_work_is_told() -> None:
    data = saved(relit(room(), 1.5), exif=exif(), xmp=XMP)
    opened = Pillow.open(io.BytesIO(do(data).data))
    told = opened.getexif()
    assert (told[0x010F], told.get(0x0112)) == ("Canon", None)
    assert told.get_ifd(0x8825)[1] == "N"
    assert told.get_ifd(0x8769)[0xA001] == 1
    xmp = opened.info["xmp"].decode()
    assert f'DigitalSourceType="{ENHANCED}"' in xmp
    assert 'dc:rights="Ann"' in xmp
    assert "GPSLatitude" in xmp
    assert opened.info["icc_profile"]


@pytest.mark.parametrize("before", [FINE, DARK])
def test_the_place_is_removed_whether_something_else_is_done_or_not(before: QualityAnswer) -> None:
    data = saved(room() if before is FINE else relit(room(), 1.5), exif=exif(6), xmp=XMP)
    done = do(data, before, remove_gps=True)
    told = Pillow.open(io.BytesIO(done.data))
    assert 0x8825 not in told.getexif()
    assert b"GPS" not in read_metadata(done.data).xmp
    assert told.getexif()[0x010F] == "Canon"
    if before is FINE:  # not a pixel changed, and what it says of its own work is nothing
        assert np.array_equal(decode(done.data, PIXELS), decode(data, PIXELS))
        assert done.data[-5000:] == data[-5000:]
        assert ENHANCED.encode() not in done.data


@pytest.mark.parametrize("kind", [5, 11], ids=["rational", "float"])
def test_a_text_of_exif_that_is_a_number_is_left_out_and_harms_nothing(kind: int) -> None:
    entry = struct.pack("<HHII", 0x013C, kind, 1, 26 if kind == 5 else 0x3F800000)
    odd = b"II*\0\x08\0\0\0\x01\0" + entry + bytes(4) + struct.pack("<II", 1, 2)
    data = saved(relit(room(), 1.5), exif=b"Exif\0\0" + odd)
    assert do(data).applied
    assert b"x:xmpmeta" in do(data, remove_gps=True).data


def test_the_small_picture_in_xmp_is_of_the_photo_before_and_goes() -> None:
    small = (
        b'<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        b'xmlns:g="http://ns.adobe.com/xap/1.0/g/img/" xmp:Rating="4"><xmp:Thumbnails><rdf:Alt>'
        b'<rdf:li rdf:parseType="Resource"><g:image>/9j/4AAQ</g:image></rdf:li>'
        b"</rdf:Alt></xmp:Thumbnails></rdf:Description></rdf:RDF>"
    )
    data = saved(relit(room(), 1.5), xmp=XMP.replace(b"</rdf:RDF>", small))
    told = read_metadata(do(data).data).xmp
    assert b"Rating" in told
    assert b"/9j/" not in told


def test_of_exposures_the_one_that_cannot_be_read_is_named() -> None:
    whole = saved(room())
    for broken in (b"\xff\xd8\xff nothing", whole[: len(whole) // 2]):
        photos = [PhotoFile(data, PIXELS) for data in (whole, broken)]
        with pytest.raises(BadImage, match="exposure 2: "):
            merge_files(photos, Wanted(), PIXELS)


def test_a_film_that_may_tell_the_place_goes_with_it_and_is_said_to_be_lost() -> None:
    moving = XMP.replace(
        b"dc:rights",
        b'xmlns:g="http://ns.google.com/photos/1.0/camera/" g:MotionPhoto="1" dc:rights',
    )
    data = saved(room(), xmp=moving)
    done = do(data + b"\0\0\0\x10ftypmp42+52.5/", FINE, remove_gps=True)
    assert (done.applied, done.lost) == ({}, ("film of a motion photo",))
    assert b"ftyp" not in done.data


@pytest.mark.parametrize("kind", ["jpeg", "webp", "avif", "png"])
def test_the_asked_format_is_written_with_what_was_told(kind: str) -> None:
    done = do(saved(relit(room(), 1.5), exif=exif(), xmp=XMP), format=kind)
    opened = Pillow.open(io.BytesIO(done.data))
    assert (opened.format, done.content_type) == (kind.upper(), f"image/{kind}")
    assert ENHANCED in str(opened.info.get("xmp"))
    assert opened.getexif()[0x010F] == "Canon"
    assert opened.size == done.size


def test_orientation_is_applied_once() -> None:
    turned = np.rot90(relit(room(), 1.5)).copy()  # as a camera on its side stores it
    done = do(saved(turned, exif=exif(6)))
    assert done.size == (960, 720)
    assert decode(done.data, PIXELS).shape == (720, 960, 3)


@pytest.mark.parametrize("space", [DISPLAY_P3, ADOBE_RGB])
def test_other_colour_spaces_become_srgb(space: object) -> None:
    dark = relit(room(), 1.5)
    done = do(saved(dark, icc_profile=make_profile(space)))  # type: ignore[arg-type]
    plain = do(saved(dark))
    assert Pillow.open(io.BytesIO(done.data)).info["icc_profile"] != make_profile(space)  # type: ignore[arg-type]
    assert not np.array_equal(decode(done.data, PIXELS), decode(plain.data, PIXELS))


@pytest.mark.parametrize("mode", ["CMYK", "L", "RGBA", "P", "1"])
@pytest.mark.parametrize("preset", ["auto", "bright"])
def test_other_kinds_of_pixels_are_worked_on(mode: str, preset: Preset) -> None:
    file = io.BytesIO()
    picture = Pillow.fromarray(relit(room(), 1.2)).convert(mode)
    picture.save(file, "TIFF" if mode == "CMYK" else "PNG")
    done = do(file.getvalue(), preset=preset)
    assert decode(done.data, PIXELS).shape == (720, 960, 3)


ULTRA_HDR = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" '
    b'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:rights="Ann" '
    b'xmlns:Container="http://ns.google.com/photos/1.0/container/">'
    b"<Container:Directory><rdf:Seq><rdf:li/></rdf:Seq></Container:Directory>"
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def test_a_gain_map_is_told_to_be_lost_and_nothing_points_to_it() -> None:
    tail = saved(room(64, 48))  # as Ultra HDR appends the picture that tells the gain
    done = do(saved(relit(room(), 1.5), xmp=ULTRA_HDR) + tail)
    assert describe(done)["lost"] == ["gain map", "film of a motion photo"]
    told = read_metadata(done.data).xmp
    assert b"hdr-gain-map" not in told
    assert b"MotionPhoto" not in told
    assert b"Directory" not in told
    assert b'rights="Ann"' in told


def test_a_good_photo_keeps_its_gain_map_with_its_bytes() -> None:
    data = saved(room(), xmp=ULTRA_HDR) + saved(room(64, 48))
    done = do(data, FINE)
    assert done.data == data
    assert done.lost == ()


def test_a_gain_map_of_the_iso_kind_is_seen() -> None:
    plain = saved(relit(room(), 1.5))
    body = b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4)
    data = plain[:2] + b"\xff\xe2" + struct.pack(">H", 2 + len(body)) + body + plain[2:]
    assert do(data).lost == ("gain map",)
    assert do(plain).lost == ()


def test_hostile_metadata_is_left_out_and_harms_nothing() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "GPS">]><a>&b;</a>'
    deep = b"<a>" * 9000 + b"</a>" * 9000
    for xmp in (bomb, deep, b"\xff\xfe<\0", b"<broken", bomb.decode().encode("utf-16")):
        data = saved(relit(room(), 1.5), xmp=xmp, exif=b"Exif\0\0MM\0*" + struct.pack(">I", 9**9))
        for gone in (True, False):
            assert ENHANCED.encode() in do(data, remove_gps=gone).data


def test_the_small_version_is_small_and_upright() -> None:
    large = np.asarray(cv2.resize(relit(room(), 1.5), (2400, 1800)), np.uint8)
    small = enhance_small(PhotoFile(saved(large, exif=exif(3)), PIXELS), Wanted(), PIXELS, DARK)
    shown = decode(small, PIXELS)
    assert shown.shape == (675, 900, 3)  # a scale that its decoder gives
    assert shown.mean() > 1.2 * large.mean()


def test_without_a_judge_the_photo_is_still_worked_on() -> None:
    done = do(saved(relit(room(), 1.6)), None)
    assert "exposure" in done.applied
    assert (done.before, done.after) == (None, None)
