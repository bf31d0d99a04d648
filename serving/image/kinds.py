"""Which kind of file it is, by its first bytes; what is not read is refused by its name."""

from serving.errors import BadImage

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF")
_NO_PICTURE = f"not a readable {', '.join(FORMATS)} picture"

_READ = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
}
_RAW_TIFFS = ((8, b"CR"), (0, b"IIRO"), (0, b"IIRS"), (0, b"MMOR"), (0, b"IIU\0"))
_TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_REFUSED = (
    (0, b"\xff\x0a", "a JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (0, b"II\xbc", "a JPEG XR"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%PDF", "a PDF"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript file"),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (0, b"FOVb", "a camera's raw file"),
    (0, b"\0MRM", "a camera's raw file"),
    (6, b"HEAPCCDR", "a camera's raw file"),
    (8, b"AVI ", "a video"),
    (8, b"WAVE", "a sound file"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (0, b"OggS", "a sound or video file"),
    (0, b"ID3", "a sound file"),
    (0, b"FLV", "a video"),
    (4, b"moov", "a video"),
    (4, b"mdat", "a video"),
    (4, b"wide", "a video"),
    (0, b"\0\0\1\0", "an icon (ICO)"),
    (0, b"\0\0\2\0", "a cursor (CUR)"),
    (0, b"icns", "an icon (ICNS)"),
    (0, b"qoif", "a QOI"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR"),
    (0, b"#?RADIANCE", "a Radiance HDR"),
    (0, b"gimp xcf", "a GIMP file"),
    (0, b"DDS ", "a DirectDraw surface"),
    (0, b"FLIF", "a FLIF"),
    (0, b"\x8aMNG", "an MNG"),
    (128, b"DICM", "a DICOM file"),
    (0, b"\0\5\x16\7", "an AppleDouble (what macOS keeps beside a file, as ._name)"),
    (0, b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
    (40, b" EMF", "a Windows metafile"),
    *((0, b"P%d\n" % number, "a Netpbm picture") for number in range(1, 8)),
    (0, b"AT&TFORM", "a DjVu"),
    (0, b"BPG\xfb", "a BPG"),
    (0, b"\xd0\xcf\x11\xe0", "an Office document"),
    (0, b"version https://git-lfs", "a pointer of Git LFS"),
    (0, b"PK\3\4", "a ZIP archive"),
    (0, b"\x1f\x8b", "compressed by gzip"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
)
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2")
_AVIF_BRANDS = (b"avif", b"avis", b"avio")
_TEXTS = (
    (b"<svg", "an SVG"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML text"),
)
_SEARCHED = 4096


def kind_of(data: bytes) -> str:
    """Return one of `FORMATS`.

    Raises
    ------
    BadImage
        The file is empty, of a kind that is not read, or none that is known.

    Examples
    --------
    >>> kind_of(b"GIF89a")
    'GIF'
    >>> kind_of(b"%PDF-1.7")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    serving.errors.BadImage: a PDF is not a readable JPEG, PNG, ...
    """
    if not data:
        raise BadImage("the file is empty")
    for start, kind in _READ.items():
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if any(data.startswith(mark, at) for at, mark in _RAW_TIFFS):
        raise refusal("a camera's raw file")
    if data.startswith(_TIFFS):
        return "TIFF"
    if data[4:8] == b"ftyp":
        return _kind_of_boxes(data)
    raise _name(data)


def refusal(what: str) -> BadImage:
    """Return the error for a kind that is not read."""
    return BadImage(f"{what} is {_NO_PICTURE}")


def _kind_of_boxes(data: bytes) -> str:
    """Tell HEIF, AVIF and films apart by the brands of their first box (ISO/IEC 14496-12)."""
    end = min(int.from_bytes(data[:4], "big"), 256, len(data))
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))]
    if brands[0] in _AVIF_BRANDS or (brands[0] in _HEIF_BRANDS and _AVIF_BRANDS[0] in brands):
        return "AVIF"
    if brands[0] in _HEIF_BRANDS or any(brand in _HEIF_BRANDS[:6] for brand in brands):
        return "HEIF"
    raise refusal("a camera's raw file" if brands[0] == b"crx " else "a video")


def _name(data: bytes) -> BadImage:
    for at, mark, name in _REFUSED:
        if data.startswith(mark, at):
            return refusal(name if name.startswith("a") else f"a file {name}")
    text = data[:_SEARCHED].lower().lstrip(b"\xef\xbb\xbf \t\r\n")
    for mark, name in _TEXTS:
        if mark in text and text.startswith(b"<"):
            return refusal(name)
    if text.startswith(b"{"):
        return refusal("a JSON text")
    return BadImage(_NO_PICTURE) if text.strip(b"\0") else refusal("a file of zeros")
