"""Files that clients send for their kits: what is right is kept in one form, the rest refused."""

import io
import re
import struct
import time
from typing import Any

import numpy as np
import pytest

from serving.errors import BadAsset, TooLarge
from serving.image import decode
from serving.kits.assets import prepare
from serving.kits.assets.obj import read_obj
from serving.kits.assets.packing import read_mesh_facts
from serving.kits.assets.prepare import prepare_asset
from tests.fakes import encode
from tests.serving.kits.kit_files import FACES, box_corners, box_document, box_glb, box_obj, glb
from tests.serving.video.pictures import texture


def arrays_of(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def test_a_box_of_gltf_is_kept_with_its_size_faces_outwards_and_textures_in_metres() -> None:
    kept = prepare_asset(box_glb(2, 0.8, 0.9))
    assert kept.facts == {"size_cm": [200, 80, 90], "triangles": 12, "parts": {"oak_wood": 12}}
    assert read_mesh_facts(kept.data).model_dump(mode="json") == kept.facts
    arrays = arrays_of(kept.data)
    places = arrays["oak_wood.vertices"] / 65535 * arrays["size"] - arrays["size"] / 2
    corners = places[arrays["oak_wood.faces"]]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((across * corners.mean(axis=1)).sum(axis=1) > 0).all()
    normals = arrays["oak_wood.normals"][arrays["oak_wood.faces"]] / 127
    assert (np.abs(normals).max(axis=2) > 0.99).all(), "the edges of a box are sharp"
    assert np.ptp(arrays["oak_wood.uvs"][:, 0].astype(float)) == pytest.approx(2, abs=0.01)


def test_the_same_file_is_kept_as_the_same_bytes() -> None:
    assert prepare_asset(box_glb()).data == prepare_asset(box_glb()).data


def test_an_obj_has_parts_by_material_and_says_its_unit() -> None:
    kept = prepare_asset(box_obj(200, 80, 90), unit="cm")
    parts = {"legs": 6, "velvet": 6}
    assert kept.facts == {"size_cm": [200, 80, 90], "triangles": 12, "parts": parts}
    with pytest.raises(BadAsset, match="say its `unit`"):
        prepare_asset(box_obj(200, 80, 90))


def test_materials_are_parts_of_their_own_however_they_are_written() -> None:
    faces = "".join(
        f"v {n} 0 0\nv {n} 1 0\nv 0 1 {n}\nusemtl {name}\nf -1 -2 -3\n"
        for n, name in enumerate(["дерево", "布料", "Oak", "oak", "дерево"], 1)
    )
    parts = prepare_asset(faces.encode()).facts["parts"]
    assert parts == {"all": 2, "all_2": 1, "oak": 1, "oak_2": 1}


def test_materials_of_a_gltf_without_names_are_told_apart() -> None:
    document, binary = box_document(box_corners(1, 1, 1))
    document["materials"] = [{}, {}]
    first = document["meshes"][0]["primitives"][0]
    document["meshes"][0]["primitives"] = [first, first | {"material": 1}]
    parts = prepare_asset(glb(document, binary)).facts["parts"]
    assert parts == {"part_0": 12, "part_1": 12}


def test_an_obj_is_read_with_any_line_ends_mark_and_head() -> None:
    plain = box_obj(2, 0.8, 0.9)
    kept = prepare_asset(plain)
    head = b"# " + b"a licence " * 500 + b"\n"
    for other in (plain.replace(b"\n", b"\r"), plain.replace(b"\n", b"\r\n"), head + plain,
                  b"\xef\xbb\xbf" + plain[plain.index(b"v ") :]):  # fmt: skip
        assert prepare_asset(other).data == kept.data


def test_an_obj_costs_no_more_than_its_triangles() -> None:
    """Others wait for the process that reads: a file of blanks held it for half a minute."""
    began = time.process_time()
    with pytest.raises(TooLarge, match="triangles"):
        read_obj(b"v 0 0 0\n" * 3 + b"f " + b"1 2 3 " * 10**6)
    read_obj(b"\n" * (16 << 20))
    assert time.process_time() - began < 4


def test_nodes_move_turn_and_mirror_meshes() -> None:
    document, binary = box_document(box_corners(1, 1, 2))
    half = 0.5**0.5
    document["nodes"] = [
        {"children": [1], "translation": [5, 0, 0], "scale": [1, 1, -1]},
        {"mesh": 0, "rotation": [0, half, 0, half]},
    ]
    kept = prepare_asset(glb(document, binary))
    assert kept.facts["size_cm"] == [200, 100, 100]
    arrays = arrays_of(kept.data)
    corners = arrays["oak_wood.vertices"].astype(float)[arrays["oak_wood.faces"]] - 32767.5
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((across * corners.mean(axis=1)).sum(axis=1) > 0).all(), "mirrored, not inside out"


def change(path: str, value: object) -> bytes:
    """A box whose description has another value at a place such as `nodes.0.mesh`."""
    document, binary = box_document(box_corners(1, 1, 1))
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = document
    for step in steps:
        place = place[step]
    place[last] = value
    return glb(document, binary)


HOSTILE = {
    "cut": (box_glb()[:-40], "cut short"),
    "other_version": (b"glTF" + struct.pack("<II", 1, 20) + bytes(8), "version 2"),
    "external_buffer": (change("buffers.0.uri", "file:///etc/passwd"), "names other files"),
    "external_picture": (change("images", [{"uri": "http://10.0.0.1/a.png"}]), "other files"),
    "compressed": (change("extensionsRequired", ["KHR_draco_mesh_compression"]), "draco"),
    "circle": (change("nodes.0.children", [0]), "circles"),
    "no_such_mesh": (change("nodes.0.mesh", 7), "does not have"),
    "no_such_view": (change("accessors.0.bufferView", 9), "does not have"),
    "beyond_the_end": (change("accessors.0.count", 2**31 - 1), "leads out of it"),
    "view_beyond": (change("bufferViews.0.byteLength", 2**30), "cut short"),
    "negative": (change("bufferViews.0.byteOffset", -12), "bufferViews.0.byteOffset"),
    "wide_stride": (change("bufferViews.0.byteStride", 252), "leads out of it"),
    "wrong_type": (change("accessors.0.type", "MAT4"), "not of the type"),
    "sparse": (change("accessors.0.sparse", {"count": 1}), "sparse"),
    "endless": (change("nodes.0.scale", [1e308, 1e308, 1e308]), "no number|has a surface|cm;"),
    "nested": (glb({}, b"").replace(b"{} ", b"[[["), "description"),
    "flat": (box_glb(1, 0, 1), "thinner than 0.5 cm"),
    "point": (change("nodes.0.scale", [0, 0, 0]), "surface"),
    "nothing": (change("nodes", []), "does not have|no triangles"),
    "gltf": (b'{"asset": {"version": "2.0"}}', r"\.glb"),
    "obj_without_faces": (b"v 0 0 0\nv 1 0 0\n", "no triangles"),
    "obj_of_words": (b"o x\nv 0 zero 0\n", "line 2 of the OBJ"),
    "obj_of_nan": (b"v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "no number"),
    "obj_too_far": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "line 4 of the OBJ"),
    "obj_of_zero": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2\n", "line 4 of the OBJ"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_mesh_that_is_none_is_refused_with_the_reason(name: str) -> None:
    data, said = HOSTILE[name]
    with pytest.raises(BadAsset, match=said):
        prepare_asset(data)


def test_a_corner_that_is_no_number_is_refused() -> None:
    corners = box_corners(1, 1, 1)
    corners[3, 1] = np.nan
    with pytest.raises(BadAsset, match="no number"):
        prepare_asset(glb(*box_document(corners)))


def test_a_triangle_with_corners_that_there_are_not_is_refused() -> None:
    faces = FACES.copy()
    faces[2, 1] = 900
    with pytest.raises(BadAsset, match="corner that there is not"):
        prepare_asset(glb(*box_document(box_corners(1, 1, 1), faces)))


def test_more_triangles_than_a_piece_may_have_are_refused() -> None:
    many = np.tile(FACES, (5001, 1)).astype(np.uint32)
    with pytest.raises(BadAsset, match=r"60,012 is more than the limit of 60,000"):
        prepare_asset(glb(*box_document(box_corners(1, 1, 1), many)))
    line = b"f" + b" 1 2 3" * 20_001 + b"\n"
    with pytest.raises(BadAsset, match="more than the limit"):
        prepare_asset(b"v 0 0 0\nv 1 0 0\nv 0 1 0\n" + line)


def test_a_file_over_the_limit_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "MOST_BYTES", 100)
    with pytest.raises(TooLarge):
        prepare_asset(box_glb())


def test_pictures_are_kept_as_pixels_alone_and_not_too_large() -> None:
    photo = texture(300, 4096, 3, sigma=3)
    for kind in ("PNG", "WEBP", "JPEG"):
        kept = prepare_asset(encode(photo, kind))
        assert kept.facts["size_px"] == [2048, 150]
        assert re.fullmatch("#[0-9a-f]{6}", str(kept.facts["colour"]))
        assert decode(kept.data, 10**7).shape == (150, 2048, 3)
        assert b"Exif" not in kept.data


def test_what_is_neither_mesh_nor_picture_is_told_what_is_taken() -> None:
    with pytest.raises(BadAsset, match="a mesh is binary glTF"):
        prepare_asset(b"Kaydara FBX Binary  \0")


def test_pictures_that_are_too_small_or_of_another_kind_are_refused() -> None:
    with pytest.raises(BadAsset, match="under 64 px"):
        prepare_asset(encode(texture(40, 200, 1), "PNG"))
    with pytest.raises(BadAsset, match="not GIF"):
        prepare_asset(encode(texture(100, 200, 1), "GIF"))
    with pytest.raises(BadAsset, match="glb"):
        prepare_asset(b"\0\1\2 neither a mesh nor a picture")
