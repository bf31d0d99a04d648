"""Traces rays of our own through a grid of pixels: in Mitsuba's compiled variant.

Mitsuba's own loop over a film compiles its width and the number of samples in; ours takes both from
memory, so that rooms and crops of any size share what is compiled once.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.render.rooms.engine import engine
from serving.render.rooms.grid import Grid
from serving.render.rooms.shapes import MESH, Shown
from serving.staging.furnish.scene import Light
from serving.staging.room import Camera


def trace(
    shown: Shown, path: dict[str, Any], camera: Camera, grid: Grid, samples: int, seed: int
) -> tuple[Light, Light, Light]:
    """Return light, albedo and normals, (rows, columns, 3) each.

    Parameters
    ----------
    path : the integrator, as Mitsuba is told
    samples : rays of each cell
    """
    mitsuba = engine()
    import drjit

    scene = mitsuba.load_dict({"type": "scene", **shown.shapes})
    sampler = mitsuba.load_dict({"type": "independent"})
    sampler.seed(seed, int(np.prod(grid.size)) * samples)
    rays = _rays(camera, grid, samples, sampler.next_2d())
    light, hit, _ = mitsuba.load_dict(path).sample(scene, sampler, rays)
    found = scene.ray_intersect(rays)
    albedo = found.bsdf().eval_diffuse_reflectance(found, found.is_valid())
    normal = drjit.select(found.is_valid(), found.sh_frame.n, 0)
    drjit.eval(light, albedo, normal)
    del hit
    size = (3, *grid.size, samples)
    layers = (
        np.nan_to_num(np.array(layer).reshape(size), posinf=0, neginf=0).mean(axis=3)
        for layer in (light, albedo, normal)
    )
    lit, surface, facing = (
        np.ascontiguousarray(layer.transpose(1, 2, 0), np.float32) for layer in layers
    )
    return lit, surface, facing


def meet(shown: Shown, camera: Camera, grid: Grid) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return which triangle of the mesh is seen through each cell, and how far it is.

    Returns
    -------
    int32, shape (rows, columns)
        -1 where it is none of the mesh: what gives light.
    float32, shape (rows, columns)
        Metres.
    """
    mitsuba = engine()
    import drjit

    scene = mitsuba.load_dict({"type": "scene", **shown.shapes})
    met = scene.ray_intersect_preliminary(_rays(camera, grid, 1, None), coherent=True)
    mesh = mitsuba.ShapePtr(shown.shapes[MESH])
    on_mesh = met.is_valid() & (met.shape == mesh)
    face = drjit.select(on_mesh, mitsuba.Int32(met.prim_index), -1)
    drjit.eval(face, met.t)
    return np.array(face).reshape(grid.size), np.array(met.t, np.float32).reshape(grid.size)


def _rays(camera: Camera, grid: Grid, samples: int, jitter: Any) -> Any:  # noqa: ANN401
    """Return rays of length 1 through a grid: row by row, a cell's samples one after the other.

    Parameters
    ----------
    jitter : where in its cell each ray goes, 0..1; None: through the middle
    """
    mitsuba = engine()
    import drjit

    def of_memory(values: NDArray[np.float64]) -> Any:  # noqa: ANN401
        return mitsuba.Vector3f(*(drjit.opaque(mitsuba.Float, float(value)) for value in values))

    right, down, ahead = camera.rotation
    step = camera.focal_px * grid.scale
    x, y = (np.array([grid.crop.left, grid.crop.top]) - camera.centre_px) / camera.focal_px
    number = drjit.arange(mitsuba.UInt32, int(np.prod(grid.size)) * samples)
    cell = number // drjit.opaque(mitsuba.UInt32, samples)
    columns = drjit.opaque(mitsuba.UInt32, grid.size[1])
    row = cell // columns
    at = jitter if jitter is not None else mitsuba.Point2f(0.5)
    across = mitsuba.Float(cell - row * columns) + at.x
    way = of_memory(x * right + y * down + ahead)
    way += of_memory(right / step) * across + of_memory(down / step) * (mitsuba.Float(row) + at.y)
    eye = mitsuba.Point3f(0, drjit.opaque(mitsuba.Float, camera.height_m), 0)
    return mitsuba.RayDifferential3f(mitsuba.Ray3f(eye, drjit.normalize(way)))
