"""Writes pictures and ground truth to disk."""

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthetic.render import RenderedRoom
from synthetic.scene import CATEGORIES

MARK = "Synthetic sample, Virtual Listing Studio, CC0"
JPEG_QUALITY = 92
_IMAGE_DESCRIPTION, _SOFTWARE, _COPYRIGHT = 0x010E, 0x0131, 0x8298
# https://cv.iptc.org/newscodes/digitalsourcetype: drawn by a program, not trained on pictures.
_XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/"
 xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmpRights:WebStatement="https://creativecommons.org/publicdomain/zero/1.0/"
 ext:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{mark}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


def write_photo(path: Path, photo: NDArray[np.uint8], mark: str = MARK) -> None:
    """Write a JPEG that says in EXIF, XMP and its comment what it is.

    Parameters
    ----------
    path : ends in .jpg; overwritten
    photo : uint8, shape (height, width, 3), sRGB
    mark : the words
    """
    exif = Image.Exif()
    exif[_IMAGE_DESCRIPTION], exif[_SOFTWARE], exif[_COPYRIGHT] = (
        mark,
        "synthetic",
        "CC0-1.0",
    )
    Image.fromarray(photo).save(
        path,
        "JPEG",
        quality=JPEG_QUALITY,
        optimize=True,
        progressive=True,
        comment=mark,
        exif=exif,
        xmp=_XMP.format(mark=mark).encode(),
    )


def write_rendered(folder: Path, rendered: RenderedRoom) -> None:
    """Write photo, ground truth and pictures of it into a folder.

    `photo.png`; `truth.npz` with everything else at full precision; `scene.json` with the names of
    instances and classes; `depth_mm.png` (16 bit, 0 where nothing is hit), `instances.png` (16 bit)
    and `classes.png` for a quick look.
    """
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rendered.photo).save(folder / "photo.png")
    np.savez_compressed(
        folder / "truth.npz",
        depth_m=rendered.depth_m,
        normals=rendered.normals,
        instances=rendered.instances,
        classes=rendered.classes,
        intrinsics=rendered.intrinsics,
        world_to_camera=rendered.world_to_camera,
        corners_m=rendered.corners_m,
        corners_px=rendered.corners_px,
    )
    names = {"instances": ["", *rendered.names], "classes": list(CATEGORIES)}
    (folder / "scene.json").write_text(json.dumps(names, indent=1) + "\n")
    millimetres = np.nan_to_num(rendered.depth_m * 1000, posinf=0).clip(0, 65535)
    cv2.imwrite(str(folder / "depth_mm.png"), millimetres.astype(np.uint16))
    cv2.imwrite(str(folder / "instances.png"), rendered.instances)
    cv2.imwrite(str(folder / "classes.png"), rendered.classes)
