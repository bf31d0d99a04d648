"""How much light reaches surfaces: from windows, the sun, lamps, and once from other surfaces."""

from dataclasses import dataclass, field

import numpy as np

from synthetic.raycast.caster import Caster, Floats, Triangles
from synthetic.raycast.surfaces import Surface, look_up

_OFF = 2e-3  # metres from a surface that rays start, so that they do not meet it


@dataclass(frozen=True)
class Lighting:
    """What shines.

    Attributes
    ----------
    panes : float32 (n, 3, 3), triangles of windows that give light
    pane_light, sky_light : linear RGB, of windows, and of what lies beyond everything
    sun, sun_light : where it stands, a unit vector, and its irradiance; zeros: none
    lamps : float32 (k, 3), points that shine
    lamp_light : RGB of all lamps together, at a distance of a metre
    fill : irradiance that is everywhere, as of a flash or of a bracketed exposure
    """

    panes: Floats
    pane_light: Floats
    sky_light: Floats
    sun: Floats
    sun_light: Floats
    lamps: Floats
    lamp_light: Floats
    fill: Floats


@dataclass(frozen=True)
class LitScene:
    """Triangles that rays meet, and what shines on them."""

    triangles: Triangles
    caster: Caster
    lighting: Lighting
    rays: int = field(default=3)  # to windows, and twice as many to other surfaces


def direct_light(scene: LitScene, seen: Surface, rng: np.random.Generator) -> Floats:
    """Return the irradiance, float32 (n, 3), that comes straight from what shines."""
    light = scene.lighting
    total = np.zeros_like(seen.position)
    origins = seen.position + seen.normal * np.float32(_OFF)
    for _ in range(scene.rays if len(light.panes) else 0):
        total += _pane_sample(scene, seen, origins, rng) / scene.rays
    if light.sun_light.any():
        facing = (seen.normal @ light.sun).clip(0)
        ways = np.broadcast_to(light.sun, origins.shape).astype(np.float32)
        lit = _ask(scene, origins, ways, facing > 0, as_far=False)
        total += (facing * lit)[:, None] * light.sun_light
    for lamp in light.lamps:
        ways = lamp - origins
        squared = np.maximum((ways**2).sum(axis=1), 0.04)
        facing = ((ways * seen.normal).sum(axis=1) / np.sqrt(squared)).clip(0)
        lit = _ask(scene, origins, ways, facing > 0, as_far=True)
        total += (facing * lit / squared)[:, None] * (light.lamp_light / len(light.lamps))
    return total


def _ask(
    scene: LitScene, origins: Floats, ways: Floats, asked: np.ndarray, *, as_far: bool
) -> Floats:
    """Return 1 where nothing is in a ray's way, of those that are asked about."""
    free = np.zeros(len(ways), np.float32)
    if asked.any():
        free[asked] = scene.caster.is_free(origins[asked], ways[asked], as_far)
    return free


def _pane_sample(
    scene: LitScene, seen: Surface, origins: Floats, rng: np.random.Generator
) -> Floats:
    """Return what one point of the windows, another for each surface, gives."""
    panes = scene.lighting.panes
    crosses = np.cross(panes[:, 1] - panes[:, 0], panes[:, 2] - panes[:, 0])
    areas = np.linalg.norm(crosses, axis=1) / 2
    chosen = rng.choice(len(panes), len(origins), p=areas / areas.sum())
    a, b = rng.random((2, len(origins), 1), np.float32)
    over = a + b > 1
    a, b = np.where(over, 1 - a, a), np.where(over, 1 - b, b)
    corner = panes[chosen]
    points = corner[:, 0] + a * (corner[:, 1] - corner[:, 0]) + b * (corner[:, 2] - corner[:, 0])
    ways = (points - origins).astype(np.float32)
    squared = np.maximum((ways**2).sum(axis=1), 0.01)
    length = np.sqrt(squared)
    facing = ((ways * seen.normal).sum(axis=1) / length).clip(0)
    normals = crosses / np.maximum(2 * areas, 1e-9)[:, None]
    leaving = np.abs((ways * normals[chosen]).sum(axis=1) / length)
    lit = _ask(scene, origins, ways, facing > 1e-3, as_far=True)
    share = (facing * leaving * lit / squared * areas.sum()).clip(0, 8)[:, None]
    given: Floats = (share * scene.lighting.pane_light).astype(np.float32)
    return given


def bounced_light(
    scene: LitScene, seen: Surface, around: Floats, rng: np.random.Generator
) -> Floats:
    """Return the irradiance that other surfaces and the sky give.

    Parameters
    ----------
    around : RGB, the irradiance that the other surfaces are taken to have
    """
    count = 2 * scene.rays
    total = np.zeros_like(seen.position)
    origins = seen.position + seen.normal * np.float32(_OFF)
    for _ in range(count):
        ways = _hemisphere(seen.normal, rng)
        hits = scene.caster.cast(origins, ways)
        other = look_up(scene.triangles, hits, origins, ways, drawn=False)
        total += np.where(hits.met[:, None], other.albedo * around, scene.lighting.sky_light)
    return (total / np.float32(count)).astype(np.float32)


def _hemisphere(normal: Floats, rng: np.random.Generator) -> Floats:
    """Return a direction for each normal, likelier the closer to it (its cosine)."""
    ball = rng.normal(size=normal.shape).astype(np.float32)
    ball /= np.maximum(np.linalg.norm(ball, axis=1, keepdims=True), 1e-9)
    return (normal + ball * np.float32(0.999)).astype(np.float32)


def mirrored(scene: LitScene, seen: Surface, ways: Floats, around: Floats) -> Floats:
    """Return the light that arrives from where a mirror at each surface would show."""
    along = (ways * seen.normal).sum(axis=1, keepdims=True)
    turned = (ways - 2 * along * seen.normal).astype(np.float32)
    origins = seen.position + seen.normal * np.float32(_OFF)
    hits = scene.caster.cast(origins, turned)
    other = look_up(scene.triangles, hits, origins, turned)
    return np.where(hits.met[:, None], other.albedo * around, scene.lighting.sky_light)
