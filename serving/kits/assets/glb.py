"""Reads the triangles of a binary glTF 2.0 file: geometry alone, nothing outside of the file.

Source: Khronos Group, "glTF 2.0 Specification" (ISO/IEC 12113:2022).
"""

import json
import struct
from collections.abc import Iterator
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from serving.errors import BadAsset
from serving.kits.assets.soup import Corners, SoupPot

MAGIC = b"glTF"
_JSON, _BINARY = 0x4E4F534A, 0x004E4942
_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6
# what changes no corner, or is understood here; compressed meshes are not
_UNDERSTOOD = ("KHR_materials_", "KHR_texture_", "EXT_texture_", "KHR_mesh_quantization",
               "KHR_lights_")  # fmt: skip
_MOST_NODES = 5000

Index = Annotated[int, Field(ge=0, lt=2**31)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _View(BaseModel):
    buffer: Index
    byteOffset: Index = 0
    byteLength: Index
    byteStride: Annotated[int, Field(ge=4, le=252)] | None = None


class _Accessor(BaseModel):
    bufferView: Index | None = None
    byteOffset: Index = 0
    componentType: int
    normalized: bool = False
    count: Annotated[int, Field(ge=1, lt=2**31)]
    type: str
    sparse: object = None


class _Primitive(BaseModel):
    attributes: dict[str, Index]
    indices: Index | None = None
    material: Index | None = None
    mode: int = _TRIANGLES


class _Mesh(BaseModel):
    primitives: list[_Primitive]
    name: str = ""


class _Node(BaseModel):
    children: list[Index] = []
    mesh: Index | None = None
    matrix: Annotated[list[Number], Field(min_length=16, max_length=16)] | None = None
    translation: tuple[Number, Number, Number] = (0, 0, 0)
    rotation: tuple[Number, Number, Number, Number] = (0, 0, 0, 1)
    scale: tuple[Number, Number, Number] = (1, 1, 1)

    def transform(self) -> NDArray[np.float64]:
        """Return the node's own (4, 4)."""
        if self.matrix is not None:
            return np.array(self.matrix).reshape(4, 4).T
        x, y, z, w = np.array(self.rotation) / (np.linalg.norm(self.rotation) or 1)
        whole = np.eye(4)
        turn = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
        whole[:3, :3] = np.array(turn) * self.scale
        whole[:3, 3] = self.translation
        return whole


class _Named(BaseModel):
    name: str = ""


class _Linked(BaseModel):
    uri: str | None = None


class _Scene(BaseModel):
    nodes: list[Index] = []


class _Document(BaseModel):
    buffers: list[_Linked] = []
    images: list[_Linked] = []
    bufferViews: list[_View] = []
    accessors: list[_Accessor] = []
    meshes: list[_Mesh] = []
    nodes: list[_Node] = []
    scenes: list[_Scene] = []
    scene: Index = 0
    materials: list[_Named] = []
    extensionsRequired: list[str] = []


def read_glb(data: bytes) -> SoupPot:
    """Return the triangles of the file's scene, in its own units.

    Raises
    ------
    BadAsset
        It is damaged, compressed, or names other files.
    TooLarge
        It has more triangles or materials than a piece of furniture may have.
    """
    document, binary = _open(data)
    _check(document)
    pot = SoupPot()
    try:
        for mesh, transform in _placed(document):
            for primitive in mesh.primitives:
                _add(document, binary, mesh, primitive, transform, pot)
    except IndexError as error:
        raise BadAsset("the glTF file points at something that it does not have") from error
    return pot


def _open(data: bytes) -> tuple[_Document, bytes]:
    if len(data) < 20 or data[:4] != MAGIC:
        raise BadAsset("it is no binary glTF file")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2 or length > len(data):
        raise BadAsset("the glTF file is cut short, or not of version 2")
    chunks = dict(_chunks(data[:length]))
    try:
        return _Document.model_validate(json.loads(chunks[_JSON])), chunks.get(_BINARY, b"")
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise BadAsset(f"the glTF file's {place}: {first['msg']}") from error
    except (KeyError, ValueError, RecursionError) as error:
        raise BadAsset("the glTF file's description cannot be read") from error


def _chunks(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 12
    while at + 8 <= len(data):
        size, kind = struct.unpack_from("<II", data, at)
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size


def _check(document: _Document) -> None:
    images = [image for image in document.images if not (image.uri or "").startswith("data:")]
    for linked in (*document.buffers, *images):
        if linked.uri is not None:
            raise BadAsset("the glTF file names other files; export it with all in one .glb")
    for name in document.extensionsRequired:
        if not name.startswith(_UNDERSTOOD):
            raise BadAsset(f"the glTF file needs '{name[:60]}'; export it without")


def _placed(document: _Document) -> Iterator[tuple[_Mesh, NDArray[np.float64]]]:
    """Yield each mesh of the scene with its place; a node that comes twice is a circle."""
    if document.scenes:
        roots = document.scenes[document.scene].nodes
    else:
        below = {child for node in document.nodes for child in node.children}
        roots = [index for index in range(len(document.nodes)) if index not in below]
    waiting, seen = [(index, np.eye(4)) for index in roots], set[int]()
    while waiting:
        index, above = waiting.pop()
        if index in seen or len(seen) >= _MOST_NODES:
            raise BadAsset("the glTF file's nodes go in circles, or are too many")
        seen.add(index)
        node = document.nodes[index]
        transform = above @ node.transform()
        if node.mesh is not None:
            yield document.meshes[node.mesh], transform
        waiting += [(child, transform) for child in node.children]


def _add(
    document: _Document, binary: bytes, mesh: _Mesh, primitive: _Primitive,
    transform: NDArray[np.float64], pot: SoupPot,
) -> None:  # fmt: skip
    if primitive.mode not in (_TRIANGLES, _STRIP, _FAN) or "POSITION" not in primitive.attributes:
        return
    places = _read(document, binary, primitive.attributes["POSITION"], "VEC3")
    if primitive.indices is None:
        order = np.arange(len(places))
    else:
        order = _read(document, binary, primitive.indices, "SCALAR").astype(np.int64).ravel()
    faces = _faces(order, primitive.mode)
    if len(faces) and not 0 <= int(faces.min()) <= int(faces.max()) < len(places):
        raise BadAsset("a triangle of the glTF file names a corner that there is not")
    pot.check_room(len(faces))
    material = primitive.material
    name = _name_of(document, material) if material is not None else mesh.name
    linear = transform[:3, :3]
    turned = np.linalg.det(linear) < 0  # a mirror turns triangles inside out
    faces = faces[:, ::-1] if turned else faces
    corners: Corners = places[faces] @ linear.T + transform[:3, 3]
    normals: Corners | None = None
    if "NORMAL" in primitive.attributes:
        given = _read(document, binary, primitive.attributes["NORMAL"], "VEC3")
        if len(given) == len(places) and abs(np.linalg.det(linear)) > 1e-12:
            normals = given[faces] @ np.linalg.inv(linear)
    pot.add(name, corners, normals)


def _name_of(document: _Document, material: int) -> str:
    """Return the name of a material; of one among others that has none, its number."""
    name = document.materials[material].name
    return name or (f"part {material}" if len(document.materials) > 1 else "")


def _read(document: _Document, binary: bytes, index: int, kind: str) -> Corners:
    """Return the numbers of an accessor, (count, width); BadAsset where there are none."""
    accessor = document.accessors[index]
    if accessor.type != kind or accessor.componentType not in _TYPES:
        raise BadAsset(f"accessor {index} of the glTF file is not of the type that it is used as")
    if accessor.bufferView is None or accessor.sparse is not None:
        raise BadAsset("the glTF file has sparse accessors; export it without")
    view = document.bufferViews[accessor.bufferView]
    dtype, width = np.dtype(_TYPES[accessor.componentType]), _WIDTHS[kind]
    part = binary[view.byteOffset : view.byteOffset + view.byteLength]
    stride = view.byteStride or dtype.itemsize * width
    if view.buffer or len(part) < view.byteLength:
        raise BadAsset("the glTF file is cut short, or names another file")
    try:
        shape, steps = (accessor.count, width), (stride, dtype.itemsize)
        found = np.ndarray(shape, dtype, part, accessor.byteOffset, steps)
    except (ValueError, TypeError) as error:
        raise BadAsset(f"accessor {index} of the glTF file leads out of it") from error
    numbers = found.astype(np.float64)
    if accessor.normalized and dtype.kind != "f":
        numbers = np.maximum(numbers / np.iinfo(dtype).max, -1)
    return numbers


def _faces(order: NDArray[np.int64], mode: int) -> NDArray[np.int64]:
    """Return triangles, (n, 3), of a list, a strip or a fan of corners."""
    if mode == _TRIANGLES:
        return order[: len(order) // 3 * 3].reshape(-1, 3)
    if mode == _FAN:
        first = np.full(max(0, len(order) - 2), order[0])
        return np.stack([first, order[1:-1], order[2:]], axis=1)
    strip = np.stack([order[:-2], order[1:-1], order[2:]], axis=1)
    strip[1::2] = strip[1::2, ::-1]
    return strip
