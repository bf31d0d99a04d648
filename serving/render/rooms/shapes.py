"""A furnished room in Mitsuba's words. Every surface is of one kind, so that one kernel serves."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.render.rooms.engine import engine
from serving.staging.furnish.scene import Scene
from serving.staging.room import Floats
from serving.staging.things import RGB, Look, Part, Vectors

Shapes = dict[str, Any]
_BEHIND_M = 2.0  # the room goes on behind the camera
_UVS: NDArray[np.float32] = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
_FACES: NDArray[np.uint32] = np.array([[0, 1, 2], [0, 2, 3]], np.uint32)


def room_shapes(scene: Scene) -> Shapes:
    """Return the walls, floor and ceiling, and what gives light."""
    light, box = scene.lighting, scene.room.box
    left, right, far, top = -box.left_m, box.right_m, -box.front_m, box.height_m
    near = _BEHIND_M
    floor = [[left, 0, near], [right, 0, near], [right, 0, far], [left, 0, far]]
    ceiling = [[left, top, far], [right, top, far], [right, top, near], [left, top, near]]
    sides: dict[str, tuple[list[list[float]], RGB]] = {
        "floor": (floor, light.floor),
        "ceiling": (ceiling, light.ceiling),
        "front": (_upright((left, far), (right, far), top), light.wall),
        "left": (_upright((left, near), (left, far), top), light.wall),
        "right": (_upright((right, far), (right, near), top), light.wall),
        "back": (_upright((right, near), (left, near), top), light.wall),
    }
    shapes = {
        name: _quad(name, np.array(at, float), Look(rgb, 0.9)) for name, (at, rgb) in sides.items()
    }
    for number, emitter in enumerate(light.emitters):
        name = f"emitter{number}"
        shapes[name] = _quad(name, emitter.corners, Look((0.0, 0.0, 0.0)), emitter.radiance)
    return shapes


def thing_shapes(scene: Scene) -> Shapes:
    """Return the furniture."""
    # One surface for each look: every one more is compiled and asked on its own.
    surfaces: dict[int, Any] = {}
    shapes: Shapes = {}
    for number, thing in enumerate(scene.things):
        for at, part in enumerate(thing.parts()):
            if id(part.look) not in surfaces:
                surfaces[id(part.look)] = engine().load_dict(_surface(part.look))
            name = f"thing{number}_{at}"
            shapes[name] = _shape(name, part, None, surfaces[id(part.look)])
    return shapes


def _upright(start: tuple[float, float], end: tuple[float, float], top: float) -> list[list[float]]:
    """Return a wall's corners, counter-clockwise from the room, from its left end (x, z)."""
    (x0, z0), (x1, z1) = start, end
    return [[x0, 0, z0], [x1, 0, z1], [x1, top, z1], [x0, top, z0]]


def _quad(name: str, corners: Floats, look: Look, radiance: RGB | None = None) -> Any:  # noqa: ANN401
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    normals: Vectors = np.tile(normal / np.linalg.norm(normal), (4, 1)).astype(np.float32)
    return _shape(name, Part(corners.astype(np.float32), normals, _UVS, _FACES, look), radiance)


def _shape(name: str, part: Part, radiance: RGB | None, surface: Any = None) -> Any:  # noqa: ANN401
    mitsuba = engine()
    properties = mitsuba.Properties()
    properties["bsdf"] = surface or mitsuba.load_dict(_surface(part.look))
    if radiance is not None:
        glow = {"type": "area", "radiance": {"type": "rgb", "value": list(radiance)}}
        properties["emitter"] = mitsuba.load_dict(glow)
    shape = mitsuba.Mesh(
        name, len(part.vertices), len(part.faces), props=properties,
        has_vertex_normals=True, has_vertex_texcoords=True,
    )  # fmt: skip
    arrays = mitsuba.traverse(shape)
    arrays["vertex_positions"] = np.ascontiguousarray(part.vertices, np.float32).ravel()
    arrays["vertex_normals"] = np.ascontiguousarray(part.normals, np.float32).ravel()
    # Pictures start at their top, and v goes up.
    arrays["vertex_texcoords"] = np.ascontiguousarray(part.uvs * (1, -1), np.float32).ravel()
    arrays["faces"] = np.ascontiguousarray(part.faces, np.uint32).ravel()
    arrays.update()
    return shape


def _surface(look: Look) -> Shapes:
    return {
        "type": "twosided",
        "surface": {
            "type": "principled", "base_color": _colour(look), "roughness": look.roughness,
            "metallic": look.metallic, "specular": 0.4,
        },
    }  # fmt: skip


def _colour(look: Look) -> Shapes:
    pixels = _plain(look.rgb) if look.texture is None else look.texture
    raw = look.texture is None
    return {"type": "bitmap", "bitmap": engine().Bitmap(pixels), "raw": raw}


@lru_cache(maxsize=256)
def _plain(rgb: RGB) -> NDArray[np.float32]:
    return np.broadcast_to(np.array(rgb, np.float32), (1, 1, 3)).copy()
