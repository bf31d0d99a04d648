"""Bodies that a backend may send for a photo, good and bad."""

import io
import struct
import zlib

from PIL import Image as Pillow
from pillow_heif import register_heif_opener

from tests.fakes import RED, encode, jpeg, picture, png


def file(image: Pillow.Image, kind: str, **options: object) -> bytes:
    """Return a picture as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def huge_png(side: int) -> bytes:
    """Return a few bytes whose header claims side x side pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    length, check = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + length + chunk + check


def huge_jpeg() -> bytes:
    """Return a JPEG whose header claims 65500x65500 pixels."""
    data = bytearray(jpeg())
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">HH", 65_500, 65_500)
    return bytes(data)


def lossless_jpeg(height: int = 480, width: int = 640, components: int = 3) -> bytes:
    """Return a grey picture as a lossless JPEG (SOF3) that libjpeg decodes without a warning."""
    parts = b"".join(bytes([number, 0x11, 0]) for number in range(1, components + 1))
    frame = struct.pack(">BHHB", 8, height, width, components) + parts
    tables = bytes([0, 1, *[0] * 15, 0])  # one code, a single 0 bit: as its neighbour is
    selectors = b"".join(bytes([number, 0]) for number in range(1, components + 1))
    scan = bytes([components]) + selectors + bytes([1, 0, 0])
    segments = ((0xC3, frame), (0xC4, tables), (0xDA, scan))
    head = b"".join(
        bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments
    )
    pixels = bytes(-(-height * width * components // 8))
    return b"\xff\xd8" + head + pixels + b"\xff\xd9"


def relabel_frame(data: bytes, marker: int) -> bytes:
    """Return a baseline JPEG whose frame header claims to be of another kind."""
    return data.replace(b"\xff\xc0", bytes([0xFF, marker]), 1)


register_heif_opener()
_RED = Pillow.fromarray(picture(RED))
_TURNED = Pillow.Exif()
_TURNED[0x0112] = 6

GOOD = {
    "jpeg": jpeg(RED),
    "png": png(RED),
    "gif": encode(picture(RED), "GIF"),
    "webp": encode(picture(RED), "WEBP"),
    "tiff": encode(picture(RED), "TIFF"),
    "bmp": encode(picture(RED), "BMP"),
    "heic": encode(picture(RED), "HEIF"),
    "cmyk": file(_RED.convert("CMYK"), "JPEG"),
    "alpha": file(_RED.convert("RGBA"), "PNG"),
    "palette": file(_RED.quantize(16), "PNG"),
    "exif": file(_RED, "JPEG", exif=_TURNED),
    "progressive": file(_RED, "JPEG", progressive=True),
}
BAD = {
    "empty": b"",
    "text": b"not a photo at all",
    "lossless jpeg": lossless_jpeg(),
    "hierarchical jpeg": relabel_frame(jpeg(), 0xC5),
    "cut jpeg": jpeg()[: len(jpeg()) // 2],
    "cut png": png()[: len(png()) // 2],
    "1x1": jpeg(RED, 1, 1),
    "huge png": huge_png(65_500),
    "huge jpeg": huge_jpeg(),
    "cut heic": encode(picture(RED), "HEIF")[:-60],
    "float": file(Pillow.new("F", (60, 40)), "TIFF"),
    "html": b"<html><img src=x></html>",
    "video": b"\x00\x00\x00\x18ftypmp42" + bytes(100),
}
