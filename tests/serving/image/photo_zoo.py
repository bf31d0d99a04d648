"""Files of every kind, depth, profile, orientation and damage, with the truth beside each.

Each is made here, and shows the same picture: four quarters of known colours. The truth is either
those colours in sRGB, within a tolerance, or words of the refusal.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow
from PIL import ImageCms
from pillow_heif import register_heif_opener

from serving.image.profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    PROPHOTO,
    SRGB,
    Space,
    colorants,
    make_grey_profile,
    make_profile,
    srgb_curve,
)

register_heif_opener()

WIDTH, HEIGHT = 96, 64
COLOURS = ((200, 60, 50), (60, 170, 70), (60, 80, 190), (180, 170, 150))
GREYS = ((200,) * 3, (60,) * 3, (120,) * 3, (230,) * 3)
SPACES = {"srgb": SRGB, "p3": DISPLAY_P3, "adobe": ADOBE_RGB, "prophoto": PROPHOTO}
LOSSY, EXACT = 9.0, 2.0
_UNDO = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation → Pillow's transposition


@dataclass(frozen=True)
class Case:
    """A file and what is to come of it.

    Attributes
    ----------
    colours : of the quarters, from the top left by rows, in sRGB
    tolerance : greatest difference of a quarter's mean
    refusal : words of the error, if it is to be refused
    """

    name: str
    data: bytes
    colours: tuple[tuple[int, ...], ...] = COLOURS
    tolerance: float = EXACT
    refusal: str = ""


def paint(colours: tuple[tuple[int, ...], ...] = COLOURS) -> np.ndarray:
    """Return the picture, uint8 of shape (64, 96, 3)."""
    quarters = np.array(colours, np.uint8).reshape(2, 2, 3)
    return quarters.repeat(HEIGHT // 2, 0).repeat(WIDTH // 2, 1)


def save(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    """Return a picture as a file."""
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def encode_in(space: Space) -> np.ndarray:
    """Return the picture in another colour space, by the definitions of both."""
    light = srgb_curve(paint() / 255.0) @ colorants(SRGB) @ np.linalg.inv(colorants(space))
    light = light.clip(0, 1)
    if space.gamma:
        coded = light ** (1 / space.gamma)
    else:
        coded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(coded * 255).astype(np.uint8)


KINDS: dict[str, dict[str, object]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {"compression": "tiff_lzw"},
    "GIF": {},
    "BMP": {},
    "HEIF": {"quality": 95},
    "AVIF": {"quality": 95},
}


def make_zoo() -> Iterator[Case]:
    """Give every case."""
    yield from _plain()
    yield from _modes()
    yield from _profiles()
    yield from _orientations()
    yield from _pngs()
    yield from _tiffs()
    yield from _jpegs()
    yield from _webps()
    yield from _cut()
    yield from _strangers()


def _tolerance(kind: str) -> float:
    return LOSSY if kind in ("JPEG", "HEIF", "AVIF", "GIF") else EXACT


def _plain() -> Iterator[Case]:
    picture = Pillow.fromarray(paint())
    for kind, options in KINDS.items():
        yield Case(f"{kind} plain", save(picture, kind, **options), tolerance=_tolerance(kind))
    yield Case("JPEG progressive", save(picture, "JPEG", progressive=True), tolerance=LOSSY)
    yield Case("JPEG 4:2:0", save(picture, "JPEG", subsampling=2), tolerance=LOSSY)
    yield Case("WEBP lossy", save(picture, "WEBP", quality=90), tolerance=LOSSY)
    for compression in ("raw", "tiff_deflate", "packbits", "tiff_adobe_deflate", "jpeg"):
        data = save(picture, "TIFF", compression=compression)
        yield Case(f"TIFF {compression}", data, tolerance=LOSSY)


def _modes() -> Iterator[Case]:
    picture = Pillow.fromarray(paint())
    grey = Pillow.fromarray(paint(GREYS)[..., 0])
    for kind in ("JPEG", "PNG", "TIFF", "GIF", "BMP"):
        yield Case(f"{kind} grey", save(grey, kind), GREYS, _tolerance(kind))
    alpha = picture.convert("RGBA")
    alpha.putalpha(Pillow.new("L", alpha.size, 128))
    half = tuple(tuple(round((c * 128 + 255 * 127) / 255) for c in colour) for colour in COLOURS)
    for kind in ("PNG", "WEBP", "TIFF", "AVIF"):
        data = save(alpha, kind, **KINDS[kind])
        yield Case(f"{kind} half transparent", data, half, _tolerance(kind) + 1)
    for kind in ("PNG", "TIFF", "BMP", "GIF"):
        yield Case(f"{kind} palette", save(picture.quantize(16), kind), tolerance=EXACT)
    for bits in (1, 2, 4):
        black = Pillow.fromarray(paint(((255,) * 3, (0,) * 3, (0,) * 3, (255,) * 3)))
        data = save(black.quantize(2), "PNG", bits=bits)
        truth = ((255,) * 3, (0,) * 3, (0,) * 3, (255,) * 3)
        yield Case(f"PNG palette of {bits} bits", data, truth)
    clear = picture.quantize(16)
    yield Case("PNG palette, clear", save(clear, "PNG", transparency=bytes(16)), ((255,) * 3,) * 4)
    deep = Pillow.fromarray(paint(GREYS)[..., 0].astype(np.uint16) * 257)
    for kind in ("PNG", "TIFF"):
        yield Case(f"{kind} grey of 16 bits", save(deep, kind), GREYS)
    yield Case("TIFF CMYK", save(picture.convert("CMYK"), "TIFF"))
    yield Case("JPEG CMYK", save(picture.convert("CMYK"), "JPEG", quality=95), tolerance=LOSSY)
    lab = ImageCms.profileToProfile(
        picture, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    yield Case("TIFF Lab", save(lab, "TIFF"), tolerance=6.0)


def _profiles() -> Iterator[Case]:
    for name, space in SPACES.items():
        picture, profile = Pillow.fromarray(encode_in(space)), make_profile(space)
        for kind in ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"):
            data = save(picture, kind, icc_profile=profile, **KINDS[kind])
            yield Case(f"{kind} in {name}", data, tolerance=_tolerance(kind) + 3)
    plain = Pillow.fromarray(paint())
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        broken = make_profile(DISPLAY_P3)[:200] + bytes(50)
        data = save(plain, kind, icc_profile=broken, **KINDS[kind])
        yield Case(f"{kind} with a broken profile", data, tolerance=_tolerance(kind))
        data = save(plain, kind, icc_profile=make_grey_profile(1.8), **KINDS[kind])
        yield Case(f"{kind} with another's profile", data, tolerance=_tolerance(kind))
    light = srgb_curve(paint(GREYS)[..., 0] / 255.0)
    grey = Pillow.fromarray(np.rint(light ** (1 / 1.8) * 255).astype(np.uint8))
    for kind in ("JPEG", "PNG", "TIFF"):
        data = save(grey, kind, icc_profile=make_grey_profile(1.8))
        yield Case(f"{kind} grey with a profile", data, GREYS, _tolerance(kind) + 1)


def _orientations() -> Iterator[Case]:
    upright = Pillow.fromarray(paint())
    for orientation in range(1, 9):
        stored = upright
        if orientation in _UNDO:
            stored = upright.transpose(Pillow.Transpose(_UNDO[orientation]))
        exif = Pillow.Exif()
        exif[0x0112] = orientation
        for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
            data = save(stored, kind, exif=exif.tobytes(), **KINDS[kind])
            yield Case(f"{kind} turned {orientation}", data, tolerance=_tolerance(kind))


def chunk(name: bytes, content: bytes, check: int | None = None) -> bytes:
    """Return a chunk of a PNG, with a wrong checksum if one is given."""
    found = zlib.crc32(name + content) if check is None else check
    return struct.pack(">I4s", len(content), name) + content + struct.pack(">I", found)


def _pngs() -> Iterator[Case]:
    plain = save(Pillow.fromarray(paint()), "PNG")
    head, rest = plain[:33], plain[33:]
    text = b"Comment\0\0" + zlib.compress(bytes(80 << 20), 1)
    ordinary = {
        "a broken eXIf": chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"),
        "an eXIf of nothing": chunk(b"eXIf", b""),
        "a broken cHRM": chunk(b"cHRM", b"\0\0\1"),
        "a cHRM of zeros": chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"cHRM", bytes(32)),
        "a tEXt with a wrong checksum": chunk(b"tEXt", b"a\0b", check=7),
        "a large zTXt": chunk(b"zTXt", text),
        "a broken iCCP": chunk(b"iCCP", b"name\0\0rubbish"),
        "a gAMA of nothing": chunk(b"gAMA", bytes(4)),
        "an unknown chunk": chunk(b"abCd", b"what"),
        "cICP of sRGB": chunk(b"cICP", bytes([1, 13, 0, 1])),
    }
    for name, extra in ordinary.items():
        yield Case(f"PNG with {name}", head + extra + rest)
    yield Case("PNG with bytes after its end", plain + b"more")
    for name, space, codes in (("p3", DISPLAY_P3, bytes([12, 13, 0, 1])),):
        wide = save(Pillow.fromarray(encode_in(space)), "PNG")
        yield Case(
            f"PNG with cICP of {name}", wide[:33] + chunk(b"cICP", codes) + wide[33:], tolerance=4
        )
        places = (*space.white, *space.red, *space.green, *space.blue)
        primaries = struct.pack(">8I", *(round(place * 1e5) for place in places))
        tags = chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"cHRM", primaries)
        yield Case(f"PNG with cHRM of {name}", wide[:33] + tags + wide[33:], tolerance=4)


def _tiff(tags: dict[int, tuple[int, tuple[int, ...]]], pixels: bytes, order: str = "<") -> bytes:
    """Return a TIFF of one strip, its tags given as type (3 or 4) and values."""
    count = len(tags) + 2
    start = 8 + 2 + 12 * count + 4
    extra, entries = b"", []
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            where = struct.pack(order + "I", start + len(extra))
            extra += packed + bytes(len(packed) % 2)
            packed = where
        entries.append(
            (tag, struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0"))
        )
    place = start + len(extra)
    entries.append((273, struct.pack(order + "HHII", 273, 4, 1, place)))
    entries.append((279, struct.pack(order + "HHII", 279, 4, 1, len(pixels))))
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    table = b"".join(entry for _, entry in sorted(entries))
    return magic + struct.pack(order + "H", count) + table + bytes(4) + extra + pixels


def _tags(
    samples: int, bits: int, photometric: int, **more: tuple[int, tuple[int, ...]]
) -> dict[int, tuple[int, tuple[int, ...]]]:
    tags = {256: (3, (WIDTH,)), 257: (3, (HEIGHT,)), 258: (3, (bits,) * samples), 259: (3, (1,))}
    tags |= {262: (3, (photometric,)), 277: (3, (samples,)), 278: (3, (HEIGHT,))}
    return tags | {int(name[1:]): value for name, value in more.items()}


def _tiffs() -> Iterator[Case]:
    rgb, grey = paint(), paint(GREYS)[..., 0]
    for order in "<>":
        end = "little" if order == "<" else "big"
        deep = (rgb.astype(np.uint16) * 257).astype(f"{order}u2").tobytes()
        yield Case(f"TIFF 16 bits {end}", _tiff(_tags(3, 16, 2), deep, order))
        yield Case(f"TIFF 8 bits {end}", _tiff(_tags(3, 8, 2), rgb.tobytes(), order))
        tags = _tags(1, 8, 1)
        yield Case(f"TIFF grey {end}", _tiff(tags, grey.tobytes(), order), GREYS)
    yield Case("TIFF white is zero", _tiff(_tags(1, 8, 0), (255 - grey).tobytes()), GREYS)
    for bits, top in ((8, 255), (16, 65535)):
        indices = (
            np.arange(4, dtype=np.uint8).reshape(2, 2).repeat(HEIGHT // 2, 0).repeat(WIDTH // 2, 1)
        )
        map_ = np.zeros((3, 256), np.int64)
        map_[:, :4] = np.array(COLOURS).T * top // 255
        tags = _tags(1, 8, 3, t320=(3, tuple(map_.ravel().tolist())))
        yield Case(f"TIFF palette of {bits}-bit colours", _tiff(tags, indices.tobytes()))
    for bits in (10, 12, 14):
        packed = bytes(WIDTH * HEIGHT * 3 * bits // 8)
        yield Case(f"TIFF of {bits} bits", _tiff(_tags(3, bits, 2), packed), refusal=f"{bits} bits")
    whole = bytes(WIDTH * HEIGHT * 12)
    yield Case("TIFF of 32 bits", _tiff(_tags(3, 32, 2), whole), refusal="32 bits")
    tags = _tags(3, 32, 2, t339=(3, (3, 3, 3)))
    yield Case("TIFF of floats", _tiff(tags, whole), refusal="floating-point")
    tags = _tags(3, 8, 2, t50706=(4, (1,)))
    yield Case("DNG", _tiff(tags, rgb.tobytes()), refusal="DNG")
    tags = _tags(1, 8, 32803)
    yield Case("raw TIFF", _tiff(tags, grey.tobytes()), refusal="raw file")
    picture = Pillow.fromarray(rgb)
    yield Case("BigTIFF", save(picture, "TIFF", big_tiff=True))
    yield Case("TIFF of pages", save(picture, "TIFF", save_all=True, append_images=[picture]))


def _jpegs() -> Iterator[Case]:
    plain = save(Pillow.fromarray(paint()), "JPEG", quality=95, subsampling=0)
    head, rest = plain[:20], plain[20:]  # after JFIF's segment
    extras = {
        "a cut EXIF": b"\xff\xe1\x00\x0eExif\0\0MM\0*\0\0",
        "an EXIF of rubbish": b"\xff\xe1\x00\x20Exif\0\0" + bytes(24),
        "an empty application segment": b"\xff\xe5\x00\x02",
        "half a profile": b"\xff\xe2\x00\x14ICC_PROFILE\0\x01\x02abcd",
        "a broken MPF": b"\xff\xe2\x00\x0cMPF\0MM\0*\xff\xff",
        "bytes between segments": b"junk",
    }
    for name, extra in extras.items():
        yield Case(f"JPEG with {name}", head + extra + rest, tolerance=LOSSY)
    yield Case("JPEG without its end marker", plain[:-2], tolerance=LOSSY)
    progressive = save(Pillow.fromarray(paint()), "JPEG", quality=95, progressive=True)
    yield Case("JPEG progressive without its end marker", progressive[:-2], tolerance=LOSSY)
    exif = Pillow.Exif()
    exif[0x0112] = 1
    exif.get_ifd(0x8769)[0xA001] = 65535
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    wide = Pillow.fromarray(encode_in(ADOBE_RGB))
    data = save(wide, "JPEG", exif=exif, quality=95, subsampling=0)
    yield Case("JPEG in a camera's Adobe RGB", data, tolerance=LOSSY + 3)


def _webps() -> Iterator[Case]:
    picture = Pillow.fromarray(paint())
    frames = [Pillow.new("RGB", picture.size)]
    data = save(picture, "WEBP", save_all=True, append_images=frames, lossless=True)
    yield Case("WEBP animated", data)
    broken = save(picture, "WEBP", lossless=True, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    yield Case("WEBP with a broken EXIF", broken)
    yield Case("WEBP with a broken XMP", save(picture, "WEBP", lossless=True, xmp=b"<x"))
    yield Case(
        "GIF animated", save(picture, "GIF", save_all=True, append_images=frames), tolerance=LOSSY
    )


def _cut() -> Iterator[Case]:
    noise = np.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    for kind, options in KINDS.items():
        data = save(Pillow.fromarray(noise), kind, **options)
        for share in (0.2, 0.5, 0.8):
            cut = data[: int(len(data) * share)]
            yield Case(f"{kind} cut at {share}", cut, refusal=" ")


def _strangers() -> Iterator[Case]:
    strangers = {
        "JPEG XL": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(20),
        "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20),
        "SVG": b'<?xml version="1.0"?>\n<!-- made -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
        "HTML": b"\n<!DOCTYPE html><html></html>",
        "PDF": b"%PDF-1.7\n",
        "Photoshop": b"8BPS\0\1" + bytes(30),
        "video": b"\0\0\0\x18ftypisom" + bytes(30),
        "raw file": b"II*\0\x10\0\0\0CR\2\0" + bytes(30),
        "icon": b"\0\0\1\0" + bytes(30),
        "ZIP": b"PK\3\4" + bytes(30),
        "gzip": b"\x1f\x8b" + bytes(30),
        "PostScript": b"%!PS-Adobe-3.0",
        "AppleDouble": b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(30),
        "Windows metafile": b"\1\0\0\0" + bytes(36) + b" EMF",
        "Netpbm": b"P6\n96 64\n255\n",
        "Office": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "Git LFS": b"version https://git-lfs.github.com/spec/v1\n",
        "XML": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        "JSON": b'{"error": "not found"}',
        "zeros": bytes(5000),
    }
    for name, data in strangers.items():
        yield Case(f"a stranger: {name}", data, refusal=name)
    for kind in ("crx ", "qt  "):
        name = "raw file" if kind == "crx " else "video"
        yield Case(f"boxes of {kind}", b"\0\0\0\x18ftyp" + kind.encode() + bytes(30), refusal=name)
