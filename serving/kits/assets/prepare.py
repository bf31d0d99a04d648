"""What a design kit is made of, as clients send it: checked, and brought into the house's forms."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, cast

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from serving.errors import BadAsset, BadImage, Busy, TooLarge
from serving.image import Image, decode
from serving.image.kinds import kind_of
from serving.image.writing import encode_photo
from serving.isolation import Died, Ended, IsolatedCalls
from serving.kits.assets.glb import MAGIC
from serving.staging.kit import Licence

MOST_BYTES = 20 * 2**20
SHORTEST, LONGEST = 64, 2048  # px: a blur on a sofa, and more than a room's photo shows of a rug
_MOST_PIXELS = 8192 * 8192
_PICTURES = ("JPEG", "PNG", "WEBP")
_QUALITY = 95
_MEMORY = 256 << 20
_READER = IsolatedCalls("serving.kits.assets.isolated", processes=1)

Unit = Literal["m", "cm", "mm", "in"]
UNITS_M: Mapping[Unit, float] = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254}
Kind = Literal["mesh", "picture"]
AssetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Source = Annotated[str, Field(min_length=2, max_length=200, pattern=r"^[^\x00]*$")]


class Asset(BaseModel):
    """A mesh or a picture of a kit: where its bytes are, whose it is, what was measured of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    sha256: str
    bytes: int
    licence: Licence
    source: str
    facts: Mapping[str, object] = Field(
        description="of a mesh `size_cm`, `triangles`, `parts`; of a picture `size_px`, `colour`"
    )


@dataclass(frozen=True)
class Prepared:
    """A file in the form in which it is kept.

    Attributes
    ----------
    content_type : of `data`
    """

    kind: Kind
    data: bytes
    facts: Mapping[str, object]
    content_type: str

    def asset(self, licence: Licence, source: str) -> Asset:
        """Return what a kit says of it."""
        sha256 = hashlib.sha256(self.data).hexdigest()
        return Asset(
            kind=self.kind, sha256=sha256, bytes=len(self.data), licence=licence, source=source,
            facts=self.facts,
        )  # fmt: skip


def prepare_asset(data: bytes, unit: Unit = "m") -> Prepared:
    """Return a file that a client sent in the form in which it is kept.

    A mesh (binary glTF, OBJ) is read in a process of its own; of a picture (JPEG, PNG, WebP) only
    the pixels are kept, at most 2048 a side.

    Parameters
    ----------
    unit : of a mesh's numbers

    Raises
    ------
    BadAsset, BadImage
        It is neither, or is damaged, or no room could be given it.
    TooLarge
        It has more bytes, triangles or pixels than are taken.
    Busy
        What reads it was ended from outside; trying again helps.
    """
    if len(data) > MOST_BYTES:
        raise TooLarge("bytes of the asset", len(data), MOST_BYTES)
    start = data[:4096]
    if start.startswith(MAGIC) or _is_obj(start):
        return _prepare_mesh(data, unit)
    if start.lstrip()[:1] == b"{":
        raise BadAsset("a .gltf names other files; export it with all in one .glb")
    return _prepare_picture(data)


def _is_obj(start: bytes) -> bool:
    """Say whether a file begins as an OBJ does: with a comment, be it long, or one of its words."""
    lines = start.removeprefix(b"\xef\xbb\xbf").replace(b"\t", b" ").splitlines()
    words = {line.split(b" ", 1)[0].strip() for line in lines}
    said = bool(words & {b"v", b"mtllib", b"usemtl", b"o", b"g"}) or start.startswith(b"# ")
    return b"\0" not in start and said


def _prepare_mesh(data: bytes, unit: Unit) -> Prepared:
    try:
        reply, room = _READER.call({"unit_m": UNITS_M[unit]}, data, _MEMORY + 12 * len(data))
    except Died as error:
        raise BadAsset(f"the mesh cannot be read: {error}") from error
    except Ended as error:
        raise Busy(str(error), 1.0) from error
    if "bad" in reply or room is None:
        raise BadAsset(str(reply.get("bad", "the mesh is empty")))
    facts = cast(Mapping[str, object], reply["facts"])
    return Prepared("mesh", bytes(room), facts, "application/octet-stream")


def _prepare_picture(data: bytes) -> Prepared:
    try:
        kind = kind_of(data)
    except BadImage as error:
        raise BadAsset(f"{error}; a mesh is binary glTF (.glb) or OBJ") from error
    if kind not in _PICTURES:
        raise BadAsset(f"a kit's pictures are {', '.join(_PICTURES)}, not {kind}")
    image = decode(data, _MOST_PIXELS, min_side=LONGEST)
    height, width = image.shape[:2]
    if min(height, width) < SHORTEST:
        raise BadAsset(f"{width}x{height} px is under {SHORTEST} px a side")
    small = _shrink(image)
    return Prepared("picture", encode_photo(small, "jpeg", _QUALITY), _facts(small), "image/jpeg")


def picture_facts(data: bytes) -> Mapping[str, object]:
    """Return what is known of a picture in the form in which it is kept."""
    return _facts(decode(data, _MOST_PIXELS))


def _facts(image: Image) -> Mapping[str, object]:
    red, green, blue = (round(float(mean)) for mean in image.mean(axis=(0, 1)))
    colour = f"#{red:02x}{green:02x}{blue:02x}"
    return {"size_px": [image.shape[1], image.shape[0]], "colour": colour}


def _shrink(image: Image) -> Image:
    height, width = image.shape[:2]
    scale = LONGEST / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
