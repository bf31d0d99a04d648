"""What a file tells beside its pixels: kept for its owner, honest about what was done to it.

Read from JPEG, PNG and WebP; of other kinds nothing is kept. Sources: CIPA DC-008 (EXIF 3.0), XMP
part 1 and 3 (ISO 16684-1), IPTC Photo Metadata 2023.2 (DigitalSourceType).
"""

import io
import struct
from dataclasses import dataclass, replace
from xml.etree import ElementTree

from PIL import Image as Pillow

from serving.image.exif import BROKEN, load_exif
from serving.image.jpeg import walk
from serving.image.kinds import kind_of

Pillow.MAX_IMAGE_PIXELS = None  # the header is judged by us
READ = ("JPEG", "PNG", "WEBP")  # kinds whose metadata is read
ENHANCED = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
_EXIF_HEAD, _XMP_HEAD = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_MOST_SEGMENT = 65_000  # bytes that one segment of a JPEG holds
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
# What points to a second picture or a film in the same file, of which a new file has none.
_ATTACHED = (
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.apple.com/HDRGainMap/1.0/",
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/container/",
)
_GAIN_MAP_XMP = (b"hdr-gain-map/1.0", b"HDRGainMap/1.0")
_GAIN_MAP_ISO = b"urn:iso:std:iso:ts:21496:-1\0"
_MOTION_XMP = (b"MotionPhoto", b"MicroVideo")
_EMPTY = f'<x:xmpmeta xmlns:x="{_NAMES["x"]}"><rdf:RDF xmlns:rdf="{_RDF}"/></x:xmpmeta>'
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


def read_metadata(data: bytes) -> Metadata:
    """Return what a JPEG, PNG or WebP tells; nothing for other kinds."""
    kind = kind_of(data)
    if kind == "JPEG":
        return _of_jpeg(data)
    return _of_pillow(data, kind) if kind in READ else Metadata()


def _of_jpeg(data: bytes) -> Metadata:
    found = Metadata()
    for marker, start, end in walk(data):
        if marker != 0xE1:
            continue
        body = data[start + 2 : end]
        if body.startswith(_EXIF_HEAD) and not found.exif:
            found = replace(found, exif=body[len(_EXIF_HEAD) :])
        elif body.startswith(_XMP_HEAD) and not found.xmp:
            found = replace(found, xmp=body[len(_XMP_HEAD) :])
    return found


def _of_pillow(data: bytes, kind: str) -> Metadata:
    try:
        with Pillow.open(io.BytesIO(data), formats=[kind]) as file:
            told = file.info
    except (*BROKEN, Pillow.DecompressionBombError):
        return Metadata()
    xmp = told.get("xmp", b"")
    return Metadata(told.get("exif", b"").removeprefix(_EXIF_HEAD), xmp)


def read_focal(exif: bytes) -> float | None:
    """Return the focal length in long sides of the photo; None where EXIF does not tell it."""
    try:
        told = load_exif(exif).get_ifd(_EXIF_IFD).get(_FOCAL_35)
        focal = float(told) / _DIAGONAL_LONG if told is not None else 0.0
    except BROKEN:
        return None
    return focal if 0.2 <= focal <= 5.0 else None  # 7 to 180 mm: what houses are taken with


def attached(data: bytes) -> tuple[str, ...]:
    """Name what a JPEG holds beside its picture, which a newly written file has not.

    Sources: Google, "Ultra HDR image format v1.1"; ISO 21496-1; Android, "Motion photo format 1.0".
    """
    if kind_of(data) != "JPEG":
        return ()
    segments = [
        data[start + 2 : end] for marker, start, end in walk(data) if marker in (0xE1, 0xE2)
    ]
    xmp = b"".join(body for body in segments if body.startswith(_XMP_HEAD))
    mapped = any(word in xmp for word in _GAIN_MAP_XMP)
    mapped |= any(body.startswith(_GAIN_MAP_ISO) for body in segments)
    moving = any(word in xmp for word in _MOTION_XMP)
    return ("gain map",) * mapped + ("film of a motion photo",) * moving


def has_place(found: Metadata) -> bool:
    """Say whether the file tells where it was taken, or may."""
    if b"GPS" in found.xmp:
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
        if len(made) > _MOST_SEGMENT:
            inner.pop(_MAKER, None)
            made = _pack(loaded)
    except BROKEN:
        return b""
    return made if len(made) <= _MOST_SEGMENT else b""


def without_place(data: bytes) -> bytes | None:
    """Return a JPEG's file without where it was taken, its pixels untouched; None: no JPEG."""
    if kind_of(data) != "JPEG":
        return None
    found = _of_jpeg(data)
    exif, xmp = b"", _new_xmp(found.xmp, None, False) if found.xmp else b""
    if found.exif:
        try:
            loaded = load_exif(found.exif)
            loaded.get_ifd(_EXIF_IFD)
            loaded.pop(_GPS_IFD, None)
            exif = _pack(loaded)
        except BROKEN:
            exif = b""
    return _with_segments(data, exif if len(exif) <= _MOST_SEGMENT else b"", xmp)


def _with_segments(data: bytes, exif: bytes, xmp: bytes) -> bytes:
    parts = [b"\xff\xd8"]
    for head, body in ((_EXIF_HEAD, exif), (_XMP_HEAD, xmp)):
        if body:
            size = struct.pack(">H", 2 + len(head) + len(body))
            parts.append(b"\xff\xe1" + size + head + body)
    at = 2
    for marker, start, end in walk(data):
        if marker != 0xE1:
            parts.append(b"\xff" + bytes([marker]) + data[start:end])
        at = end
    return b"".join(parts) + data[at:]


def _pack(loaded: Pillow.Exif) -> bytes:
    return loaded.tobytes().removeprefix(_EXIF_HEAD)


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
        body = bytes(_MOST_SEGMENT)
    if len(body) + len(packet) + 20 > _MOST_SEGMENT:
        return _new_xmp(b"", made_by, keep_place, attached)
    return packet + body + b'<?xpacket end="w"?>'


def _clean(element: ElementTree.Element, remade: bool, keep_place: bool) -> None:
    """Take from an element what is no longer so, and what is not to be told."""
    old = {f"{{{_TIFF}}}Orientation"} | ({_SOURCE_TYPE} if remade else set())
    for name in list(element.attrib):
        if name in old or not (keep_place or not _local(name).startswith("GPS")):
            del element.attrib[name]
    for child in list(element):
        if child.tag in old or not (keep_place or not _local(child.tag).startswith("GPS")):
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


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _open(xmp: bytes) -> tuple[ElementTree.Element, ElementTree.Element]:
    """Return the packet's tree and what it says; an empty one where the packet says nothing."""
    tree = _parse(xmp)
    rdf = tree if tree.tag == f"{{{_RDF}}}RDF" else tree.find(f".//{{{_RDF}}}RDF")
    if rdf is None:
        tree = _parse(b"")
        rdf = next(iter(tree))
    return tree, rdf


def _parse(xmp: bytes) -> ElementTree.Element:
    """Return the packet's tree; an empty one where it is none, or declares what could unfold."""
    text = xmp.strip(b"\0 \n")
    if text and b"<!" not in text and b"\0" not in text:  # no second byte: UTF-8, as XMP asks for
        try:
            return ElementTree.fromstring(text)
        except (ElementTree.ParseError, ValueError, LookupError):
            pass
    return ElementTree.fromstring(_EMPTY)
