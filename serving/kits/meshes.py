"""Reads the meshes and textures of kits: see CARD.md beside them for where they are from."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.staging.kit import Finish, Kit, Piece
from serving.staging.linear import linear_of_hex, to_coded, to_linear
from serving.staging.things import Look, Model, Part, Triangles, Vectors

FOLDER = Path(__file__).parent
_LARGEST = 65535
_BRIGHTEST = 0.92


class _Arrays:
    """A mesh of a file: its parts fill a box of size 1, from the middle of its footprint."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise BadInput(f"no mesh is called {path.stem}")
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        self.size: Vectors = arrays["size"]
        self.names = sorted({name.rpartition(".")[0] for name in arrays if "." in name})
        self._arrays = arrays

    def vertices(self, name: str) -> Vectors:
        places = self._arrays[f"{name}.vertices"].astype(np.float32) / _LARGEST
        return np.asarray(places - np.array([0.5, 0, 0.5], np.float32), np.float32)

    def normals(self, name: str) -> Vectors:
        return np.asarray(self._arrays[f"{name}.normals"], np.float32) / np.float32(127)

    def uvs(self, name: str) -> Vectors:
        return np.asarray(self._arrays[f"{name}.uvs"], np.float32)

    def faces(self, name: str) -> Triangles:
        return np.asarray(self._arrays[f"{name}.faces"], np.uint32)


@lru_cache(maxsize=64)
def _read(path: Path) -> _Arrays:
    return _Arrays(path)


def models_of(kit: Kit, skus: tuple[str, ...], folder: Path = FOLDER) -> Mapping[str, Model]:
    """Return the furniture of a kit in its own sizes and finishes.

    Parameters
    ----------
    skus : which
    folder : holds `meshes/NAME.npz` and `textures/NAME.jpg`

    Raises
    ------
    BadInput
        If a piece, a mesh or a texture is missing, or a mesh has a part without a finish.
    """
    if missing := sorted(set(skus) - kit.pieces.keys()):
        raise BadInput(f"the kit {kit.name} has no {', '.join(missing)}")
    return {sku: _model(kit, sku, kit.pieces[sku], folder) for sku in dict.fromkeys(skus)}


def _model(kit: Kit, sku: str, piece: Piece, folder: Path) -> Model:
    arrays = _read(folder / "meshes" / f"{piece.mesh}.npz")
    size = np.array(piece.size_m, np.float32)
    stretch = size / arrays.size
    parts = []
    for name in arrays.names:
        finish = kit.finishes[_finish_of(piece, name)]
        turned = arrays.normals(name) / stretch
        turned = turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)
        uvs = arrays.uvs(name) * np.float32(100 / finish.texture_cm)
        vertices = arrays.vertices(name) * size
        parts.append(Part(vertices, turned, uvs, arrays.faces(name), look_of(finish, folder)))
    return Model(sku, piece.size_m, tuple(parts))


def _finish_of(piece: Piece, part: str) -> str:
    named = piece.finishes.get(part, piece.finishes.get("*"))
    if named is None:
        raise BadInput(f"the part {part} of {piece.mesh} has no finish")
    return named


@lru_cache(maxsize=256)
def look_of(finish: Finish, folder: Path = FOLDER) -> Look:
    """Return what a finish looks like, its texture in the finish's colour."""
    rgb = linear_of_hex(finish.colour)
    if finish.texture is None:
        return Look(rgb, finish.roughness, finish.metallic)
    texture = _texture(folder / "textures" / f"{finish.texture}.jpg")
    if finish.tinted:
        light = to_linear(texture)
        tinted = light * (np.array(rgb, np.float32) / light.mean(axis=(0, 1)).clip(1e-3))
        texture = np.rint(to_coded(np.minimum(tinted, _BRIGHTEST))).astype(np.uint8)
    return Look(rgb, finish.roughness, finish.metallic, texture)


@lru_cache(maxsize=64)
def _texture(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise BadInput(f"no texture is called {path.stem}")
    return np.asarray(picture, np.uint8)
