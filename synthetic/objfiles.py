"""Reads OBJ models and their MTL materials."""

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthetic.catalogue import Model
from synthetic.meshes import Faces, Floats, Mesh, project_uvs
from synthetic.scene import Material

CREASE_DEG = 42.0
_METALS = ("chrom", "metal", "steel", "inox", "alu", "galvan", "cromo", "handle")


@lru_cache(maxsize=64)
def load_model(model: Model) -> dict[str, tuple[Material, Mesh]]:
    """Read a model, scaled to its catalogue size and standing on the origin.

    Returns
    -------
    dict
        By material name: the material as the MTL file tells it, and its triangles. Texture
        coordinates are the file's where the material has a picture, else in metres. Read once:
        nobody writes to it.
    """
    lines = model.path.read_text("latin-1").splitlines()
    materials = _read_materials(model.path, lines)
    points, uvs, groups = _read_faces(lines)
    points = _fit(points @ np.reshape(model.rotation, (3, 3)).T, model.size)
    names = [name for name, faces in groups.items() for _ in faces]
    corners = np.array([face for faces in groups.values() for face in faces], dtype=np.int64)
    normals = crease_normals(points, corners[:, :, 0])
    loaded = {}
    for name in groups:
        mine = np.array([other == name for other in names])
        material = materials.get(name, Material())
        picture = uvs if material.image is not None and len(uvs) else None
        mesh = _soup(points, corners[mine], normals[mine], picture)
        loaded[name] = (material, mesh)
    return loaded


def crease_normals(points: Floats, faces: Faces, crease_deg: float = CREASE_DEG) -> Floats:
    """Return a normal per face corner, smooth across edges flatter than `crease_deg`.

    Parameters
    ----------
    points : (n, 3)
    faces : (m, 3) indices into `points`

    Returns
    -------
    float64, shape (m, 3, 3)
        Unit normals; face normals weighted by area.
    """
    p = points[faces]
    crosses = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    flat = crosses / np.maximum(np.linalg.norm(crosses, axis=1, keepdims=True), 1e-15)
    owners = faces.ravel()
    order = np.argsort(owners, kind="stable")
    counts = np.bincount(owners)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    pairs = counts[owners[order]]
    first = np.repeat(np.arange(len(order)), pairs)
    offsets = np.arange(len(first)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    second = np.repeat(starts[owners[order]], pairs) + offsets
    mine, other = order[first] // 3, order[second] // 3
    near = (flat[mine] * flat[other]).sum(axis=1) > math.cos(math.radians(crease_deg))
    sums = np.zeros((len(owners), 3))
    np.add.at(sums, order[first][near], crosses[other][near])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    smooth = np.where(lengths > 1e-15, sums / np.maximum(lengths, 1e-15), (0.0, 1.0, 0.0))
    return smooth.reshape(-1, 3, 3)


def _read_faces(lines: list[str]) -> tuple[Floats, Floats, dict[str, list[NDArray[np.int64]]]]:
    points: list[list[float]] = []
    uvs: list[list[float]] = []
    groups: dict[str, list[NDArray[np.int64]]] = {}
    name = ""
    for line in lines:
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            points.append([float(word) for word in words[1:4]])
        elif words[0] == "vt":
            uvs.append([float(word) for word in words[1:3]])
        elif words[0] == "usemtl":
            name = " ".join(words[1:])
        elif words[0] == "f":
            corners = [_read_corner(word, len(points), len(uvs)) for word in words[1:]]
            fan = (corners[k : k + 2] for k in range(1, len(corners) - 1))
            groups.setdefault(name, []).extend(np.array([corners[0], *pair]) for pair in fan)
    return np.array(points), np.array(uvs).reshape(-1, 2), groups


def _read_corner(word: str, points: int, uvs: int) -> tuple[int, int]:
    """Turn `v`, `v/vt`, `v//vn` or `v/vt/vn` (1-based, or negative from the end) into indices."""
    fields = word.split("/")
    vertex = int(fields[0])
    uv = int(fields[1]) if len(fields) > 1 and fields[1] else 0
    return vertex - 1 if vertex > 0 else points + vertex, uv - 1 if uv >= 0 else uvs + uv


def _fit(points: Floats, size: tuple[float, float, float]) -> Floats:
    low, high = points.min(axis=0), points.max(axis=0)
    scale = np.array(size) / np.maximum(high - low, 1e-9)
    middle = (low + high) / 2 * (1, 0, 1) + low * (0, 1, 0)
    fitted: Floats = (points - middle) * scale
    return fitted


def _soup(points: Floats, corners: Faces, normals: Floats, uvs: Floats | None) -> Mesh:
    vertices = points[corners[:, :, 0].ravel()]
    flat = normals.reshape(-1, 3)
    mapped = project_uvs(vertices, flat) if uvs is None else uvs[corners[:, :, 1].ravel()]
    return Mesh(vertices, flat, mapped, np.arange(len(vertices)).reshape(-1, 3))


def _read_materials(path: Path, lines: list[str]) -> dict[str, Material]:
    named = (line.split(maxsplit=1)[1].strip() for line in lines if line.startswith("mtllib "))
    files = [path.parent / name for name in named]
    materials: dict[str, Material] = {}
    for file in files:
        if file.is_file():
            blocks = ("\n" + file.read_text("latin-1")).split("\nnewmtl ")[1:]
            materials |= {
                block.splitlines()[0].strip(): _read_material(block, file) for block in blocks
            }
    return materials


def _read_material(block: str, file: Path) -> Material:
    rows = [line.split(maxsplit=1) for line in block.splitlines()[1:]]
    values = {row[0]: row[1].strip() for row in rows if len(row) == 2}
    name = block.splitlines()[0].lower()
    kd = [float(word) for word in values.get("Kd", "0.8 0.8 0.8").split()]
    shine = float(values.get("Ns", "10").split()[0])
    picture = file.parent / values["map_Kd"] if "map_Kd" in values else None
    metal = any(word in name for word in _METALS) and max(kd) - min(kd) < 0.15
    return Material(
        color=(kd[0], kd[1], kd[2]),
        roughness=0.25 if metal else float(np.clip((2 / (shine + 2)) ** 0.25, 0.15, 0.8)),
        metallic=1.0 if metal else 0.0,
        image=picture if picture is not None and picture.is_file() else None,
        finish="glass" if float(values.get("d", "1").split()[0]) < 0.5 else "solid",
    )
