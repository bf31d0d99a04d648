"""Light gathered by the camera: Mitsuba runs, a few samples per pixel at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthetic.denoise import Light
from synthetic.mitsuba_scene import load_mitsuba, sensor
from synthetic.scene import Camera

# Keeps the wavefront of a 1536 x 1024 picture under 2 GB.
SAMPLES_AT_ONCE = 8
GUIDE_SAMPLES = 4
DEPTH = 8
DEPTH_OUTDOORS = 4


@dataclass(frozen=True)
class Exposure:
    """Linear light (h, w, 3), its guides for denoising, and how much of a pixel is not sky (h, w).

    Light that reaches the camera straight from a window or the sky is left out of `light` if
    emitters were hidden.
    """

    light: Light
    albedo: Light
    normals: Light
    cover: NDArray[np.float32]


@dataclass(frozen=True)
class Effort:
    """How big, how clean, and which noise."""

    width: int
    height: int
    samples: int
    seed: int


def load_scene(shapes: Mapping[str, Any], camera: Camera, effort: Effort, indoors: bool) -> Any:  # noqa: ANN401
    """Load shapes and lights into Mitsuba with the camera.

    Indoors no emitter is seen directly, and light bounces long; out of doors most of it comes
    straight from the sky.
    """
    depth = DEPTH if indoors else DEPTH_OUTDOORS
    path = {"type": "path", "max_depth": depth, "rr_depth": 4, "hide_emitters": indoors}
    return load_mitsuba().load_dict(
        {
            "type": "scene",
            "integrator": path,
            "sensor": sensor(camera, effort.width, effort.height),
            **shapes,
        }
    )


def expose(scene: Any, effort: Effort) -> Exposure:  # noqa: ANN401
    """Average `effort.samples` samples per pixel of a loaded scene."""
    picture = _average(scene, scene.integrator(), effort)
    # The guides get fewer samples: gathering them costs more than following a path.
    guides = load_mitsuba().load_dict(
        {
            "type": "aov",
            "aovs": "albedo:albedo,normal:sh_normal",
        }
    )
    layers = _average(
        scene, guides, replace(effort, samples=min((effort.samples + 1) // 2, GUIDE_SAMPLES))
    )
    light, cover = picture[..., :3], picture[..., 3]
    return Exposure(light, layers[..., -6:-3].clip(0, 1), layers[..., -3:], cover)


def _average(scene: Any, integrator: Any, effort: Effort) -> NDArray[np.float32]:  # noqa: ANN401
    mi = load_mitsuba()
    total: NDArray[np.float32] | None = None
    done = 0
    while done < effort.samples:
        count = min(SAMPLES_AT_ONCE, effort.samples - done)
        seed = effort.seed * 1009 + done
        picture = np.array(mi.render(scene, integrator=integrator, spp=count, seed=seed))
        picture = np.nan_to_num(picture, posinf=0.0, neginf=0.0) * np.float32(count)
        total = picture if total is None else total + picture
        done += count
    if total is None:
        raise ValueError("a picture needs at least one sample per pixel")
    return (total / np.float32(effort.samples)).astype(np.float32)


def add_exposures(first: Exposure, second: Exposure) -> Exposure:
    """Add the light of a second exposure of the same view."""
    return Exposure(first.light + second.light, first.albedo, first.normals, first.cover)
