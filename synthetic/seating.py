"""Sofas, easy chairs and chairs, in the home's materials."""

import math

from synthetic.catalogue import Catalogue
from synthetic.models import Recolor, pick_model
from synthetic.palette import Palette, cloth, shade
from synthetic.scene import Item, Material, Part
from synthetic.shapes import Box, Loft, Ring, Tube


def make_sofa(name: str, catalogue: Catalogue, palette: Palette, choice: int) -> Item:
    """Build a sofa in the home's upholstery: a catalogue model, else built."""
    models = ("sofa2", "winchesterSofa", "couch2")
    order = models[choice % 3 :] + models[: choice % 3]
    fabric = palette.upholstery
    recolor = (
        ("Fabric", fabric), ("Trim", fabric), ("Wood", palette.dark_wood), ("dark_fabric", fabric),
        ("alu", palette.metal), *_chesterfield(fabric, palette.dark_wood),
    )  # fmt: skip
    return pick_model(catalogue, order, name, "sofa", recolor) or build_sofa(name, 2.1, palette)


def build_sofa(name: str, width: float, palette: Palette) -> Item:
    """Build a three-seater of upholstered blocks on short legs."""
    fabric, arm, deep = palette.upholstery, 0.17, 0.92
    seat = (width - 2 * arm) / 3
    parts = [Part(Box((0, 0.12, 0), (width - 0.02, 0.16, deep - 0.04), 0.03), fabric)]
    for side in (-1, 1):
        parts.append(
            Part(Box((side * (width - arm) / 2, 0.12, 0), (arm, 0.48, deep), 0.05), fabric)
        )
    parts.append(Part(Box((0, 0.12, -deep / 2 + 0.1), (width, 0.68, 0.2), 0.06), fabric))
    for k in (-1, 0, 1):
        parts.append(
            Part(Box((k * seat, 0.28, 0.1), (seat - 0.008, 0.17, deep - 0.24), 0.05), fabric)
        )
        parts.append(Part(Box((k * seat, 0.44, -0.2), (seat - 0.012, 0.4, 0.17), 0.07), fabric))
    for x in (-1, 1):
        for z in (-1, 1):
            leg = Box((x * (width / 2 - 0.1), 0, z * (deep / 2 - 0.1)), (0.045, 0.12, 0.045), 0.004)
            parts.append(Part(leg, palette.dark_wood))
    return Item(name, "sofa", (width, 0.84, deep), parts=tuple(parts))


def make_armchair(name: str, catalogue: Catalogue, palette: Palette, choice: int) -> Item:
    """Build an easy chair in an accent colour."""
    color = palette.accents[choice % 2]
    fabric = cloth(shade(color, 0.86), shade(color, 1.08))
    model = "winchesterArmchair" if choice % 2 else "modernArmchair"
    recolor = (*_chesterfield(fabric, palette.dark_wood), ("Cuir", fabric), ("Textile", fabric))
    found = pick_model(catalogue, (model,), name, "armchair", recolor)
    return found or _build_armchair(name, fabric, palette)


def _chesterfield(fabric: Material, wood: Material) -> Recolor:
    """Return the buttoned models, whose cover is cut into several materials."""
    cover = tuple((part, fabric) for part in ("Back", "Buttons", "Sit", "Surround"))
    return (*cover, ("Feet", wood))


def _build_armchair(name: str, fabric: Material, palette: Palette) -> Item:
    parts = [Part(Box((0, 0.2, 0.04), (0.62, 0.2, 0.66), 0.05), fabric)]
    parts.append(Part(Box((0, 0.25, -0.32), (0.74, 0.55, 0.14), 0.06), fabric))
    for x in (-0.33, 0.33):
        parts.append(Part(Box((x, 0.2, 0.0), (0.1, 0.36, 0.74), 0.045), fabric))
        for z in (-0.3, 0.3):
            parts.append(Part(Box((x, 0, z), (0.04, 0.2, 0.04), 0.005), palette.wood))
    return Item(name, "armchair", (0.78, 0.8, 0.8), parts=tuple(parts))


def make_chair(name: str, catalogue: Catalogue, palette: Palette, choice: int) -> Item:
    """Build a dining chair."""
    models = ("osakaChair", "chairWithCushion", "thonet")
    order = models[choice % 3 :] + models[: choice % 3]
    recolor = (
        ("Osaka_Mat", palette.wood), ("ChairWood", palette.wood), ("Cloth", palette.linen),
    )  # fmt: skip
    return pick_model(catalogue, order, name, "chair", recolor) or _build_chair(name, palette)


def _build_chair(name: str, palette: Palette) -> Item:
    wood = palette.wood
    parts = [Part(Box((0, 0.43, 0.01), (0.43, 0.035, 0.42), 0.012), wood)]
    for x in (-0.19, 0.19):
        parts.append(Part(Box((x, 0, 0.19), (0.032, 0.43, 0.032), 0.008), wood))
        parts.append(Part(Box((x, 0, -0.2), (0.032, 0.86, 0.032), 0.008), wood))
    parts += [Part(Box((0, y, -0.2), (0.36, 0.07, 0.018), 0.006), wood) for y in (0.6, 0.76)]
    return Item(name, "chair", (0.44, 0.86, 0.44), parts=tuple(parts))


def make_office_chair(name: str, palette: Palette) -> Item:
    """Build a swivel chair on castors."""
    fabric = cloth((0.2, 0.21, 0.22), (0.3, 0.31, 0.32))
    parts = [Part(Box((0, 0.43, 0.02), (0.48, 0.08, 0.47), 0.035), fabric)]
    parts.append(Part(Box((0, 0.6, -0.23), (0.44, 0.5, 0.06), 0.028), fabric))
    parts.append(
        Part(Tube(((0, 0.44, -0.12), (0, 0.46, -0.26), (0, 0.7, -0.275)), 0.018), palette.black)
    )
    parts.append(Part(Tube(((0, 0.1, 0), (0, 0.43, 0)), 0.026), palette.metal))
    for k in range(5):
        a = k * 2 * math.pi / 5 + 0.3
        tip = (0.28 * math.sin(a), 0.07, 0.28 * math.cos(a))
        parts.append(Part(Tube(((0, 0.11, 0), tip), 0.018), palette.black))
        parts.append(
            Part(
                Loft(
                    (Ring(0, 0.02, 0.02), Ring(0.028, 0.03, 0.03), Ring(0.056, 0.02, 0.02)),
                    (tip[0], 0, tip[2]),
                    segments=16,
                ),
                palette.black,
            )
        )
    for s in (-1, 1):
        arm = ((s * 0.25, 0.46, -0.05), (s * 0.285, 0.55, -0.05), (s * 0.285, 0.66, -0.02))
        parts.append(Part(Tube(arm, 0.013), palette.black))
        parts.append(Part(Box((s * 0.285, 0.655, 0.04), (0.06, 0.025, 0.24), 0.01), palette.black))
    return Item(name, "chair", (0.63, 1.1, 0.63), parts=tuple(parts))
