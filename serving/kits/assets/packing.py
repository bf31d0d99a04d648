"""From a stranger's triangles to the form in which meshes are kept: small, and the same for all.

A mesh is an .npz: `size` (3,) float32 is its box in metres, and of each part there are
`NAME.vertices` (n, 3) uint16 within the box, `.normals` (n, 3) int8, `.uvs` (n, 2) float16 in
metres, and `.faces` (m, 3) uint16 or uint32, counter-clockwise from outside.
"""

import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from serving.errors import BadAsset
from serving.kits.assets.soup import Corners, Soup

_LEAST_M, _MOST_M = 0.005, 6.0  # what a kit may say of a piece's size
_FULL = 65535
# corners that are so close, as a share of the mesh's longest side, are one
_SAME = 1e-5
_SMOOTH_COS = 0.8  # of half the angle: surfaces that meet at less than 74 degrees are one
_ACROSS = np.array([[2, 1], [0, 2], [0, 1]])  # axes of a texture on a surface that faces x, y or z


class MeshFacts(BaseModel):
    """What was measured of a mesh.

    Attributes
    ----------
    size_cm : width, height and depth of its box
    parts : how many triangles each has
    """

    model_config = ConfigDict(frozen=True)

    size_cm: tuple[float, float, float]
    triangles: int
    parts: Mapping[str, int]


def pack_mesh(parts: Mapping[str, Soup], unit_m: float) -> tuple[bytes, MeshFacts]:
    """Return the mesh as it is kept.

    Where a file has no normals, surfaces that meet at less than 74 degrees become smooth. Textures
    lie on each triangle along the axis that it faces, in metres: a cloth's weave has the same
    size on every piece, whatever its file says of textures.

    Parameters
    ----------
    unit_m : metres of the file's unit

    Raises
    ------
    BadAsset
        Nothing of it has a surface, or it is larger or thinner than furniture.
    """
    scaled = {name: _tidy(soup, unit_m) for name, soup in parts.items()}
    scaled = {name: soup for name, soup in scaled.items() if len(soup.corners)}
    if not scaled:
        raise BadAsset("none of the mesh's triangles has a surface")
    every = np.concatenate([soup.corners.reshape(-1, 3) for soup in scaled.values()])
    low, size = every.min(axis=0), np.ptp(every, axis=0)
    _check_size(size)
    middle = low + size * (0.5, 0, 0.5)
    arrays: dict[str, NDArray[np.generic]] = {"size": size.astype(np.float32)}
    counts = {}
    for name, soup in scaled.items():
        packed = _pack_part(soup, low, size, middle)
        counts[name] = len(packed["faces"])
        arrays |= {f"{name}.{key}": value for key, value in packed.items()}
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue(), _facts(size, counts)


def read_mesh_facts(data: bytes) -> MeshFacts:
    """Return what is known of a mesh in the form in which it is kept."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        counts = {
            name.removesuffix(".faces"): len(arrays[name])
            for name in arrays.files
            if name.endswith(".faces")
        }
        return _facts(arrays["size"], counts)


def _facts(size: NDArray[np.floating], counts: Mapping[str, int]) -> MeshFacts:
    width, height, depth = (round(float(side) * 100, 2) for side in size)
    return MeshFacts(
        size_cm=(width, height, depth), triangles=sum(counts.values()), parts=dict(counts)
    )


def _check_size(size: NDArray[np.float64]) -> None:
    said = " x ".join(f"{side * 100:,.1f}" for side in size)
    if size.max() > _MOST_M:
        raise BadAsset(f"the mesh is {said} cm; say its `unit` if that is not metres")
    if size.min() < _LEAST_M:
        raise BadAsset(f"the mesh is {said} cm: thinner than 0.5 cm, or its `unit` is another")


def _tidy(soup: Soup, unit_m: float) -> Soup:
    """Return triangles in metres that have a surface, each corner with a normal of length 1."""
    corners = soup.corners * unit_m
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(across, axis=1)
    kept = np.isfinite(area) & (area > 1e-12)
    corners, across, area = corners[kept], across[kept], area[kept]
    flat = across / area[:, None]
    normals = soup.normals[kept]
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    known = length > 1e-6
    if not known.all() and len(corners):
        normals = np.where(known, normals, _smooth(corners, flat))
        length = np.linalg.norm(normals, axis=2, keepdims=True)
    return Soup(corners, normals / np.maximum(length, 1e-12))


def _smooth(corners: Corners, flat: Corners) -> Corners:
    """Return a normal for each corner: the mean of those that meet there, unless it is an edge.

    Triangles count by their angles at the corner, so that it does not matter how a surface was cut.
    """
    points = corners.reshape(-1, 3)
    grid = np.rint(points / max(float(np.ptp(points, axis=0).max()) * _SAME, 1e-9)).astype(np.int64)
    _, place = np.unique(grid, axis=0, return_inverse=True)
    place = place.ravel()
    one, other = np.roll(corners, -1, axis=1) - corners, np.roll(corners, -2, axis=1) - corners
    lengths = np.linalg.norm(one, axis=2) * np.linalg.norm(other, axis=2)
    angles = np.arccos(((one * other).sum(axis=2) / np.maximum(lengths, 1e-12)).clip(-1, 1))
    total = np.zeros((int(place.max()) + 1, 3))
    np.add.at(total, place, (flat[:, None] * angles[:, :, None]).reshape(-1, 3))
    mean = total[place].reshape(-1, 3, 3)
    mean = mean / np.maximum(np.linalg.norm(mean, axis=2, keepdims=True), 1e-12)
    own = np.repeat(flat[:, None], 3, axis=1)
    bent = (mean * own).sum(axis=2, keepdims=True) < _SMOOTH_COS
    return np.where(bent, own, mean)


def _pack_part(
    soup: Soup, low: Corners, size: Corners, middle: Corners
) -> dict[str, NDArray[np.generic]]:
    corners = soup.corners
    faced = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    axes = np.repeat(_ACROSS[np.abs(faced).argmax(axis=1)][:, None], 3, axis=1)
    uvs = np.take_along_axis(corners - middle, axes, axis=2).reshape(-1, 2).astype("<f2")
    place = np.rint((corners - low) / size * _FULL).clip(0, _FULL).reshape(-1, 3).astype("<u2")
    normals = np.rint(soup.normals * 127).reshape(-1, 3).astype(np.int8)
    rows = np.concatenate(
        [np.ascontiguousarray(part).view(np.uint8) for part in (place, normals, uvs)], axis=1
    )
    _, first, back = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    kind = "<u2" if len(first) <= _FULL else "<u4"
    faces = back.reshape(-1, 3).astype(kind)
    return {
        "vertices": place[first], "normals": normals[first], "uvs": uvs[first], "faces": faces,
    }  # fmt: skip
