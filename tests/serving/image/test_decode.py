"""Whatever is uploaded becomes upright RGB pixels or a clear refusal, never anything else."""

import subprocess
import sys

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from pillow_heif import register_heif_opener

from serving.errors import BadImage, TooLarge
from serving.image import decode
from tests.bodies import file, huge_jpeg, huge_png
from tests.fakes import BLUE, GREEN, RED, encode, jpeg, picture, png

LIMIT = 1_000_000

register_heif_opener()  # to write some; for reading, `decode` does it


def near(image: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(image.reshape(-1, 3).mean(axis=0) - colour).max() < 12)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF"])
def test_every_documented_kind_is_read(kind: str) -> None:
    image = decode(encode(picture(GREEN), kind), LIMIT)
    assert image.shape == (40, 60, 3)
    assert image.dtype == np.uint8
    assert near(image, GREEN)


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("L", 200, (200, 200, 200)),
        ("1", 1, (255, 255, 255)),
        ("LA", (200, 255), (200, 200, 200)),
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("P", 0, (0, 0, 0)),
        ("I;16", 0x8000, (128, 128, 128)),
    ],
)
def test_other_modes_become_rgb_and_transparency_lies_on_white(
    mode: str, colour: float | tuple[int, ...], seen: tuple[int, int, int]
) -> None:
    image = decode(file(Pillow.new(mode, (60, 40), colour), "PNG"), LIMIT)
    assert image.shape == (40, 60, 3)
    assert near(image, seen)


def test_cmyk_jpegs_are_read() -> None:
    inks = Pillow.new("CMYK", (60, 40), (0, 255, 255, 0))
    assert near(decode(file(inks, "JPEG"), LIMIT), (255, 0, 0))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    upright = np.zeros((40, 60, 3), np.uint8)
    upright[:20, :30], upright[:20, 30:], upright[20:, :30] = RED, GREEN, BLUE
    stored = Pillow.fromarray(upright)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation → Pillow's transposition
    if orientation in undo:
        stored = stored.transpose(Pillow.Transpose(undo[orientation]))
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    data = file(stored, "JPEG", exif=exif, quality=95, subsampling=0)
    image = decode(data, LIMIT)
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).mean() < 4


def test_a_heic_of_a_telephone_held_upright_is_upright_and_judged_before_it_is_decoded() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    data = file(Pillow.fromarray(picture(GREEN, 40, 60)), "HEIF", exif=exif.tobytes())
    assert decode(data, LIMIT).shape == (60, 40, 3)
    with pytest.raises(TooLarge, match="40x60"):
        decode(data, 2399)


def test_an_orientation_that_does_not_exist_counts_as_upright() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 77
    assert decode(file(Pillow.new("RGB", (60, 40)), "JPEG", exif=exif), LIMIT).shape == (40, 60, 3)


def test_a_large_jpeg_is_decoded_no_larger_than_needed() -> None:
    data = jpeg(RED, 1200, 1600)
    image = decode(data, 10_000_000, min_side=200)
    assert 200 <= min(image.shape[:2]) < 400
    assert near(image, RED)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"this is not a picture",
        b"%PDF-1.7 neither is this",
        jpeg()[: len(jpeg()) // 2],
        png()[: len(png()) // 2],
        jpeg(RED, 1, 1),
        jpeg(RED, 15, 400),
        file(Pillow.new("F", (60, 40)), "TIFF"),
        b"\xff\xd8\xff\xe0",
    ],
    ids=["empty", "text", "pdf", "cut jpeg", "cut png", "1x1", "too thin", "float", "only a start"],
)
def test_what_is_no_photo_is_refused_with_a_reason(data: bytes) -> None:
    with pytest.raises(BadImage) as caught:
        decode(data, LIMIT)
    assert str(caught.value)


@pytest.mark.parametrize("data", [huge_png(65_500), huge_png(2**31 - 1), huge_jpeg()])
def test_a_header_that_claims_a_huge_picture_costs_nothing(data: bytes) -> None:
    with pytest.raises((TooLarge, BadImage)):
        decode(data, 80_000_000)


@pytest.mark.slow
def test_a_telephone_s_200_megapixels_are_read_small() -> None:
    flat = np.full((12_240, 16_320, 1), 90, np.uint8)
    data = simplejpeg.encode_jpeg(flat, colorspace="GRAY")
    small = decode(data, 200_000_000, min_side=64)
    assert small.shape == (1530, 2040, 3)


def test_one_pixel_too_many_is_too_large() -> None:
    data = png(RED, 40, 60)
    assert decode(data, 2400).shape == (40, 60, 3)
    with pytest.raises(TooLarge, match="60x40"):
        decode(data, 2399)


WHOLE = [
    jpeg(),
    png(),
    *(encode(picture(BLUE), kind) for kind in ("WEBP", "GIF", "TIFF", "BMP", "HEIF")),
]


@given(st.sampled_from(WHOLE), st.data())
def test_damaged_files_are_read_or_refused(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    for place in draw.draw(st.lists(st.integers(0, len(data) - 1), max_size=6)):
        damaged[place] = draw.draw(st.integers(0, 255))
    end = draw.draw(st.integers(0, len(damaged)))
    try:
        image = decode(bytes(damaged[:end]), LIMIT, min_side=draw.draw(st.integers(0, 64)))
    except (BadImage, TooLarge):
        return
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises((BadImage, TooLarge)):
        decode(data, LIMIT)


def test_what_is_no_picture_is_refused_before_any_heic_was_seen() -> None:
    """HEIF is known to Pillow only once its library is loaded, in a process of its own here."""
    script = (
        "from serving.errors import BadImage\n"
        "from serving.image import decode\n"
        "try:\n    decode(b'not a picture at all', 10**6)\n"
        "except BadImage:\n    print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "refused\n"
