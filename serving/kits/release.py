"""The kits that come with the release, as the store of kits asks for them."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from serving.kits.assets.packing import read_mesh_facts
from serving.kits.assets.prepare import Prepared, picture_facts
from serving.kits.read import FOLDER, read_kits
from serving.staging.kit import Kit

# folders of a kit's files, as `serving.kits.meshes` reads them, and pictures of whole rooms
MESHES, TEXTURES, PREVIEWS = "meshes", "textures", "previews"


class ReleaseKits:
    """The kits of this release, in its own folder."""

    def kits(self) -> Mapping[str, Kit]:
        """Return them by name."""
        return read_kits()

    def asset(self, name: str) -> Prepared | None:
        """Return a mesh or a texture of theirs; None if there is none."""
        return _read(name)

    def preview(self, kit_id: str, room_type: str) -> Prepared | None:
        """Return a picture of a room with one of them; None where none was drawn."""
        return _read_picture(FOLDER / PREVIEWS / f"{kit_id}_{room_type}.jpg")


@lru_cache(maxsize=256)
def _read(name: str) -> Prepared | None:
    mesh, texture = (FOLDER / place for place in (f"{MESHES}/{name}.npz", f"{TEXTURES}/{name}.jpg"))
    if mesh.is_file():
        data = mesh.read_bytes()
        facts = read_mesh_facts(data).model_dump(mode="json")
        return Prepared("mesh", data, facts, "application/octet-stream")
    return _read_picture(texture)


@lru_cache(maxsize=64)
def _read_picture(path: Path) -> Prepared | None:
    if not path.is_file():
        return None
    data = path.read_bytes()
    return Prepared("picture", data, picture_facts(data), "image/jpeg")
