"""Renders a scene: the photograph, and what is true of every pixel of it."""

import logging
import time
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from synthetic.assemble import Solid, assemble_solids, class_of_instance, visible_items
from synthetic.catalogue import Catalogue
from synthetic.denoise import Light, denoise
from synthetic.expose import Effort, Exposure, add_exposures, expose, load_scene
from synthetic.garden import garden_items
from synthetic.mitsuba_scene import build_meshes, daylight, sunlight
from synthetic.scene import Scene
from synthetic.tone import develop, middle_tone
from synthetic.truth import Truth, cast_truth
from synthetic.views import intrinsics, project_points, room_corners, world_to_camera

log = logging.getLogger(__name__)

# How much brighter than the room the garden is exposed, as in a window pulled from a bracket.
GARDEN_EXPOSURE = 2.6
SOFTNESS = 0.0013


@dataclass(frozen=True)
class RenderedRoom:
    """A photo and its ground truth, all from one camera.

    photo : uint8 (height, width, 3), sRGB
    depth_m : float32 (height, width), along the optical axis; inf where the sky is seen
    normals : float32 (height, width, 3), world coordinates, towards the camera
    instances : uint16 (height, width), 0 is nothing, else the place in `names` from 1
    classes : uint8 (height, width), indices into `scene.CATEGORIES`
    names : the name of each instance
    intrinsics : float64 (3, 3), pixels
    world_to_camera : float64 (4, 4); camera x right, y down, z ahead
    corners_m : float64 (8, 3), the room's corners, floor then ceiling; (0, 3) out of doors
    corners_px : float64 (8, 2), where they fall, also outside the picture; NaN behind the camera
    """

    photo: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    normals: NDArray[np.float32]
    instances: NDArray[np.uint16]
    classes: NDArray[np.uint8]
    names: tuple[str, ...]
    intrinsics: NDArray[np.float64]
    world_to_camera: NDArray[np.float64]
    corners_m: NDArray[np.float64]
    corners_px: NDArray[np.float64]


def render(
    scene: Scene, catalogue: Catalogue, size: tuple[int, int], samples: int = 64, seed: int = 0
) -> RenderedRoom:
    """Path-trace a scene and develop it.

    Parameters
    ----------
    scene : what to render
    catalogue : where its models come from
    size : (width, height) in pixels
    samples : light paths per pixel; 4 do where Open Image Denoise is installed, 64 without
    seed : of the noise

    Returns
    -------
    RenderedRoom
        The same for the same arguments and machine.
    """
    start = time.perf_counter()
    effort = Effort(size[0], size[1], samples, seed)
    solids = assemble_solids(visible_items(scene), catalogue)
    if scene.room is None:
        photo = _photograph_outdoors(scene, solids, effort)
    else:
        photo = _photograph_room(scene, solids, effort)
    truth = _cast(scene, solids, effort)
    log.info("%s rendered in %.0f s", scene.room_type, time.perf_counter() - start)
    return _gather(scene, photo, truth)


def trace_truth(scene: Scene, catalogue: Catalogue, size: tuple[int, int]) -> Truth:
    """Return only the ground truth, which takes no light paths."""
    solids = assemble_solids(visible_items(scene), catalogue)
    return _cast(scene, solids, Effort(size[0], size[1], 1, 0))


def _cast(scene: Scene, solids: list[Solid], effort: Effort) -> Truth:
    shapes = build_meshes(solids, scene.window_light)
    loaded = load_scene(shapes, scene.camera, effort, indoors=True)
    return cast_truth(loaded, scene.camera, effort.width, effort.height)


def _photograph_room(scene: Scene, solids: list[Solid], effort: Effort) -> NDArray[np.uint8]:
    shapes = build_meshes(solids, scene.window_light)
    inside = expose(load_scene(shapes, scene.camera, effort, indoors=True), effort)
    if scene.sun.strength > 0:
        inside = add_exposures(inside, _expose_sun(scene, solids, effort))
    light = denoise(inside.light, inside.albedo, inside.normals)
    outside = 1 - inside.cover
    if outside.max() > 0:
        garden = _expose_garden(scene, effort)
        seen = garden * (middle_tone(light[outside < 0.5]) * GARDEN_EXPOSURE)
        light = light + seen * outside[..., None]
    return develop(light, outside > 0.5)


def _expose_sun(scene: Scene, solids: list[Solid], effort: Effort) -> Exposure:
    """Expose for the sun alone, with open windows; its light is sharp and needs fewer samples."""
    shapes = build_meshes(solids, None) | {"sun": sunlight(scene.sun)}
    less = replace(effort, samples=(effort.samples + 3) // 4, seed=effort.seed + 1)
    return expose(load_scene(shapes, scene.camera, less, indoors=True), less)


def _expose_garden(scene: Scene, effort: Effort) -> Light:
    """Return what the windows show, scaled to a middle tone of 1."""
    width, _, depth = scene.room.size if scene.room else (0.0, 0.0, 0.0)
    items = garden_items((width / 2, depth / 2), scene.ground_m, scene.seed)
    shapes = build_meshes(assemble_solids(items, {}), (0, 0, 0)) | {"sky": daylight(scene.sun)}
    # Half the size and a little soft: beyond the depth of field, as a lens would show it.
    size = (max(1, effort.width // 2), max(1, effort.height // 2))
    less = Effort(*size, samples=2 * effort.samples, seed=effort.seed + 2)
    view = expose(load_scene(shapes, scene.camera, less, indoors=False), less)
    light = denoise(view.light, view.albedo, view.normals)
    full = cv2.resize(light, (effort.width, effort.height), interpolation=cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(full, (0, 0), max(0.5, effort.width * SOFTNESS))
    return np.asarray(soft / max(middle_tone(light), 1e-9), np.float32)


def _photograph_outdoors(scene: Scene, solids: list[Solid], effort: Effort) -> NDArray[np.uint8]:
    shapes = build_meshes(solids, (0, 0, 0)) | {"sky": daylight(scene.sun)}
    view = expose(load_scene(shapes, scene.camera, effort, indoors=False), effort)
    return develop(denoise(view.light, view.albedo, view.normals))


def _gather(scene: Scene, photo: NDArray[np.uint8], truth: Truth) -> RenderedRoom:
    height, width = truth.depth_m.shape
    corners = room_corners(scene.room) if scene.room is not None else np.zeros((0, 3))
    return RenderedRoom(
        photo=photo,
        depth_m=truth.depth_m,
        normals=truth.normals,
        instances=truth.instances,
        classes=class_of_instance(scene)[truth.instances],
        names=tuple(item.name for item in visible_items(scene)),
        intrinsics=intrinsics(scene.camera, width, height),
        world_to_camera=world_to_camera(scene.camera),
        corners_m=corners,
        corners_px=project_points(corners, scene.camera, width, height),
    )
