"""Traces a grid of pixels as a film of Mitsuba's own: in any of its variants, and slowly."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.render.rooms.engine import engine
from serving.render.rooms.grid import Grid
from serving.render.rooms.shapes import MESH, Shown
from serving.staging.furnish.scene import Light
from serving.staging.room import Camera

_ALIKE_M = 1e-4


def trace(
    shown: Shown, path: dict[str, Any], camera: Camera, grid: Grid, samples: int, seed: int
) -> tuple[Light, Light, Light]:
    """Return light, albedo and normals, as `rays.trace` does."""
    layers = _render(shown, camera, grid, samples, seed,
                     {"aovs": "albedo:albedo,facing:sh_normal", "light": path})  # fmt: skip
    return layers[..., :3], layers[..., 3:6], layers[..., 6:9]


def meet(shown: Shown, camera: Camera, grid: Grid) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return what `rays.meet` does, through a random place of each cell."""
    # the same rays with and without what gives light: where they end alike they met the mesh
    mesh = Shown({MESH: shown.shapes[MESH]}, shown.room_faces)
    what = {"aovs": "face:prim_index,t:depth"}
    seen, alone = (_render(one, camera, grid, 1, 0, what) for one in (shown, mesh))
    on_mesh = (seen[..., 1] > 0) & (np.abs(seen[..., 1] - alone[..., 1]) < _ALIKE_M)
    return np.where(on_mesh, alone[..., 0], -1).astype(np.int32), seen[..., 1]


def _render(
    shown: Shown, camera: Camera, grid: Grid, samples: int, seed: int, what: dict[str, Any]
) -> NDArray[np.float32]:
    mitsuba = engine()
    scene = mitsuba.load_dict({
        "type": "scene", "integrator": {"type": "aov", **what}, "sensor": _sensor(camera, grid),
        **shown.shapes,
    })  # fmt: skip
    seen = np.array(mitsuba.render(scene, spp=samples, seed=seed), np.float32)
    return np.nan_to_num(seen, posinf=0, neginf=0)


def _sensor(camera: Camera, grid: Grid) -> dict[str, Any]:
    mitsuba = engine()
    rows, columns = grid.size
    right, down, ahead = camera.rotation
    to_world = np.eye(4)
    to_world[:3, :3] = np.stack([-right, -down, ahead], axis=1)
    to_world[1, 3] = camera.height_m
    focal = camera.focal_px * grid.scale
    x = (camera.centre_px[0] - grid.crop.left) * grid.scale
    y = (camera.centre_px[1] - grid.crop.top) * grid.scale
    # the film's offset is of the picture against the axis, not of the axis against the picture
    return {
        "type": "perspective", "fov": 2 * math.degrees(math.atan(columns / 2 / focal)),
        "fov_axis": "x", "near_clip": 0.01, "far_clip": 100.0,
        "principal_point_offset_x": 0.5 - x / columns, "principal_point_offset_y": 0.5 - y / rows,
        "to_world": mitsuba.ScalarTransform4f(to_world),
        "film": {
            "type": "hdrfilm", "width": columns, "height": rows, "pixel_format": "rgb",
            "rfilter": {"type": "box"},
        },
        "sampler": {"type": "independent"},
    }  # fmt: skip
