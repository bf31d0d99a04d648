"""Traces a crop of a furnished room, with its furniture and without."""

from types import ModuleType

import numpy as np

from serving.render.rooms import film, rays
from serving.render.rooms.empty import light_of_empty
from serving.render.rooms.engine import clean, is_fast
from serving.render.rooms.grid import Grid
from serving.render.rooms.shapes import Shown, shapes_of
from serving.staging.furnish.scene import Crop, Effort, Layers, Light, Scene
from serving.staging.room import Camera

_PATH = {"type": "path", "max_depth": 4, "rr_depth": 3}
_MOST_CELLS = 300_000  # light has no finer detail that the denoiser would leave
_PER_PIXEL = 2  # rays along each side of a pixel, for its cover


class PathTracer:
    """A renderer for `serving.staging.furnish`: path tracing, then denoising.

    The same scene, crop and effort give the same layers on one machine, in any process.
    """

    def __call__(self, scene: Scene, crop: Crop, effort: Effort) -> Layers:
        """Return what the room's camera sees of a scene within a crop.

        Raises
        ------
        RendererMissing
            If the extra `render` is not installed.
        """
        how, camera, seed = rays if is_fast() else film, scene.room.camera, effort.seed
        furnished, bare = (shapes_of(scene, with_things) for with_things in (True, False))
        area = crop.size[0] * crop.size[1]
        grid = Grid.over(crop, min(effort.scale, (_MOST_CELLS / area) ** 0.5))
        light, albedo, normals = how.trace(furnished, _PATH, camera, grid, effort.samples, seed)
        empty = light_of_empty(how, bare, _PATH, camera, grid, seed)
        cover, distance = _cover(how, furnished, camera, crop)
        return Layers(
            furnished=np.maximum(grid.bring_light(clean(light, albedo, normals)), 0),
            empty=np.maximum(grid.bring_light(empty), 0),
            cover=cover, distance_m=distance, albedo=grid.bring(albedo),
            normals=grid.bring(normals),
        )  # fmt: skip


def _cover(how: ModuleType, shown: Shown, camera: Camera, crop: Crop) -> tuple[Light, Light]:
    """Return how much of each pixel furniture covers, and how far it is."""
    triangles, away = how.meet(shown, camera, Grid.over(crop, 1.0).finer(_PER_PIXEL))
    own = triangles >= shown.room_faces
    height, width = crop.size
    blocks = height, _PER_PIXEL, width, _PER_PIXEL
    cover = own.reshape(blocks).mean(axis=(1, 3), dtype=np.float32)
    return cover, np.where(own, away, np.inf).reshape(blocks).min(axis=(1, 3)).astype(np.float32)
