"""Beds and what stands by them."""

from synthetic.catalogue import Catalogue
from synthetic.models import pick_model
from synthetic.palette import Palette, cloth, shade
from synthetic.scene import Item, Material, Part
from synthetic.shapes import Box, Loft, Ring


def make_bed(name: str, catalogue: Catalogue, palette: Palette) -> Item:
    """Build a double bed: a catalogue model with white linen, else built."""
    recolor = (
        ("bed_venge", palette.wood), ("coverlet", palette.linen), ("mattress", palette.linen),
        ("leftPillow", palette.linen), ("rightPillow", palette.linen),
    )  # fmt: skip
    return pick_model(catalogue, ("bedWithTexture",), name, "bed", recolor) or build_bed(
        name, palette
    )


def build_bed(name: str, palette: Palette, width: float = 1.7, length: float = 2.15) -> Item:
    """Build an upholstered bed with mattress, duvet, folded throw and four pillows."""
    head, fabric, linen = 0.1, palette.upholstery, palette.linen
    z0 = -length / 2 + head
    parts = [Part(Box((0, 0.0, -length / 2 + head / 2), (width + 0.08, 1.1, head), 0.04), fabric)]
    parts.append(Part(Box((0, 0.06, head / 2), (width, 0.26, length - head), 0.03), fabric))
    parts.append(
        Part(Box((0, 0.3, head / 2), (width - 0.06, 0.2, length - head - 0.05), 0.07), linen)
    )
    parts.append(Part(_duvet(width + 0.05, z0 + 0.62, length / 2 - 0.0), linen))
    throw = cloth(shade(palette.accents[0], 0.85), palette.accents[0])
    parts.append(Part(Box((0, 0.27, length / 2 - 0.4), (width + 0.075, 0.313, 0.5), 0.045), throw))
    for x in (-1, 1):
        parts.append(Part(_pillow(x * width * 0.24, 0.46, z0 + 0.16, 0.36), linen))
        parts.append(Part(_pillow(x * width * 0.22, 0.48, z0 + 0.31, 0.31), linen))
    return Item(name, "bed", (width + 0.1, 1.1, length), parts=tuple(parts))


def _duvet(width: float, start: float, end: float) -> Loft:
    half_z, mid = (end - start) / 2, (start + end) / 2
    steps = ((0.24, 1.0), (0.4, 1.0), (0.5, 0.99), (0.54, 0.965), (0.56, 0.9), (0.57, 0.6))
    rings = tuple(
        Ring(y, width / 2 * s, half_z * (1 - (1 - s) * 0.7), 14, (0, mid)) for y, s in steps
    )
    return Loft(rings, segments=96)


def _pillow(x: float, y: float, z: float, tall: float) -> Loft:
    """Return a pillow leaning back."""
    rings = []
    for k in range(9):
        t = k / 8
        swell = max(0.02, (1 - abs(2 * t - 1) ** 2.4)) ** 0.5
        rings.append(
            Ring(y + tall * t, 0.31 * (0.8 + 0.2 * swell), 0.085 * swell, 3, (x, z - 0.12 * t))
        )
    return Loft(tuple(rings))


def make_bedside_table(name: str, catalogue: Catalogue, palette: Palette) -> Item:
    """Build a bedside table with two drawers."""
    recolor = (("bed_venge", palette.wood),)
    found = pick_model(catalogue, ("bedsideTable2",), name, "bedside_table", recolor)
    if found is not None:
        return found
    parts = [Part(Box((0, 0.1, 0), (0.46, 0.4, 0.4), 0.004), palette.wood)]
    for k in range(2):
        parts.append(
            Part(Box((0, 0.12 + k * 0.19, 0.205), (0.43, 0.175, 0.018), 0.003), palette.wood)
        )
        parts.append(
            Part(Box((0, 0.2 + k * 0.19, 0.22), (0.1, 0.012, 0.014), 0.003), palette.black)
        )
    for x in (-0.2, 0.2):
        parts += [
            Part(Box((x, 0, z), (0.03, 0.1, 0.03), 0.003), palette.wood) for z in (-0.16, 0.16)
        ]
    return Item(name, "bedside_table", (0.48, 0.5, 0.46), parts=tuple(parts))


def make_wardrobe(name: str, width: float, height: float, palette: Palette) -> Item:
    """Build a wardrobe with hinged doors."""
    deep = 0.6
    doors = max(2, round(width / 0.5))
    each = width / doors
    white = Material((0.93, 0.92, 0.9), roughness=0.4)
    parts = [Part(Box((0, 0, -0.01), (width, height, deep - 0.04), 0.002), white)]
    for k in range(doors):
        x = -width / 2 + (k + 0.5) * each
        parts.append(
            Part(Box((x, 0.08, deep / 2 - 0.02), (each - 0.005, height - 0.1, 0.02), 0.003), white)
        )
        for side in (-1, 1):
            rail = Box(
                (x + side * (each / 2 - 0.045), 0.085, deep / 2 - 0.008),
                (0.08, height - 0.11, 0.008),
                0.003,
            )
            parts.append(Part(rail, white))
        for y in (0.085, height * 0.42, height - 0.125):
            parts.append(
                Part(Box((x, y, deep / 2 - 0.008), (each - 0.09, 0.1, 0.008), 0.003), white)
            )
        grip_x = x + (each / 2 - 0.045) * (1 if k % 2 == 0 else -1)
        parts.append(
            Part(Box((grip_x, 0.95, deep / 2 + 0.004), (0.012, 0.18, 0.018), 0.004), palette.black)
        )
    return Item(name, "wardrobe", (width, height, deep + 0.03), parts=tuple(parts))
