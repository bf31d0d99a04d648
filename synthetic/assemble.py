"""From a scene to triangles in world coordinates, each group of one thing and one material."""

from dataclasses import dataclass

import numpy as np

from synthetic.catalogue import Catalogue
from synthetic.meshes import Mesh, join_meshes, mesh_shape, project_uvs, transform_mesh
from synthetic.objfiles import load_model
from synthetic.scene import CATEGORIES, Item, Material, Scene, item_to_world
from synthetic.shell import shell_items


@dataclass(frozen=True)
class Solid:
    """Triangles of one material that belong to one thing; `instance` counts from 1."""

    instance: int
    material: Material
    mesh: Mesh


def visible_items(scene: Scene) -> tuple[Item, ...]:
    """List what can be seen; the place in the list, from 1, is the instance id.

    What belongs to the building comes first, so emptying a room does not renumber it.
    """
    shell = shell_items(scene.room) if scene.room is not None else ()
    fixed = tuple(item for item in scene.items if item.fixed)
    loose = tuple(item for item in scene.items if not item.fixed)
    return shell + fixed + loose


def class_of_instance(scene: Scene) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Map instance ids to indices into CATEGORIES; instance 0 is nothing."""
    ids = [0, *(CATEGORIES.index(item.category) for item in visible_items(scene))]
    return np.array(ids, np.uint8)


def assemble_solids(items: tuple[Item, ...], catalogue: Catalogue) -> list[Solid]:
    """Return the triangles of all items; instances are numbered as the items are, from 1."""
    solids = []
    for instance, item in enumerate(items, start=1):
        matrix = item_to_world(item)
        for material, mesh in _item_meshes(item, catalogue):
            solids.append(Solid(instance, material, transform_mesh(mesh, matrix)))
    return solids


def _item_meshes(item: Item, catalogue: Catalogue) -> list[tuple[Material, Mesh]]:
    meshes: dict[Material, list[Mesh]] = {}
    for part in item.parts:
        meshes.setdefault(part.material, []).append(mesh_shape(part.shape))
    if item.model is not None:
        recolor = dict(item.recolor)
        for name, (material, mesh) in load_model(catalogue[item.model]).items():
            new = recolor.get(name, recolor.get("*"))
            if new is not None and new.image is None:
                uvs = project_uvs(mesh.vertices, mesh.normals)
                mesh = Mesh(mesh.vertices, mesh.normals, uvs, mesh.faces)
            meshes.setdefault(new or material, []).append(mesh)
    return [(material, join_meshes(group)) for material, group in meshes.items()]
