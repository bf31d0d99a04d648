"""Makes the meshes of the design kits: CC0 models, and furniture that our generator builds.

    python benchmarks/make_kit_meshes.py FURNITURE OUT

FURNITURE is a Sweet Home 3D library (Debian's sweethome3d-furniture); OUT is `serving/kits/meshes`.
A mesh is an .npz: for each part `NAME.vertices` (n, 3) uint16 within the thing's box, `.normals`
(n, 3) int8, `.uvs` (n, 2) float16 in metres, `.faces` (m, 3) uint16 or uint32. The box is of size
1: a kit says how large it is.
"""

import argparse
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthetic.bedding import build_bed, make_bedside_table
from synthetic.catalogue import Model, read_catalogue
from synthetic.furniture import make_bookshelf, make_coffee_table, make_sideboard, make_table
from synthetic.meshes import Mesh, join_meshes, mesh_shape, project_uvs
from synthetic.objfiles import load_model
from synthetic.palette import Palette, choose_palette
from synthetic.scene import Item, Material, Part
from synthetic.seating import build_sofa, make_armchair, make_chair, make_office_chair
from synthetic.shapes import Box, Loft, Quad, Ring, Tube
from synthetic.workplace import make_desk

MODELS = (
    "armchair2", "bedWithTexture", "chair2", "chairWithCushion", "decorativePlant",
    "modernArmchair", "oakTable", "plant", "sofa2", "table", "winchesterArmchair",
    "winchesterSofa",
)  # fmt: skip
Arrays = dict[str, NDArray[np.generic]]


def snake(name: str) -> str:
    """Return a name in lower case with underscores."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_") or "all"


def of_model(model: Model) -> dict[str, Mesh]:
    """Return the parts of a library's model."""
    parts: dict[str, list[Mesh]] = {}
    for name, (_, mesh) in load_model(model).items():
        flat = project_uvs(mesh.vertices, mesh.normals)
        parts.setdefault(snake(name), []).append(
            Mesh(mesh.vertices, mesh.normals, flat, mesh.faces)
        )
    return {name: join_meshes(meshes) for name, meshes in parts.items()}


def of_item(item: Item, palette: Palette, other: str = "accent") -> dict[str, Mesh]:
    """Return the parts of a thing that the generator built, by what they are made of."""
    known: dict[Material, str] = {
        palette.wood: "wood", palette.dark_wood: "wood", palette.upholstery: "fabric",
        palette.linen: "linen", palette.metal: "metal", palette.black: "black",
        palette.trim: "trim",
    }  # fmt: skip
    parts: dict[str, list[Mesh]] = {}
    for part in item.parts:
        name = known.get(part.material, other)
        parts.setdefault(name, []).append(mesh_shape(part.shape))
    return {name: join_meshes(meshes) for name, meshes in parts.items()}


def floor_lamp(palette: Palette) -> Item:
    """Build a standing lamp with a drum shade."""
    shade = Material((0.9, 0.88, 0.82))
    parts = [
        Part(
            Loft((Ring(0, 0.14, 0.14), Ring(0.02, 0.14, 0.14), Ring(0.025, 0.1, 0.1))),
            palette.metal,
        ),
        Part(Tube(((0, 0.02, 0), (0, 1.5, 0)), 0.011), palette.metal),
        Part(Loft((Ring(1.3, 0.22, 0.22), Ring(1.62, 0.18, 0.18)), segments=48), shade),
    ]
    return Item("lamp", "lamp", (0.44, 1.62, 0.44), parts=tuple(parts))


def table_lamp(palette: Palette) -> Item:
    """Build a lamp with a ceramic foot."""
    shade = Material((0.9, 0.88, 0.82))
    foot = ((0, 0.06), (0.02, 0.075), (0.08, 0.1), (0.16, 0.085), (0.23, 0.035), (0.3, 0.018))
    parts = [
        Part(Loft(tuple(Ring(y, r, r) for y, r in foot), segments=40), palette.wood),
        Part(Loft((Ring(0.28, 0.17, 0.17), Ring(0.5, 0.12, 0.12)), segments=48), shade),
    ]
    return Item("lamp", "lamp", (0.34, 0.5, 0.34), parts=tuple(parts))


def picture() -> dict[str, Mesh]:
    """Build a framed picture, 1 m by 1 m; its picture is mapped once."""
    rim, deep = 0.025, 0.03
    bars = [
        Box((0, 0, 0), (1, rim, deep), 0.003), Box((0, 1 - rim, 0), (1, rim, deep), 0.003),
        Box((0.5 - rim / 2, rim, 0), (rim, 1 - 2 * rim, deep), 0.003),
        Box((-0.5 + rim / 2, rim, 0), (rim, 1 - 2 * rim, deep), 0.003),
    ]  # fmt: skip
    sheet = mesh_shape(Quad((-0.5 + rim, rim, 0.004), (1 - 2 * rim, 0, 0), (0, 1 - 2 * rim, 0)))
    uvs = np.array([[0.0, 0.0], [1, 0], [1, 1], [0, 1]])
    art = Mesh(sheet.vertices, sheet.normals, uvs, sheet.faces)
    return {"frame": join_meshes([mesh_shape(bar) for bar in bars]), "art": art}


def rug() -> dict[str, Mesh]:
    """Build a rug, 1 m by 1 m and 1 cm high; its pattern is mapped once."""
    top = mesh_shape(Quad((-0.5, 0.01, 0.5), (1, 0, 0), (0, 0, -1)))
    uvs = np.array([[0.0, 0.0], [1, 0], [1, 1], [0, 1]])
    turns = (
        ((-0.5, 0.5), (1, 0)),
        ((0.5, 0.5), (0, -1)),
        ((0.5, -0.5), (-1, 0)),
        ((-0.5, -0.5), (0, 1)),
    )
    rims = [Quad((x, 0, z), (dx, 0, dz), (0, 0.01, 0)) for (x, z), (dx, dz) in turns]
    edge = join_meshes([mesh_shape(rim) for rim in rims])
    return {"pattern": Mesh(top.vertices, top.normals, uvs, top.faces), "edge": edge}


def built(palette: Palette) -> dict[str, dict[str, Mesh]]:
    """Return what the generator builds, by name."""
    items = {
        "block_sofa": build_sofa("sofa", 2.1, palette),
        "block_loveseat": build_sofa("sofa", 1.6, palette),
        "block_bed": build_bed("bed", palette),
        "small_bed": build_bed("bed", palette, 1.4, 2.08),
        "round_table": make_coffee_table("table", palette),
        "long_table": make_table("table", 1.8, 0.9, palette),
        "small_table": make_table("table", 1.1, 0.7, palette),
        "oak_sideboard": make_sideboard("sideboard", 1.5, palette),
        "open_shelf": make_bookshelf("shelf", 0.9, 1.9, palette, 5),
        "wooden_chair": make_chair("chair", {}, palette, 0),
        "swivel_chair": make_office_chair("chair", palette),
        "steel_desk": make_desk("desk", palette),
        "drawer_table": make_bedside_table("table", {}, palette),
        "standing_lamp": floor_lamp(palette),
        "ceramic_lamp": table_lamp(palette),
    }
    found = {name: of_item(item, palette) for name, item in items.items()}
    easy_chair = make_armchair("armchair", {}, palette, 0)
    found["block_armchair"] = of_item(easy_chair, palette, other="fabric")
    return found | {"framed_picture": picture(), "flat_rug": rug()}


def weld(mesh: Mesh, low: NDArray[np.float64], size: NDArray[np.float64]) -> Arrays:
    """Return a part as it is kept: corners that are the same are kept once."""
    place = np.rint((mesh.vertices - low) / size * 65535).clip(0, 65535).astype(np.uint16)
    normals = np.rint(mesh.normals * 127).astype(np.int8)
    uvs = mesh.uvs.astype(np.float16)
    rows = np.concatenate(
        [place.view(np.uint8), normals.view(np.uint8), uvs.view(np.uint8)], axis=1
    )
    _, first, back = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    faces = back.ravel()[mesh.faces]
    kept = (
        (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])
    )
    kind = np.uint16 if len(first) < 65536 else np.uint32
    return {
        "vertices": place[first], "normals": normals[first], "uvs": uvs[first],
        "faces": faces[kept].astype(kind),
    }  # fmt: skip


def write(path: Path, parts: dict[str, Mesh]) -> int:
    """Write a mesh; return its triangles."""
    corners = np.concatenate([mesh.vertices for mesh in parts.values()])
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = np.maximum(high - low, 1e-6)
    arrays: Arrays = {"size": size.astype(np.float32)}
    triangles = 0
    for name, mesh in sorted(parts.items()):
        kept = weld(mesh, low, size)
        triangles += len(kept["faces"])
        arrays |= {f"{name}.{key}": value for key, value in kept.items()}
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return triangles


def main() -> None:
    """Write every mesh and say what it has."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("furniture", type=Path)
    reader.add_argument("out", type=Path)
    asked = reader.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    catalogue = read_catalogue(asked.furniture)
    meshes = {snake(name): of_model(catalogue[name]) for name in MODELS if name in catalogue}
    meshes |= built(choose_palette(3))
    for name, parts in sorted(meshes.items()):
        path = asked.out / f"{name}.npz"
        triangles = write(path, parts)
        size = np.load(path)["size"] * 100
        print(f"{name:22} {triangles:7} {path.stat().st_size // 1024:5} KiB", end="  ")
        print("x".join(f"{side:.0f}" for side in size), " ".join(sorted(parts)))


if __name__ == "__main__":
    main()
