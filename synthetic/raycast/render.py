"""Draws views of a room: photo, true depth along the optical axis, and what is seen."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from synthetic.assemble import assemble_solids, class_of_instance, visible_items
from synthetic.catalogue import Catalogue
from synthetic.noise import noise
from synthetic.raycast.caster import Caster, Floats, Hits, gather_triangles
from synthetic.raycast.lights import LitScene, bounced_light, direct_light, mirrored
from synthetic.raycast.surfaces import Surface, look_up
from synthetic.raycast.variation import (
    Indoors,
    View,
    draw_indoors,
    draw_lighting,
    draw_stretch,
    draw_view,
    recoloured,
    stretched,
    thin_out,
)
from synthetic.scene import Scene
from synthetic.tone import develop

Random = np.random.Generator
_APART = 3  # the light of other surfaces is gathered for every ninth pixel
_STEPS = (1, 2, 4)  # pixels, of what light is averaged over
_ALIKE, _CLOSE = 0.95, 0.02  # cosine of normals, and share of the depth for each pixel of a step
_SHINY = 0.45


@dataclass(frozen=True)
class SeenRoom:
    """A picture of a room and what is true of it.

    Attributes
    ----------
    photo : uint8 (height, width, 3), sRGB
    depth_m : float32 (height, width), along the optical axis; inf where the sky is seen
    classes : uint8 (height, width), indices into `synthetic.scene.CATEGORIES`
    planes : uint8 (height, width), which flat part of the shell is seen: 0 none, else a wall, the
        floor or the ceiling, each with its own number
    view : the camera, in the room's coordinates
    size_m : float32 (3,), the room's width, height and depth
    """

    photo: NDArray[np.uint8]
    depth_m: Floats
    classes: NDArray[np.uint8]
    planes: NDArray[np.uint8]
    view: View
    size_m: Floats


@dataclass(frozen=True)
class Shooting:
    """How views are taken.

    Attributes
    ----------
    indoors : draws a camera in a room of a size
    rays : to windows from each pixel; fewer are cheaper, and leave light blotchy
    scattered : whether a pixel's ray goes through any point of it, not through its middle: edges
        are grainy then, and no steps run along them
    """

    indoors: Indoors = draw_indoors
    rays: int = 3
    scattered: bool = False


_USUAL = Shooting()


@dataclass(frozen=True)
class Negative:
    """What arrives at the camera, before it is developed, and what is true of it.

    Attributes
    ----------
    light : float32 (height, width, 3), linear
    outside : bool (height, width), what lies beyond a window; it is not metered
    instances : int64 (height, width), 0 for nothing
    """

    light: Floats
    outside: NDArray[np.bool_]
    depth_m: Floats
    instances: NDArray[np.int64]
    planes: NDArray[np.uint8]


@dataclass(frozen=True)
class ReadyRoom:
    """A room ready to be looked at.

    Attributes
    ----------
    size : of the stretched room, float32 (width, height, depth), metres
    """

    scene: Scene
    lit: LitScene
    panes: Caster | None
    tints: dict[int, Floats]
    size: Floats
    pane_instances: NDArray[np.int64]


def draw_views(
    scene: Scene,
    catalogue: Catalogue,
    size: tuple[int, int],
    count: int,
    seed: int,
    how: Shooting = _USUAL,
) -> Iterator[SeenRoom]:
    """Yield some views of a room, varied in proportions, things, colours, light and camera.

    Parameters
    ----------
    scene : the design; its own camera is not used indoors
    size : (width, height) in pixels
    seed : of all that is varied
    """
    rng = np.random.default_rng((seed, 2711))
    ready = prepare(thin_out(scene, rng), catalogue, rng)
    ready = replace(ready, lit=replace(ready.lit, rays=how.rays))
    for _ in range(count):
        instances = ready.lit.triangles.instances
        view = draw_view(ready.scene, ready.size, ready.lit.caster, instances, rng, how.indoors)
        light = draw_lighting(ready.lit.lighting.panes, ready.size, scene.room is None, rng)
        lit = replace(ready, lit=replace(ready.lit, lighting=light))
        ways = view.rays(*size)
        if how.scattered:
            ways = _scattered(ways, view, size[0], rng)
        yield _look(lit, view, ways, size, rng)


def prepare(scene: Scene, catalogue: Catalogue, rng: Random) -> ReadyRoom:
    """Return a room with its proportions, colours and light drawn."""
    solids = assemble_solids(visible_items(scene), catalogue)
    solids = [solid for solid in solids if solid.material.finish != "glass"]
    stretch = draw_stretch(rng)
    every = stretched(gather_triangles(solids), stretch)
    is_pane = np.array([kind.finish == "sky" for kind in every.kinds])[every.materials]
    rest, panes = every.where(~is_pane), every.where(is_pane)
    size = np.array(scene.room.size if scene.room else (40, 12, 40), np.float32) * stretch
    lighting = draw_lighting(panes.corners, size, scene.room is None, rng)
    lit = LitScene(rest, Caster(rest), lighting)
    behind = Caster(panes) if len(panes.corners) else None
    return ReadyRoom(scene, lit, behind, recoloured(solids, rng), size, panes.instances)


def _scattered(ways: Floats, view: View, width: int, rng: Random) -> Floats:
    pixel = 2 * math.tan(math.radians(view.camera.hfov_deg) / 2) / width
    off = rng.uniform(-pixel / 2, pixel / 2, (len(ways), 2))
    moved: Floats = (ways + off @ view.turn[:, :2].T).astype(np.float32)
    return moved


def _look(
    ready: ReadyRoom, view: View, ways: Floats, size: tuple[int, int], rng: Random
) -> SeenRoom:
    seen = expose(ready, view, ways, size, rng)
    photo = develop(seen.light, seen.outside, float(np.exp(rng.normal(np.log(0.45), 0.3))))
    classes = class_of_instance(ready.scene)[seen.instances]
    return SeenRoom(photo, seen.depth_m, classes, seen.planes, view, ready.size)


def expose(
    ready: ReadyRoom, view: View, ways: Floats, size: tuple[int, int], rng: Random
) -> Negative:
    """Gather the light of a view of (width, height) pixels along its rays, (pixels, 3)."""
    width, height = size
    origins = np.array(view.camera.position, np.float32)
    hits = ready.lit.caster.cast(origins, ways)
    through = ready.panes.cast(origins, ways) if ready.panes else None
    seen = _tinted(look_up(ready.lit.triangles, hits, origins, ways), ready.tints)
    light = _light_of(ready, seen, hits, ways, (height, width), rng)
    outside = np.zeros(len(ways), np.bool_)
    depth = hits.distance.copy()
    instance = np.where(hits.met, ready.lit.triangles.instances[hits.triangle], 0)
    sky = _backdrop(ways, ready.lit.lighting.sky_light, rng)
    if through is not None:
        outside = through.distance < hits.distance
        depth = np.minimum(depth, through.distance)
        instance = np.where(outside, ready.pane_instances[through.triangle], instance)
    empty = outside | ~hits.met
    light[empty] = sky[empty]
    shape = height, width
    return Negative(
        np.asarray(cv2.GaussianBlur(light.reshape(*shape, 3), (0, 0), 0.5), np.float32),
        outside.reshape(shape),
        depth.reshape(shape),
        instance.reshape(shape),
        _planes(ready, hits, seen, outside).reshape(shape),
    )


def _tinted(seen: Surface, tints: dict[int, Floats]) -> Surface:
    albedo = seen.albedo.copy()
    for place, tint in tints.items():
        albedo[seen.material == place] *= tint
    return replace(seen, albedo=albedo.clip(0.01, 0.97))


def _light_of(
    ready: ReadyRoom, seen: Surface, hits: Hits, ways: Floats, shape: tuple[int, int], rng: Random
) -> Floats:
    """Return the light, linear RGB (n, 3), that comes from surfaces to the camera."""
    direct = direct_light(ready.lit, seen, rng)
    mean_albedo = np.float32(min(0.8, float(seen.albedo[hits.met].mean()) if hits.met.any() else 0))
    around = direct[hits.met].mean(axis=0) * 1.2 / (1 - mean_albedo) + ready.lit.lighting.fill
    rows = _every_ninth(shape)
    part = Surface(seen.position[rows], seen.normal[rows], seen.albedo[rows], seen.material[rows])
    small = (-(-shape[0] // _APART), -(-shape[1] // _APART))
    coarse = bounced_light(ready.lit, part, around, rng).reshape(*small, 3)
    large = cv2.resize(cv2.blur(coarse, (3, 3)), shape[::-1], interpolation=cv2.INTER_LINEAR)
    bounced = np.asarray(large, np.float32).reshape(-1, 3)
    irradiance = _smooth(
        (direct + bounced + ready.lit.lighting.fill).reshape(*shape, 3),
        seen.normal.reshape(*shape, 3),
        hits.distance.reshape(shape),
    ).reshape(-1, 3)
    light = seen.albedo * irradiance
    return _shine(ready, seen, light, ways, around)


def _every_ninth(shape: tuple[int, int]) -> NDArray[np.int64]:
    numbers = np.arange(shape[0] * shape[1]).reshape(shape)
    return numbers[::_APART, ::_APART].ravel()


def _shine(ready: ReadyRoom, seen: Surface, light: Floats, ways: Floats, around: Floats) -> Floats:
    """Return light with what mirrors and smooth surfaces show (C. Schlick, Eurographics 1994)."""
    kinds = ready.lit.triangles.kinds
    mirror = np.array([kind.finish == "mirror" for kind in kinds] + [False])[seen.material]
    smooth = np.array([kind.roughness < _SHINY for kind in kinds] + [False])[seen.material]
    metal = np.array([kind.metallic > 0 for kind in kinds] + [False])[seen.material]
    chosen = np.flatnonzero(mirror | smooth | metal)
    if not chosen.size:
        return light
    part = Surface(
        seen.position[chosen], seen.normal[chosen], seen.albedo[chosen], seen.material[chosen]
    )
    shown = mirrored(ready.lit, part, ways[chosen], around)
    cosine = -(ways[chosen] * part.normal).sum(axis=1) / np.linalg.norm(ways[chosen], axis=1)
    fresnel = 0.04 + 0.96 * (1 - cosine.clip(0, 1)) ** 5
    share = np.where(mirror[chosen], 0.95, np.where(metal[chosen], 0.6, 0.6 * fresnel))[:, None]
    result = light.copy()
    result[chosen] = light[chosen] * (1 - share) + shown * share
    return result.astype(np.float32)


def _smooth(light: Floats, normals: Floats, depth: Floats) -> Floats:
    """Return light with its grain averaged out along flat surfaces.

    H. Dammertz et al., "Edge-avoiding à-trous wavelet transform for fast global illumination
    filtering", HPG 2010.
    """
    far = np.where(np.isfinite(depth), depth, 1e3).astype(np.float32)
    for step in _STEPS:
        total, weights = light.copy(), np.ones(far.shape, np.float32)
        for dx, dy in ((step, 0), (-step, 0), (0, step), (0, -step)):
            other = [_shifted(plane, dx, dy) for plane in (light, normals, far)]
            alike = np.einsum("yxc,yxc->yx", normals, other[1]) > _ALIKE
            weight = (alike & (np.abs(far - other[2]) < _CLOSE * step * far)).astype(np.float32)
            total += other[0] * weight[..., None]
            weights += weight
        light = total / weights[..., None]
    return light


def _shifted(plane: Floats, dx: int, dy: int) -> Floats:
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    size = plane.shape[1::-1]
    border = cv2.BORDER_REPLICATE
    return np.asarray(
        cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_NEAREST, borderMode=border), np.float32
    )


def _backdrop(ways: Floats, sky: Floats, rng: Random) -> Floats:
    """Return what is seen out of doors: sky, a line of trees, grass; linear RGB (n, 3)."""
    away = ways / np.linalg.norm(ways, axis=1, keepdims=True)
    angle = (np.arctan2(away[:, 0], away[:, 2]) / (2 * np.pi) % 1 * 2048).astype(np.int64) % 2048
    line = noise((8, 2048), (1, int(rng.integers(16, 90))), rng)[0][angle] * 0.04
    leaves = noise((256, 512), (48, 96), rng)
    rough = 1 + 0.3 * leaves[(away[:, 1] * 400).astype(np.int64) % 256, angle % 512]
    height = away[:, 1] - rng.uniform(-0.02, 0.2)
    gradient = (1.4 - away[:, 1].clip(0, 1))[:, None] * sky
    trees = np.array((0.10, 0.14, 0.06), np.float32) * sky * rough[:, None]
    grass = np.array((0.20, 0.24, 0.11), np.float32) * sky * rough[:, None]
    bright = np.float32(rng.uniform(0.7, 3))
    below = np.where((away[:, 1] < -0.05)[:, None], grass, trees)
    seen: Floats = np.where((height > line)[:, None], gradient, below).astype(np.float32) * bright
    return seen


_SHELL = ("floor", "ceiling", "wall-back", "wall-right", "wall-front", "wall-left")


def _planes(
    ready: ReadyRoom, hits: Hits, seen: Surface, outside: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    names = ["", *(item.name for item in visible_items(ready.scene))]
    number = np.array([_SHELL.index(n) + 1 if n in _SHELL else 0 for n in names], np.uint8)
    instance = np.where(hits.met, ready.lit.triangles.instances[hits.triangle], 0)
    found = number[instance]
    straight = np.abs(seen.normal).max(axis=1) > 0.999
    return np.where(outside | ~straight, 0, _facing(found, seen)).astype(np.uint8)


def _facing(found: NDArray[np.uint8], seen: Surface) -> NDArray[np.uint8]:
    """Return 0 for parts of a wall that do not face as it does: reveals, boards and mouldings."""
    axis = np.abs(seen.normal).argmax(axis=1)
    wanted = np.array([-1, 1, 1, 2, 0, 2, 0])[found]
    return np.where(axis == wanted, found, 0).astype(np.uint8)
