"""Traces a crop of a furnished room, with its furniture and without."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.render.rooms.engine import clean, engine, is_fast
from serving.render.rooms.shapes import Shapes, room_shapes, thing_shapes
from serving.staging.furnish.scene import Crop, Effort, Layers, Light, Scene
from serving.staging.room import Camera

_BOUNCES = 4
_EMPTY_SCALE = 0.25  # of the furnished room's: without furniture light is smooth
_EMPTY_SAMPLES = 16
_PER_PIXEL = 2  # rays along each side of a pixel, for its cover
_ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class _Window:
    """What is traced: a crop of a film that is centred where the optical axis meets it.

    Attributes
    ----------
    film : (height, width) of the whole film, px; even
    crop : of the film
    scale : film px to a px of the photo
    """

    film: tuple[int, int]
    crop: Crop
    scale: float

    @staticmethod
    def of(camera: Camera, crop: Crop, scale: float) -> "_Window":
        x, y = camera.centre_px
        low = math.floor((crop.left - x) * scale) - 1, math.floor((crop.top - y) * scale) - 1
        high = math.ceil((crop.right - x) * scale) + 1, math.ceil((crop.bottom - y) * scale) + 1
        half = tuple(max(abs(a), abs(b)) + 1 for a, b in zip(low, high, strict=True))
        place = Crop(low[0] + half[0], low[1] + half[1], high[0] + half[0], high[1] + half[1])
        return _Window((2 * half[1], 2 * half[0]), place, scale)

    def bring(self, traced: Light, camera: Camera, crop: Crop) -> Light:
        """Return what was traced at the pixels of the photo."""
        height, width = crop.size
        x, y = camera.centre_px
        shift = [
            (crop.left + 0.5 - x) * self.scale + self.film[1] / 2 - self.crop.left - 0.5,
            (crop.top + 0.5 - y) * self.scale + self.film[0] / 2 - self.crop.top - 0.5,
        ]
        matrix = np.array([[self.scale, 0, shift[0]], [0, self.scale, shift[1]]])
        how = (cv2.INTER_CUBIC if self.scale > 0.4 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(
            traced, matrix, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(moved, np.float32)


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
        camera, room, things = scene.room.camera, room_shapes(scene), thing_shapes(scene)
        with_things = _Window.of(camera, crop, effort.scale)
        traced = _trace(room | things, camera, with_things, effort.samples, effort.seed)
        without = _Window.of(camera, crop, effort.scale * _EMPTY_SCALE)
        empty = _trace(room, camera, without, _EMPTY_SAMPLES, effort.seed)
        cover, distance = _cover(things, camera, crop)
        light = with_things.bring(clean(*traced), camera, crop)
        albedo, normals = (with_things.bring(layer, camera, crop) for layer in traced[1:])
        return Layers(
            furnished=np.maximum(light, 0), empty=without.bring(clean(*empty), camera, crop),
            cover=cover, distance_m=distance, albedo=albedo, normals=normals,
        )  # fmt: skip


def _trace(
    shapes: Shapes, camera: Camera, window: _Window, samples: int, seed: int
) -> tuple[Light, Light, Light]:
    """Return light, albedo and normals of a crop of the film, (h, w, 3) each."""
    mitsuba = engine()
    path = {"type": "path", "max_depth": _BOUNCES, "rr_depth": 3}
    scene = mitsuba.load_dict({
        "type": "scene",
        "integrator": {"type": "aov", "aovs": "albedo:albedo,facing:sh_normal", "light": path},
        "sensor": _sensor(camera, window),
        **shapes,
    })  # fmt: skip
    seen = np.nan_to_num(
        np.array(mitsuba.render(scene, spp=samples, seed=seed)), posinf=0, neginf=0
    )
    layers = seen.astype(np.float32)
    return layers[..., :3], layers[..., 3:6].clip(0, 1), layers[..., 6:9]


def _sensor(camera: Camera, window: _Window) -> Shapes:
    mitsuba = engine()
    height, width = window.film
    right, down, ahead = camera.rotation
    to_world = np.eye(4)
    to_world[:3, :3] = np.stack([-right, -down, ahead], axis=1)
    to_world[1, 3] = camera.height_m
    angle = 2 * math.degrees(math.atan(width / 2 / (camera.focal_px * window.scale)))
    rows, columns = window.crop.size
    return {
        "type": "perspective", "fov": angle, "fov_axis": "x", "near_clip": 0.01, "far_clip": 100.0,
        "to_world": mitsuba.ScalarTransform4f(to_world),
        "film": {
            "type": "hdrfilm", "width": width, "height": height, "pixel_format": "rgb",
            "crop_offset_x": window.crop.left, "crop_offset_y": window.crop.top,
            "crop_width": columns, "crop_height": rows, "rfilter": {"type": "box"},
        },
        "sampler": {"type": "independent"},
    }  # fmt: skip


def _cover(things: Shapes, camera: Camera, crop: Crop) -> tuple[Light, Light]:
    """Return how much of each pixel furniture covers, and how far it is."""
    scene = engine().load_dict({"type": "scene", **things})
    found = [
        _cast(scene, camera, crop, top, min(top + _ROWS_AT_ONCE, crop.bottom))
        for top in range(crop.top, crop.bottom, _ROWS_AT_ONCE)
    ]
    cover, distance = (np.concatenate(layers) for layers in zip(*found, strict=True))
    return cover, distance


def _cast(scene: Any, camera: Camera, crop: Crop, top: int, bottom: int) -> tuple[Light, Light]:  # noqa: ANN401
    steps = (np.arange(_PER_PIXEL) + 0.5) / _PER_PIXEL
    x = (np.arange(crop.left, crop.right)[:, None] + steps).ravel()
    y = (np.arange(top, bottom)[:, None] + steps).ravel()
    rays = camera.rays(np.stack(np.meshgrid(x, y), axis=-1)).reshape(-1, 3)
    rays = (rays / np.linalg.norm(rays, axis=1, keepdims=True)).astype(np.float32)
    away = (_meet if is_fast() else _meet_each)(scene, rays, camera.height_m)
    size = bottom - top, crop.right - crop.left
    blocks = away.reshape(size[0], _PER_PIXEL, size[1], _PER_PIXEL)
    cover = np.isfinite(blocks).mean(axis=(1, 3)).astype(np.float32)
    return cover, blocks.min(axis=(1, 3)).astype(np.float32)


def _meet(scene: Any, rays: NDArray[np.float32], height_m: float) -> NDArray[np.float32]:  # noqa: ANN401
    mitsuba = engine()
    way = mitsuba.Vector3f(np.ascontiguousarray(rays.T))
    hit = scene.ray_intersect_preliminary(
        mitsuba.Ray3f(mitsuba.Point3f(0, height_m, 0), way), coherent=True
    )
    away = np.array(hit.t)
    return np.where(np.array(hit.is_valid()), away, np.inf).astype(np.float32)


def _meet_each(scene: Any, rays: NDArray[np.float32], height_m: float) -> NDArray[np.float32]:  # noqa: ANN401
    mitsuba = engine()
    eye = mitsuba.Point3f(0, height_m, 0)
    hits = (
        scene.ray_intersect_preliminary(mitsuba.Ray3f(eye, mitsuba.Vector3f(*map(float, ray))))
        for ray in rays
    )
    return np.array([hit.t if hit.is_valid() else np.inf for hit in hits], np.float32)
