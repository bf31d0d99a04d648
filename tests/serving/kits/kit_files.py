"""Files of design kits, made here: boxes as glTF and OBJ, and a kit made of them."""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.kits.assets.packing import read_mesh_facts
from serving.kits.assets.prepare import Prepared, prepare_asset
from serving.kits.store import KitStore
from serving.staging.kit import Kit
from tests.serving.staging.sample_kit import sample_kit

Json = dict[str, Any]
FACES = np.array(
    [[0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7], [0, 1, 5], [0, 5, 4],
     [2, 3, 7], [2, 7, 6], [1, 2, 6], [1, 6, 5], [0, 4, 7], [0, 7, 3]], np.uint16
)  # fmt: skip


def box_corners(width: float, height: float, depth: float) -> np.ndarray:
    x, z = width / 2, depth / 2
    ring = [(-x, z), (x, z), (x, -z), (-x, -z)]
    return np.array([(a, y, b) for y in (0, height) for a, b in ring], np.float32)


def box_document(corners: np.ndarray, faces: np.ndarray = FACES) -> tuple[Json, bytes]:
    """A glTF file of one mesh, its description and its numbers."""
    binary = corners.tobytes() + faces.tobytes()
    views = [
        {"buffer": 0, "byteLength": corners.nbytes},
        {"buffer": 0, "byteOffset": corners.nbytes, "byteLength": faces.nbytes},
    ]
    kind = {2: 5123, 4: 5125}[faces.itemsize]
    accessors = [
        {"bufferView": 0, "componentType": 5126, "count": len(corners), "type": "VEC3"},
        {"bufferView": 1, "componentType": kind, "count": faces.size, "type": "SCALAR"},
    ]
    primitive = {"attributes": {"POSITION": 0}, "indices": 1, "material": 0}
    return {
        "asset": {"version": "2.0"}, "buffers": [{"byteLength": len(binary)}],
        "bufferViews": views, "accessors": accessors, "materials": [{"name": "Oak Wood"}],
        "meshes": [{"primitives": [primitive]}], "nodes": [{"mesh": 0}], "scenes": [{"nodes": [0]}],
    }, binary  # fmt: skip


def glb(document: Json, binary: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def box_glb(width: float = 2.0, height: float = 0.8, depth: float = 0.9) -> bytes:
    """A box in metres, of one part: `oak_wood`."""
    return glb(*box_document(box_corners(width, height, depth)))


def box_obj(width: float, height: float, depth: float) -> bytes:
    lines = [f"v {x} {y} {z}" for x, y, z in box_corners(width, height, depth)]
    lines += ["usemtl Velvet"] + [f"f {a + 1}// {b + 1}// {c + 1}//" for a, b, c in FACES[:6]]
    lines += ["usemtl legs"] + [f"f {a - 8} {b - 8} {c - 8}" for a, b, c in FACES[6:].astype(int)]
    return "\n".join(["# a box", "mtllib nowhere.mtl", *lines, ""]).encode()


class OneKit:
    """A release with one kit, all of whose furniture is a box."""

    def kits(self) -> Mapping[str, Kit]:
        return {"sample": sample_kit()}

    def asset(self, name: str) -> Prepared | None:
        if name != "cube":
            return None
        data = prepare_asset(box_glb(1, 1, 1)).data
        facts = read_mesh_facts(data).model_dump(mode="json")
        return Prepared("mesh", data, facts, "application/octet-stream")

    def preview(self, kit_id: str, room_type: str) -> Prepared | None:
        del kit_id, room_type
        return None


def own_kit(**changes: object) -> Json:
    """A kit of a client: a sofa, as it is sent."""
    sofa = {
        "role": "sofa", "title": "Our sofa", "mesh": "our_sofa", "size_cm": [200, 80, 90],
        "finishes": {"*": "oak"}, "licence": "proprietary", "source": "drawn by us",
    }  # fmt: skip
    return {
        "title": "Ours", "description": "", "licence": "proprietary",
        "palette": ["#ffffff", "#888888", "#222222"], "finishes": {"oak": {"colour": "#a08060"}},
        "floor": "oak", "wall": "oak", "pieces": {"sofa_1": sofa},
        "rooms": {"living_room": {"sofa": ["sofa_1"]}},
    } | changes  # fmt: skip


def send(store: KitStore, name: str, data: bytes, client: str = "a", kit_id: str = "ours") -> str:
    """Send an asset; return its SHA-256."""
    prepared = prepare_asset(data)
    asset = prepared.asset("proprietary", "drawn by us")
    store.put_asset(client, kit_id, name, prepared, asset)
    return asset.sha256
