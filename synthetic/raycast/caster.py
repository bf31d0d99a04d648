"""Casts rays at a scene's triangles with Embree: what is hit, and what lies in shadow.

I. Wald et al., "Embree: a kernel framework for efficient CPU ray tracing", SIGGRAPH 2014, by the
package `embreex`, which is imported when a scene is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthetic.assemble import Solid
from synthetic.scene import Material

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
_CLEAR = 0.998  # of the way to a light: its own surface casts no shadow on what it lights


@dataclass(frozen=True)
class Triangles:
    """All triangles of a scene, each corner with its normal and texture coordinates.

    Attributes
    ----------
    corners, normals : float32 (n, 3, 3), world coordinates
    uvs : float32 (n, 3, 2), metres, or of the picture of a material that has one
    instances, materials : int64 (n,); instances count from 1, materials are places in `kinds`
    """

    corners: Floats
    normals: Floats
    uvs: Floats
    instances: Ids
    materials: Ids
    kinds: tuple[Material, ...]

    def where(self, chosen: NDArray[np.bool_]) -> "Triangles":
        """Return some of them."""
        return Triangles(
            self.corners[chosen],
            self.normals[chosen],
            self.uvs[chosen],
            self.instances[chosen],
            self.materials[chosen],
            self.kinds,
        )


def gather_triangles(solids: Sequence[Solid]) -> Triangles:
    """Return the triangles of all solids."""
    kinds = tuple(dict.fromkeys(solid.material for solid in solids))
    places = {material: place for place, material in enumerate(kinds)}
    meshes = [(solid, solid.mesh, solid.mesh.faces) for solid in solids]
    counts = [len(faces) for _, _, faces in meshes]
    return Triangles(
        np.concatenate([mesh.vertices[faces] for _, mesh, faces in meshes]).astype(np.float32),
        np.concatenate([mesh.normals[faces] for _, mesh, faces in meshes]).astype(np.float32),
        np.concatenate([mesh.uvs[faces] for _, mesh, faces in meshes]).astype(np.float32),
        np.repeat([solid.instance for solid, _, _ in meshes], counts),
        np.repeat([places[solid.material] for solid, _, _ in meshes], counts),
        kinds,
    )


@dataclass(frozen=True)
class Hits:
    """What rays meet first.

    Attributes
    ----------
    triangle : int64 (n,), -1 where nothing is met
    distance : float32 (n,), in lengths of the ray's direction; inf where nothing is met
    weights : float32 (n, 3), of the triangle's corners
    """

    triangle: Ids
    distance: Floats
    weights: Floats

    @property
    def met(self) -> NDArray[np.bool_]:
        """Where something was met, bool (n,)."""
        return self.triangle >= 0


class Caster:
    """Triangles that rays can be cast at."""

    def __init__(self, triangles: Triangles) -> None:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        self._scene: Any = EmbreeScene()
        TriangleMesh(self._scene, np.ascontiguousarray(triangles.corners))

    def cast(self, origins: Floats, ways: Floats) -> Hits:
        """Return what each ray meets first; origins and directions are (n, 3)."""
        found = self._scene.run(_whole(origins, ways), np.ascontiguousarray(ways), output=True)
        triangle = found["primID"].astype(np.int64)
        met = triangle >= 0
        u, v = found["u"], found["v"]
        return Hits(
            triangle,
            np.where(met, found["tfar"], np.inf).astype(np.float32),
            np.stack([1 - u - v, u, v], axis=1),
        )

    def is_free(self, origins: Floats, ways: Floats, as_far: bool) -> NDArray[np.bool_]:
        """Say of each ray whether nothing is in its way, bool (n,).

        Parameters
        ----------
        as_far : whether only what lies before the direction's end counts, or all to infinity
        """
        far = np.full(len(ways), _CLEAR if as_far else 1e6, np.float32)
        scene_ways = np.ascontiguousarray(ways)
        hit = self._scene.run(_whole(origins, ways), scene_ways, dists=far, query="OCCLUDED")
        return np.asarray(hit) < 0


def _whole(origins: Floats, ways: Floats) -> Floats:
    return np.ascontiguousarray(np.broadcast_to(origins, ways.shape), np.float32)
