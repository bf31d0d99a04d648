"""Ground truth by casting one ray through the middle of each pixel."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthetic.mitsuba_scene import load_mitsuba
from synthetic.scene import Camera
from synthetic.views import pixel_rays

_NAME = re.compile(r"i(\d+)_\d+")


@dataclass(frozen=True)
class Truth:
    """What is true of each pixel.

    Depth runs along the optical axis, in metres, and is inf where nothing is hit. Normals are
    towards the camera, in world coordinates, and 0 where nothing is hit, as instance ids are.
    """

    depth_m: NDArray[np.float32]
    normals: NDArray[np.float32]
    instances: NDArray[np.uint16]


def cast_truth(scene: Any, camera: Camera, width: int, height: int) -> Truth:  # noqa: ANN401
    """Cast rays into a loaded Mitsuba scene whose shapes are named `i<instance>_<number>`."""
    rays = pixel_rays(camera, width, height).reshape(-1, 3)
    mi = load_mitsuba()
    cast = _cast_singly if mi.variant().startswith("scalar") else _cast_together
    depth, normals, instances = cast(scene, camera, rays)
    away = (normals * rays).sum(axis=1, keepdims=True) > 0
    normals = np.where(away, -normals, normals)
    normals[instances == 0] = 0
    return Truth(
        depth.reshape(height, width).astype(np.float32),
        normals.reshape(height, width, 3).astype(np.float32),
        instances.reshape(height, width).astype(np.uint16),
    )


Hits = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]


def _cast_together(scene: Any, camera: Camera, rays: NDArray[np.float64]) -> Hits:  # noqa: ANN401
    import drjit as dr

    mi = load_mitsuba()
    origin = mi.Point3f(*(float(c) for c in camera.position))
    hit = scene.ray_intersect(
        mi.Ray3f(origin, mi.Vector3f(np.ascontiguousarray(rays.T, np.float32)))
    )
    valid = np.array(hit.is_valid())
    shapes = np.array(dr.reinterpret_array(mi.UInt32, hit.shape)).astype(np.int64)
    known = np.array(dr.reinterpret_array(mi.UInt32, scene.shapes_dr())).astype(np.int64)
    table = np.zeros(int(max(known.max(initial=0), shapes.max(initial=0))) + 1, np.int64)
    table[known] = [_instance(shape.id()) for shape in scene.shapes()]
    depth = np.where(valid, np.array(hit.t, np.float64), np.inf)
    normals = np.array(hit.sh_frame.n, np.float64).T
    return depth, normals, np.where(valid, table[shapes], 0)


def _cast_singly(scene: Any, camera: Camera, rays: NDArray[np.float64]) -> Hits:  # noqa: ANN401
    mi = load_mitsuba()
    depth, normals = np.full(len(rays), np.inf), np.zeros((len(rays), 3))
    instances = np.zeros(len(rays), np.int64)
    for number, ray in enumerate(rays):
        hit = scene.ray_intersect(mi.Ray3f(list(camera.position), ray.tolist()))
        if hit.is_valid():
            depth[number], normals[number] = hit.t, np.array(hit.sh_frame.n)
            instances[number] = _instance(hit.shape.id())
    return depth, normals, instances


def _instance(name: str) -> int:
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else 0
