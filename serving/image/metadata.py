"""What a file tells beside its pixels: kept for its owner, honest about what was done to it.

Read from JPEG, PNG and WebP; of other kinds nothing is kept. Sources: CIPA DC-008 (EXIF 3.0), XMP
part 1 and 3 (ISO 16684-1), IPTC Photo Metadata 2023.2 (DigitalSourceType).
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from PIL import Image as Pillow

from serving.image.chunked import PNG_RAW, PNG_TEXTS, PNG_XMP, read_text, walk_png, walk_webp
from serving.image.exif import BROKEN, load_exif
from serving.image.jpeg import walk
from serving.image.kinds import kind_of

Pillow.MAX_IMAGE_PIXELS = None  # the header is judged by us
ENHANCED = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
EXIF_HEAD, XMP_HEAD = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
MOST_SEGMENT = 65_000  # bytes that one segment of a JPEG holds
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_SOURCE_TYPE = f"{{{_IPTC}}}DigitalSourceType"
_NAMES = {
    "x": "adobe:ns:meta/",
    "rdf": _RDF,
    "Iptc4xmpExt": _IPTC,
    "tiff": _TIFF,
    "exif": "http://ns.adobe.com/exif/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
}
# What points to a second picture or a film in the same file, of which a new file has none; and a
# small picture within XMP itself, as Adobe's programs write it: of what the photo was before.
_ATTACHED = (
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.apple.com/HDRGainMap/1.0/",
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.adobe.com/xap/1.0/}Thumbnails",
)
_GAIN_MAP_XMP = (b"hdr-gain-map/1.0", b"HDRGainMap/1.0")
GAIN_MAP_ISO = b"urn:iso:std:iso:ts:21496:-1\0"
_MOTION_XMP = (b"MotionPhoto", b"MicroVideo")
_EMPTY = f'<x:xmpmeta xmlns:x="{_NAMES["x"]}"><rdf:RDF xmlns:rdf="{_RDF}"/></x:xmpmeta>'
# GPSLatitude, DJI's GpsLatitude and GpsLongtitude, decimalLatitude; `lat` and `long` of WGS 84
_PLACE = re.compile(r"^gps|latitude|longt?itude|^(lat|long|lat_long)$", re.IGNORECASE)
_ORIENTATION, _WIDTH, _HEIGHT, _EXIF_IFD, _GPS_IFD = 0x0112, 0x0100, 0x0101, 0x8769, 0x8825
_COLOUR_SPACE, _PIXELS_X, _PIXELS_Y, _INTEROP, _MAKER = 0xA001, 0xA002, 0xA003, 0xA005, 0x927C
_FOCAL_35 = 0xA405
_DIAGONAL_LONG = 36.0  # mm of the long side that focal lengths are told for


@dataclass(frozen=True)
class Metadata:
    """EXIF and XMP of a file.

    Attributes
    ----------
    exif : the TIFF structure, without the `Exif` before it in a JPEG; may be empty
    xmp : the packet; may be empty
    """

    exif: bytes = b""
    xmp: bytes = b""

    def beside(self, other: "Metadata") -> "Metadata":
        """Return this, and of another what this does not tell."""
        return Metadata(self.exif or other.exif, self.xmp or other.xmp)


def read_metadata(data: bytes) -> Metadata:
    """Return what a JPEG, PNG or WebP tells; nothing for other kinds."""
    readers = {"JPEG": _of_jpeg, "PNG": _of_png, "WEBP": _of_webp}
    kind = kind_of(data)
    return readers[kind](data) if kind in readers else Metadata()


def _of_jpeg(data: bytes) -> Metadata:
    found = Metadata()
    for marker, start, end in walk(data):
        if marker != 0xE1:
            continue
        body = data[start + 2 : end]
        if body.startswith(EXIF_HEAD):
            found = found.beside(Metadata(exif=body.removeprefix(EXIF_HEAD)))
        elif body.startswith(XMP_HEAD):
            found = found.beside(Metadata(xmp=body.removeprefix(XMP_HEAD)))
    return found


def _of_png(data: bytes) -> Metadata:
    """Return what is told before or behind the pixels, also as ImageMagick wrote it: in hex."""
    found = Metadata()
    for name, start, end in walk_png(data):
        if name == b"eXIf":
            found = found.beside(Metadata(exif=data[start:end].removeprefix(EXIF_HEAD)))
        elif name in PNG_TEXTS:
            found = found.beside(_of_text(name, data[start:end]))
    return found


def _of_text(name: bytes, chunk: bytes) -> Metadata:
    keyword, text = read_text(name, chunk)
    if keyword == PNG_XMP:
        return Metadata(xmp=text)
    if not keyword.startswith(PNG_RAW):
        return Metadata()
    try:  # a line with its kind, one with its length, the hexadecimal digits
        told = bytes.fromhex("".join(text.decode("ascii").split()[2:]))
    except ValueError:
        return Metadata()
    if told.startswith(EXIF_HEAD):
        return Metadata(exif=told.removeprefix(EXIF_HEAD))
    if told.startswith(XMP_HEAD) or keyword.endswith(b"xmp"):
        return Metadata(xmp=told.removeprefix(XMP_HEAD))
    return Metadata()


def _of_webp(data: bytes) -> Metadata:
    found = Metadata()
    for name, start, end in walk_webp(data):
        if name == b"EXIF":
            found = found.beside(Metadata(exif=data[start:end].removeprefix(EXIF_HEAD)))
        elif name == b"XMP ":
            found = found.beside(Metadata(xmp=data[start:end]))
    return found


def read_focal(exif: bytes) -> float | None:
    """Return the focal length in long sides of the photo; None where EXIF does not tell it."""
    try:
        told = load_exif(exif).get_ifd(_EXIF_IFD).get(_FOCAL_35)
        focal = float(told) / _DIAGONAL_LONG if told is not None else 0.0
    except BROKEN:
        return None
    return focal if 0.2 <= focal <= 5.0 else None  # 7 to 180 mm: what houses are taken with


def attached(data: bytes) -> tuple[str, ...]:
    """Name what a file holds beside its picture, which a newly written file has not.

    Sources: Google, "Ultra HDR image format v1.1"; ISO 21496-1; Android, "Motion photo format 1.0".
    """
    kind = kind_of(data)
    if kind != "JPEG":
        return ("animation",) * _is_animated(data, kind)
    segments = [
        data[start + 2 : end] for marker, start, end in walk(data) if marker in (0xE1, 0xE2)
    ]
    xmp = b"".join(body for body in segments if body.startswith(XMP_HEAD))
    mapped = any(word in xmp for word in _GAIN_MAP_XMP)
    mapped |= any(body.startswith(GAIN_MAP_ISO) for body in segments)
    moving = any(word in xmp for word in _MOTION_XMP)
    return ("gain map",) * mapped + ("film of a motion photo",) * moving


def _is_animated(data: bytes, kind: str) -> bool:
    """Say whether a picture has others after it that are shown in its place."""
    if kind == "GIF":
        try:
            with Pillow.open(io.BytesIO(data), formats=["GIF"]) as picture:
                return bool(getattr(picture, "is_animated", False))
        except (*BROKEN, Pillow.DecompressionBombError):
            return False
    walks = {"PNG": walk_png, "WEBP": walk_webp}
    return kind in walks and any(name in (b"acTL", b"ANIM") for name, _, _ in walks[kind](data))


def has_place(found: Metadata) -> bool:
    """Say whether a file that tells this tells where it was taken, or may."""
    if found.xmp.strip(b"\0 \n"):
        tree = _parse(found.xmp)
        if tree is None or any(map(_is_place, _names_in(tree))):
            return True
    try:
        return bool(found.exif) and _GPS_IFD in load_exif(found.exif)
    except BROKEN:
        return True


def after_work(
    found: Metadata, size: tuple[int, int], made_by: str | None, keep_place: bool
) -> Metadata:
    """Return what the new file is to tell.

    Its pixels are upright sRGB: orientation, colour space and size are told so, and the small
    picture of what it was before is left out, as is what points to something attached to the file.

    Parameters
    ----------
    size : width and height of the new picture
    made_by : what was done to it, as a digital source type: ENHANCED, COMPOSITE; None: nothing
    keep_place : whether it may still tell where it was taken
    """
    return Metadata(
        _new_exif(found.exif, size, keep_place),
        _new_xmp(found.xmp, made_by, keep_place, attached=False),
    )


def _new_exif(exif: bytes, size: tuple[int, int], keep_place: bool) -> bytes:
    if not exif:
        return b""
    try:
        loaded = load_exif(exif)
        for tag in (_ORIENTATION, _WIDTH, _HEIGHT, *(() if keep_place else (_GPS_IFD,))):
            loaded.pop(tag, None)
        inner = loaded.get_ifd(_EXIF_IFD)
        inner.pop(_INTEROP, None)
        inner.update({_COLOUR_SPACE: 1, _PIXELS_X: size[0], _PIXELS_Y: size[1]})
        if keep_place:
            loaded.get_ifd(_GPS_IFD)
        made = _pack(loaded)
        if len(made) > MOST_SEGMENT:
            inner.pop(_MAKER, None)
            made = _pack(loaded)
    except BROKEN:
        return b""
    return made if len(made) <= MOST_SEGMENT else b""


def without_place(found: Metadata, attached: bool) -> Metadata:
    """Return what a file may still tell whose place is not to be told, and its pixels stay.

    Parameters
    ----------
    attached : whether what was attached to the file still is
    """
    exif, xmp = b"", _new_xmp(found.xmp, None, False, attached) if found.xmp else b""
    if found.exif:
        try:
            loaded = load_exif(found.exif)
            loaded.get_ifd(_EXIF_IFD)
            loaded.pop(_GPS_IFD, None)
            exif = _pack(loaded)
        except BROKEN:
            exif = b""
    return Metadata(exif if len(exif) <= MOST_SEGMENT else b"", xmp)


def _pack(loaded: Pillow.Exif) -> bytes:
    return loaded.tobytes().removeprefix(EXIF_HEAD)


def _new_xmp(xmp: bytes, made_by: str | None, keep_place: bool, attached: bool = True) -> bytes:
    """Return the packet with what is known now; a new one where the old cannot be read."""
    tree, rdf = _open(xmp)
    if not attached:
        _detach(rdf)
    for element in list(rdf.iter()):
        _clean(element, made_by is not None, keep_place)
    if made_by is not None:
        about = {f"{{{_RDF}}}about": "", _SOURCE_TYPE: made_by}
        ElementTree.SubElement(rdf, f"{{{_RDF}}}Description", about)
    elif not xmp:
        return b""
    for prefix, name in _NAMES.items():
        ElementTree.register_namespace(prefix, name)
    packet = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    try:
        body: bytes = ElementTree.tostring(tree, "utf-8")
    except (RecursionError, ValueError):
        body = bytes(MOST_SEGMENT)
    if len(body) + len(packet) + 20 > MOST_SEGMENT:
        return _new_xmp(b"", made_by, keep_place, attached)
    return packet + body + b'<?xpacket end="w"?>'


def _clean(element: ElementTree.Element, remade: bool, keep_place: bool) -> None:
    """Take from an element what is no longer so, and what is not to be told."""
    old = {f"{{{_TIFF}}}Orientation"} | ({_SOURCE_TYPE} if remade else set())
    for name in list(element.attrib):
        if name in old or not (keep_place or not _is_place(name)):
            del element.attrib[name]
    for child in list(element):
        if child.tag in old or not (keep_place or not _is_place(child.tag)):
            element.remove(child)


def _detach(rdf: ElementTree.Element) -> None:
    """Take out what points to something attached to the old file."""
    for element in list(rdf.iter()):
        for name in [name for name in element.attrib if _is_of_attached(name)]:
            del element.attrib[name]
        for child in [child for child in element if _is_of_attached(child.tag)]:
            element.remove(child)


def _is_of_attached(name: str) -> bool:
    return name.removeprefix("{").startswith(_ATTACHED)


def _names_in(tree: ElementTree.Element) -> Iterator[str]:
    for element in tree.iter():
        yield element.tag
        yield from element.attrib


def _is_place(name: str) -> bool:
    """Say whether a property tells a place: EXIF's, those of drones, those of WGS 84."""
    return _PLACE.search(name.rpartition("}")[2]) is not None


def _open(xmp: bytes) -> tuple[ElementTree.Element, ElementTree.Element]:
    """Return the packet's tree and what it says; an empty one where the packet says nothing."""
    tree = _parse(xmp)
    rdf = None if tree is None else next(tree.iter(f"{{{_RDF}}}RDF"), None)
    if tree is None or rdf is None:
        tree = ElementTree.fromstring(_EMPTY)
        rdf = next(iter(tree))
    return tree, rdf


def _parse(xmp: bytes) -> ElementTree.Element | None:
    """Return the packet's tree; None where it is none, or declares what could unfold."""
    text = xmp.strip(b"\0 \n")
    if not text or b"<!" in text or b"\0" in text:  # a second byte: not UTF-8, as XMP asks for
        return None
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
