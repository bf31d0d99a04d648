"""A furnished room in Mitsuba's words: one mesh of one material, and what gives light.

Whatever stands in a room, what is compiled for it is the same: what differs is in arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.render.rooms.atlas import draw_atlas
from serving.render.rooms.engine import engine
from serving.staging.furnish.scene import Scene
from serving.staging.room import Floats
from serving.staging.things import RGB, Look, Part, Vectors

Mitsuba = Any  # it ships no types
Shapes = dict[str, Mitsuba]
MESH = "room"
_BEHIND_M = 2.0  # the room goes on behind the camera
_UVS: NDArray[np.float32] = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
_FACES: NDArray[np.uint32] = np.array([[0, 1, 2], [0, 2, 3]], np.uint32)
_DARK = Look((0.0, 0.0, 0.0))


@dataclass(frozen=True, eq=False)
class Shown:
    """Shapes to be traced.

    Attributes
    ----------
    shapes : one mesh, `MESH`, of the room and then its furniture; and what gives light
    room_faces : triangles of the mesh that are the room's own: its first
    """

    shapes: Shapes
    room_faces: int


def shapes_of(scene: Scene, furnished: bool) -> Shown:
    """Return a room, with its furniture or without."""
    shell = _shell(scene)
    things = [part for thing in scene.things for part in thing.parts()] if furnished else []
    emitters = scene.lighting.emitters
    panes = [_quad(emitter.corners, _DARK) for emitter in emitters]
    picture, parts = draw_atlas([*panes, *shell, *things])
    material = engine().load_dict(_material(picture))
    panes, solid = parts[: len(panes)], parts[len(panes) :]
    shapes: Shapes = {MESH: _mesh(MESH, solid, material)}
    for number, (emitter, pane) in enumerate(zip(emitters, panes, strict=True)):
        name = f"emitter{number}"
        shapes[name] = _mesh(name, [pane], material, emitter.radiance)
    return Shown(shapes, sum(len(part.faces) for part in shell))


def _shell(scene: Scene) -> list[Part]:
    """Return the walls, floor and ceiling."""
    light, box = scene.lighting, scene.room.box
    left, right, far, top = -box.left_m, box.right_m, -box.front_m, box.height_m
    near = _BEHIND_M
    floor = [[left, 0, near], [right, 0, near], [right, 0, far], [left, 0, far]]
    ceiling = [[left, top, far], [right, top, far], [right, top, near], [left, top, near]]
    sides: list[tuple[list[list[float]], RGB]] = [
        (floor, light.floor),
        (ceiling, light.ceiling),
        (_upright((left, far), (right, far), top), light.wall),
        (_upright((left, near), (left, far), top), light.wall),
        (_upright((right, far), (right, near), top), light.wall),
        (_upright((right, near), (left, near), top), light.wall),
    ]
    return [_quad(np.array(corners, float), Look(rgb, 0.9)) for corners, rgb in sides]


def _upright(start: tuple[float, float], end: tuple[float, float], top: float) -> list[list[float]]:
    """Return a wall's corners, counter-clockwise from the room, from its left end (x, z)."""
    (x0, z0), (x1, z1) = start, end
    return [[x0, 0, z0], [x1, 0, z1], [x1, top, z1], [x0, top, z0]]


def _quad(corners: Floats, look: Look) -> Part:
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    normals: Vectors = np.tile(normal / np.linalg.norm(normal), (4, 1)).astype(np.float32)
    return Part(corners.astype(np.float32), normals, _UVS, _FACES, look)


def _mesh(
    name: str, parts: Sequence[Part], material: Mitsuba, radiance: RGB | None = None
) -> Mitsuba:
    mitsuba = engine()
    properties = mitsuba.Properties()
    properties["bsdf"] = material
    if radiance is not None:
        glow = {"type": "area", "radiance": {"type": "rgb", "value": list(radiance)}}
        properties["emitter"] = mitsuba.load_dict(glow)
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    faces = [part.faces + np.uint32(at) for part, at in zip(parts, starts, strict=False)]
    mesh = mitsuba.Mesh(
        name, int(starts[-1]), sum(map(len, faces)), props=properties,
        has_vertex_normals=True, has_vertex_texcoords=True,
    )  # fmt: skip
    counts = [len(part.vertices) for part in parts]
    for attribute in ("roughness", "metallic"):
        values = np.repeat([getattr(part.look, attribute) for part in parts], counts)
        mesh.add_attribute(f"vertex_{attribute}", 1, values.astype(np.float32))
    arrays = mitsuba.traverse(mesh)
    arrays["vertex_positions"] = _flat([part.vertices for part in parts])
    arrays["vertex_normals"] = _flat([part.normals for part in parts])
    arrays["vertex_texcoords"] = _flat([part.uvs for part in parts])
    arrays["faces"] = np.concatenate(faces).astype(np.uint32).ravel()
    arrays.update()
    return mesh


def _flat(arrays: Sequence[Vectors]) -> NDArray[np.float32]:
    return np.ascontiguousarray(np.concatenate(arrays), np.float32).ravel()


def _material(picture: NDArray[np.uint8]) -> Shapes:
    def of_vertices(name: str) -> Shapes:
        return {"type": "mesh_attribute", "name": f"vertex_{name}"}

    return {
        "type": "twosided",
        "surface": {
            "type": "principled", "specular": 0.4,
            "base_color": {"type": "bitmap", "bitmap": engine().Bitmap(picture), "raw": False},
            "roughness": of_vertices("roughness"), "metallic": of_vertices("metallic"),
        },
    }  # fmt: skip
