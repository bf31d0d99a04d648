"""Reads meshes where a file that is made to do harm harms nobody.

Called by `serving.isolation` in a process of its own.
"""

from collections.abc import Mapping

from serving.errors import BadInput
from serving.isolation import Allocate, Reply
from serving.kits.assets.glb import MAGIC, read_glb
from serving.kits.assets.obj import read_obj
from serving.kits.assets.packing import pack_mesh


def handle(request: Mapping[str, object], data: memoryview, allocate: Allocate) -> Reply:
    """Bring a mesh into the form in which it is kept; what is wrong with it is the reply."""
    whole = bytes(data)
    try:
        pot = read_glb(whole) if whole.startswith(MAGIC) else read_obj(whole)
        packed, facts = pack_mesh(pot.parts(), float(str(request["unit_m"])))
    except BadInput as error:
        return {"bad": str(error)}
    except MemoryError:
        return {"bad": "the mesh takes more memory to read than a mesh of its size should"}
    allocate(len(packed))[:] = packed
    return {"facts": facts.model_dump(mode="json")}
