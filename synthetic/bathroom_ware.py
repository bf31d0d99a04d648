"""Bathroom fittings: tub, basin on its cabinet, toilet, mirror, shower, towels."""

import math

from synthetic.catalogue import Catalogue
from synthetic.models import pick_model
from synthetic.palette import Palette, cloth, shade
from synthetic.scene import RGB, Item, Material, Part
from synthetic.shapes import Box, Drape, Loft, Quad, Ring, Tube


def make_bathtub(name: str, width: float, depth: float, palette: Palette) -> Item:
    """Build a built-in tub: a tiled or white apron, a rounded hollow, tap and waste."""
    height, rim = 0.58, 0.07
    a, b = width / 2, depth / 2
    hollow = (
        Ring(height, a - rim, b - rim, 5),
        Ring(height - 0.015, a - rim - 0.012, b - rim - 0.012, 5),
        Ring(height - 0.2, a - rim - 0.06, b - rim - 0.04, 4.5),
        Ring(height - 0.36, a - rim - 0.13, b - rim - 0.08, 4),
        Ring(height - 0.41, a - rim - 0.2, b - rim - 0.13, 4),
        Ring(height - 0.42, (a - rim) * 0.5, (b - rim) * 0.4, 4),
    )
    outer = (
        Ring(height - 0.05, a, b, 40),
        Ring(height - 0.008, a, b, 40),
        Ring(height, a - 0.008, b - 0.008, 40),
    )
    tub = Loft((*outer, hollow[0], *hollow[1:]), segments=120)
    apron = Box((0, 0, 0), (width - 0.01, height - 0.04, depth - 0.01), 0.002)
    sides = _hollow_apron(apron, palette)
    tap = _mixer((a - 0.02, height + 0.14, 0.0), palette)
    waste = Loft(
        (Ring(0, 0.03, 0.03), Ring(0.006, 0.026, 0.026)), (a * 0.45, height - 0.42, 0), segments=24
    )
    parts = (Part(tub, palette.ceramic), *sides, *tap, Part(waste, palette.metal))
    return Item(name, "bathtub", (width, height, depth), parts=parts, fixed=True)


def _hollow_apron(box: Box, palette: Palette) -> list[Part]:
    """Return the four outer faces of the tub, so that its hollow stays empty."""
    (w, h, d), white = box.size, palette.ceramic
    return [
        Part(Quad((-w / 2, 0, d / 2), (w, 0, 0), (0, h, 0)), white),
        Part(Quad((w / 2, 0, -d / 2), (-w, 0, 0), (0, h, 0)), white),
        Part(Quad((-w / 2, 0, -d / 2), (0, 0, d), (0, h, 0)), white),
        Part(Quad((w / 2, 0, d / 2), (0, 0, -d), (0, h, 0)), white),
    ]


def _mixer(spot: tuple[float, float, float], palette: Palette) -> list[Part]:
    """Return a wall mixer that points to -x."""
    x, y, z = spot
    return [
        Part(Tube(((x - 0.05, y, z - 0.09), (x - 0.05, y, z + 0.09)), 0.022), palette.metal),
        Part(
            Tube(((x - 0.05, y, z), (x - 0.12, y, z), (x - 0.19, y - 0.025, z)), 0.014),
            palette.metal,
        ),
        Part(Tube(((x, y, z - 0.07), (x - 0.05, y, z - 0.07)), 0.016), palette.metal),
        Part(Tube(((x, y, z + 0.07), (x - 0.05, y, z + 0.07)), 0.016), palette.metal),
        Part(
            Tube(((x - 0.05, y + 0.02, z), (x - 0.05, y + 0.05, z), (x - 0.1, y + 0.06, z)), 0.007),
            palette.metal,
        ),
    ]


def make_vanity(name: str, width: float, palette: Palette) -> Item:
    """Build a basin on a hanging cabinet with two drawers and a tap."""
    deep, low, high = 0.48, 0.36, 0.82
    body = Box((0, low, -0.01), (width, high - low, deep - 0.04), 0.002)
    parts = [Part(body, palette.wood)]
    for k in range(2):
        tall = (high - low) / 2
        front = Box(
            (0, low + k * tall + 0.002, deep / 2 - 0.02), (width, tall - 0.005, 0.018), 0.003
        )
        grip = Box((0, low + (k + 1) * tall - 0.05, deep / 2 - 0.003), (0.2, 0.012, 0.016), 0.003)
        parts += [Part(front, palette.wood), Part(grip, palette.black)]
    parts.append(Part(_basin(width, deep, high), palette.ceramic))
    spout = (
        (0, high + 0.11, -0.17),
        (0, high + 0.22, -0.17),
        (0, high + 0.25, -0.13),
        (0, high + 0.23, -0.05),
    )
    parts.append(Part(Tube(spout, 0.013), palette.metal))
    parts.append(
        Part(Tube(((0.0, high + 0.24, -0.17), (0.0, high + 0.285, -0.2)), 0.006), palette.metal)
    )
    return Item(name, "washbasin", (width, high + 0.29, deep), parts=tuple(parts), fixed=True)


def _basin(width: float, deep: float, low: float) -> Loft:
    """Return a slab with a shallow hollow."""
    a, b, top = width / 2 + 0.005, deep / 2, low + 0.12
    rings = (
        Ring(low, a, b, 40), Ring(top - 0.008, a, b, 40), Ring(top, a - 0.008, b - 0.008, 40),
        Ring(top, 0.27, 0.165, 6, (0, 0.04)), Ring(top - 0.012, 0.26, 0.155, 6, (0, 0.04)),
        Ring(top - 0.08, 0.23, 0.13, 5, (0, 0.04)), Ring(top - 0.1, 0.15, 0.08, 4, (0, 0.04)),
    )  # fmt: skip
    return Loft(rings, segments=96)


def make_mirror(name: str, width: float, height: float, palette: Palette) -> Item:
    """Build a mirror in a thin black frame."""
    frame = Box((0, 0, -0.004), (width, height, 0.014), 0.003)
    glass = Quad((-width / 2 + 0.012, 0.012, 0.0045), (width - 0.024, 0, 0), (0, height - 0.024, 0))
    silver = Material((0.9, 0.9, 0.9), finish="mirror")
    parts = (Part(frame, palette.black), Part(glass, silver))
    return Item(name, "mirror", (width, height, 0.024), parts=parts, support="wall", fixed=True)


def make_toilet(name: str, catalogue: Catalogue, palette: Palette) -> Item:
    """Build a toilet: the catalogue's, else built; fixed."""
    found = pick_model(
        catalogue,
        ("toiletsUnit",),
        name,
        "toilet",
        (("fayence", palette.ceramic), ("cover", palette.ceramic)),
    )
    if found is None:
        return _build_toilet(name, palette)
    return Item(name, "toilet", found.size, model=found.model, recolor=found.recolor, fixed=True)


def _build_toilet(name: str, palette: Palette) -> Item:
    low = ((0.0, 0.12, 0.2, 0.02), (0.15, 0.12, 0.2, 0.02), (0.3, 0.17, 0.25, 0.06))
    steps = (*low, (0.4, 0.185, 0.27, 0.07), (0.41, 0.185, 0.27, 0.07))
    bowl = tuple(Ring(y, x, z, 2.6, (0, shift)) for y, x, z, shift in steps)
    edges = ((0.41, 0.19, 0.275), (0.44, 0.19, 0.275), (0.45, 0.17, 0.25))
    lid = tuple(Ring(y, x, z, 2.5, (0, 0.07)) for y, x, z in edges)
    parts = (
        Part(Loft(bowl), palette.ceramic),
        Part(Loft(lid), palette.ceramic),
        Part(Box((0, 0.38, -0.27), (0.38, 0.38, 0.15), 0.03), palette.ceramic),
        Part(Box((0, 0.76, -0.27), (0.4, 0.03, 0.16), 0.012), palette.ceramic),
        Part(Box((0, 0.79, -0.27), (0.06, 0.006, 0.04), 0.002), palette.metal),
    )
    return Item(name, "toilet", (0.4, 0.796, 0.7), parts=parts, fixed=True)


def make_shower_curtain(name: str, length: float, palette: Palette) -> Item:
    """Build a rod of `length` with a curtain drawn aside at its right end; it hangs at 2 m."""
    tall, wide = 1.62, 0.5
    y = tall + 0.03
    rod = Tube(((-length / 2, y, 0), (0, y, 0), (length / 2, y, 0)), 0.011)
    cloth_ = Drape((length / 2 - wide / 2 - 0.03, 0.0, 0), wide, tall, 6, 0.09, 4)
    parts = (Part(rod, palette.black), Part(cloth_, palette.sheer))
    return Item(name, "curtain", (length, tall + 0.045, 0.14), parts=parts, support="wall")


def make_shower_rail(name: str, palette: Palette) -> Item:
    """Build a rail with a hand shower and its hose."""
    steel = palette.metal
    hose = [
        (0.05 + 0.09 * math.sin(t * math.pi), 0.62 - 0.62 * math.sin(t * math.pi) + 0.28 * t, 0.02)
        for t in [k / 14 for k in range(15)]
    ]
    parts = (
        Part(Tube(((0, 0.3, 0), (0, 1.1, 0)), 0.011), steel),
        Part(Box((0, 0.3, -0.02), (0.03, 0.03, 0.05), 0.005), steel),
        Part(Box((0, 1.07, -0.02), (0.03, 0.03, 0.05), 0.005), steel),
        Part(Tube(((0, 0.86, 0.02), (0, 0.98, 0.06), (0, 1.05, 0.1)), 0.012), steel),
        Part(
            Loft(
                (Ring(0, 0.05, 0.05), Ring(0.012, 0.055, 0.055), Ring(0.03, 0.03, 0.03)),
                (0, 1.04, 0.12),
            ),
            steel,
        ),
        Part(Tube(tuple(hose), 0.006, 10), steel),
    )
    return Item(name, "shower", (0.3, 1.12, 0.2), parts=parts, support="wall", fixed=True)


def make_towel_rail(name: str, color: RGB, palette: Palette) -> Item:
    """Build a rail with a folded towel."""
    terry = cloth(shade(color, 0.88), color)
    parts = (
        Part(Tube(((-0.3, 0.62, 0.02), (0, 0.62, 0.02), (0.3, 0.62, 0.02)), 0.008), palette.black),
        Part(Box((-0.29, 0.61, -0.01), (0.02, 0.02, 0.06), 0.003), palette.black),
        Part(Box((0.29, 0.61, -0.01), (0.02, 0.02, 0.06), 0.003), palette.black),
        Part(Drape((0, 0.02, 0.034), 0.44, 0.615, 2, 0.012, 3), terry),
        Part(Drape((0, 0.16, 0.008), 0.44, 0.475, 2, 0.01, 5), terry),
        Part(Box((0, 0.618, 0.021), (0.44, 0.022, 0.036), 0.01), terry),
    )
    return Item(name, "towel", (0.62, 0.645, 0.1), parts=parts, support="wall")


def make_bottles(name: str, palette: Palette) -> Item:
    """Build a soap dispenser and a tumbler."""
    body = ((0, 0.03), (0.005, 0.033), (0.11, 0.033), (0.125, 0.02), (0.14, 0.012))
    cup = ((0, 0.028), (0.09, 0.034), (0.09, 0.031), (0.01, 0.026))
    amber = Material((0.45, 0.27, 0.12), roughness=0.2)
    parts = (
        Part(Loft(tuple(Ring(y, r, r) for y, r in body), (-0.05, 0, 0), segments=28), amber),
        Part(Tube(((-0.05, 0.14, 0), (-0.05, 0.17, 0), (-0.02, 0.172, 0)), 0.005), palette.black),
        Part(
            Loft(tuple(Ring(y, r, r) for y, r in cup), (0.05, 0, 0), segments=28), palette.ceramic
        ),
    )
    return Item(name, "decoration", (0.18, 0.18, 0.08), parts=parts)
