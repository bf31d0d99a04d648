"""What is varied of a designed room: its proportions, things, colours, light and the camera."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synthetic.assemble import Solid
from synthetic.raycast.caster import Caster, Floats, Triangles
from synthetic.raycast.lights import Lighting
from synthetic.scene import Camera, Scene
from synthetic.views import pixel_rays

Random = np.random.Generator
Indoors = Callable[[Floats, Random], "View"]
_GONE = 0.25  # of what may be taken away, where something is
_TRIES = 6
_NEAR_M, _FAR_ENOUGH_M = 0.5, 1.6
_THING = 0.1  # what another thing in sight is worth, against the logarithm of the mean depth
_SUN_FROM = 12.0  # of the sun's irradiance against a window's radiance, at most


@dataclass(frozen=True)
class View:
    """Where a picture is taken from: a camera that may be tilted.

    Attributes
    ----------
    camera : level; where it stands, where it looks and how much it sees
    pitch_deg, roll_deg : how it is tilted, upwards and clockwise
    shift : of the optical centre to the right, as the camera's rise is downwards; of the width
    """

    camera: Camera
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    shift: float = 0.0

    @property
    def turn(self) -> NDArray[np.float64]:
        """What brings directions of an untilted camera that looks along z to the world, (3, 3)."""
        p, r, y = np.radians([-self.pitch_deg, self.roll_deg, self.camera.yaw_deg])
        pitch = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
        roll = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
        yaw = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
        turned: NDArray[np.float64] = yaw @ pitch @ roll
        return turned

    def rays(self, width: int, height: int) -> Floats:
        """Return the direction through each pixel's centre, float32 (height * width, 3).

        Unit length along the optical axis: a ray's parameter is depth.
        """
        level = replace(self.camera, yaw_deg=0.0)
        flat = pixel_rays(level, width, height).reshape(-1, 3)  # x to the left, y up, z ahead
        if self.shift:
            flat[:, 0] += 2 * self.shift * math.tan(math.radians(level.hfov_deg) / 2)
        turned: Floats = (flat @ self.turn.T).astype(np.float32)
        return turned


def thin_out(scene: Scene, rng: Random) -> Scene:
    """Return the scene with some of its loose things taken away, all of them now and then."""
    chance = rng.choice([0.0, _GONE, 2 * _GONE, 1.0], p=[0.5, 0.3, 0.12, 0.08])
    gone = {i.name for i in scene.items if not i.fixed and rng.random() < chance}
    for item in scene.items:  # what stood on them goes too; bearers are listed first
        if item.support in gone:
            gone.add(item.name)
    kept = tuple(item for item in scene.items if item.name not in gone)
    return replace(scene, items=kept)


def draw_stretch(rng: Random) -> Floats:
    """Return how much wider, higher and deeper everything becomes, float32 (3,)."""
    return np.exp(rng.uniform((-0.3, -0.1, -0.3), (0.4, 0.12, 0.5))).astype(np.float32)


def stretched(triangles: Triangles, stretch: Floats) -> Triangles:
    """Return all triangles stretched along the world's axes."""
    normals = triangles.normals / stretch
    lengths = np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    return replace(triangles, corners=triangles.corners * stretch, normals=normals / lengths)


def recoloured(solids: list[Solid], rng: Random) -> dict[int, Floats]:
    """Return a tint, RGB, for the materials that are varied, by place among those of the solids."""
    kinds = dict.fromkeys(solid.material for solid in solids)
    tints = {}
    for place, _ in enumerate(kinds):
        if rng.random() < 0.5:
            grey, hue = rng.normal(-0.25, 0.45), rng.normal(0, 0.13, 3)
            tints[place] = np.exp(grey + hue).astype(np.float32)
    return tints


def draw_view(
    scene: Scene,
    size: Floats,
    caster: Caster,
    instances: NDArray[np.int64],
    rng: Random,
    indoors: Indoors,
) -> View:
    """Return a view of a stretched room: the one of some that sees most, none too close.

    Parameters
    ----------
    size : of the stretched room, metres
    instances : of each of the caster's triangles
    indoors : draws a camera in a room of a size
    """
    best, most = indoors(size, rng), -np.inf
    for _ in range(_TRIES):
        view = _outdoors(scene.camera, rng) if scene.room is None else indoors(size, rng)
        rays = view.rays(12, 9)
        origins = np.array(view.camera.position, np.float32)
        hits = caster.cast(origins, rays)
        depth = hits.distance.clip(0, 40)
        things = len(np.unique(instances[hits.triangle[hits.met]]))
        worth = float(np.log(depth.clip(0.05)).mean() + _THING * things + rng.uniform(0, 0.5))
        if np.quantile(depth, 0.08) < _NEAR_M or np.median(depth) < _FAR_ENOUGH_M:
            worth -= 10
        if worth > most:
            best, most = view, worth
    return best


def draw_indoors(size: Floats, rng: Random) -> View:
    """Return a camera anywhere in a room, mostly near a corner or a wall, that looks inwards."""
    share = rng.beta(0.6, 0.6, 2) * 0.9 + 0.05
    x, z = share * size[[0, 2]]
    target = rng.uniform(0.15, 0.85, 2) * size[[0, 2]]
    yaw_deg = float(np.degrees(np.arctan2(target[0] - x, target[1] - z)) + rng.normal(0, 12))
    height = float(np.clip(rng.normal(1.35, 0.2), 0.8, min(1.9, size[1] - 0.4)))
    camera = Camera((x, height, z), yaw_deg, float(rng.uniform(52, 96)), float(rng.normal(0, 0.03)))
    return View(camera, *_tilt(rng))


def _outdoors(camera: Camera, rng: Random) -> View:
    x, y, z = camera.position
    moved = (x + rng.normal(0, 2.5), y + rng.uniform(-0.2, 0.8), z + rng.normal(0, 2.0))
    yaw_deg = camera.yaw_deg + rng.normal(0, 10)
    return View(Camera(moved, yaw_deg, float(rng.uniform(48, 78)), camera.rise), *_tilt(rng))


def _tilt(rng: Random) -> tuple[float, float]:
    """Return pitch and roll: most photos of homes are nearly level."""
    if rng.random() < 0.4:
        return 0.0, 0.0
    return float(rng.normal(-2, 5)), float(rng.normal(0, 1.2))


def draw_lighting(panes: Floats, size: Floats, outdoors: bool, rng: Random) -> Lighting:
    """Return what shines: windows by day, the sun, lamps; and what fills the shade."""
    day = rng.random() < 0.85
    warm = np.array((1.0, 0.8, 0.58), np.float32)
    sky = np.array((0.85, 0.95, 1.1), np.float32) * np.float32(
        rng.uniform(0.5, 1.5) if day else 0.02
    )
    azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 1.1)
    flat = np.cos(elevation)
    sun = np.array((np.sin(azimuth) * flat, np.sin(elevation), np.cos(azimuth) * flat), np.float32)
    shines = (outdoors or rng.random() < 0.4) and day
    strength = np.float32(rng.uniform(2, _SUN_FROM) / 4 * shines)
    count = int(rng.integers(1, 4)) if not outdoors and (not day or rng.random() < 0.6) else 0
    places = rng.uniform(0.15, 0.85, (count, 3)) * size
    places[:, 1] = size[1] - rng.uniform(0.1, 0.7, count)
    glow = warm ** np.float32(rng.uniform(0, 1)) * np.float32(rng.uniform(1.5, 6))
    fill = np.float32(0.25 * rng.uniform(0, 1) ** 2) * np.ones(3, np.float32)
    return Lighting(
        panes=panes,
        pane_light=sky * np.float32(rng.uniform(0.8, 1.6)),
        sky_light=sky,
        sun=sun,
        sun_light=np.array((1.0, 0.9, 0.76), np.float32) * strength,
        lamps=places.astype(np.float32),
        lamp_light=glow * np.float32(count > 0),
        fill=fill,
    )
