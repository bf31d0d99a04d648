"""Kitchen appliances and the sink; all of them are fixed."""

import math

from synthetic.palette import Palette
from synthetic.scene import Item, Material, Part
from synthetic.shapes import Box, Loft, Ring, Tube

GLASS = Material((0.025, 0.025, 0.03), roughness=0.08)
DARK = Material((0.1, 0.1, 0.105), roughness=0.35)


def make_hob(name: str, palette: Palette) -> Item:
    """Build a gas hob: black glass, four burners with their grates, five knobs."""
    parts = [Part(Box((0, 0, 0), (0.58, 0.008, 0.5), 0.003), GLASS)]
    for x in (-0.15, 0.15):
        for z in (-0.13, 0.11):
            r = 0.05 if x * z > 0 else 0.036
            cap = (
                Ring(0, r, r),
                Ring(0.012, r, r),
                Ring(0.016, r * 0.85, r * 0.85),
                Ring(0.02, r * 0.8, r * 0.8),
            )
            parts.append(Part(Loft(cap, (x, 0.008, z)), palette.black))
        for z in (-0.13, 0.11):
            for turn in (0, 1):
                arm = (0.21, 0.009, 0.011) if turn else (0.011, 0.009, 0.21)
                parts.append(Part(Box((x, 0.034, z), arm, 0.003), palette.black))
        for z in (-0.23, 0.215):
            parts.append(Part(Box((x, 0.008, z), (0.25, 0.03, 0.011), 0.002), palette.black))
        for dx in (-0.12, 0.12):
            parts.append(
                Part(Box((x + dx, 0.034, -0.0075), (0.011, 0.009, 0.456), 0.002), palette.black)
            )
    for k in range(4):
        parts.append(
            Part(
                Loft(
                    (Ring(0, 0.017, 0.017), Ring(0.02, 0.015, 0.015)),
                    (-0.09 + k * 0.06, 0.008, 0.235),
                    segments=20,
                ),
                palette.metal,
            )
        )
    return Item(name, "hob", (0.58, 0.045, 0.51), parts=tuple(parts), fixed=True)


def make_hood(name: str, height: float, palette: Palette) -> Item:
    """Build a chimney hood of steel, up to the ceiling."""
    steel = palette.metal
    rings = (
        Ring(0, 0.3, 0.25, 20),
        Ring(0.05, 0.3, 0.25, 20),
        Ring(0.05, 0.3, 0.25, 20),
        Ring(0.2, 0.13, 0.13, 20, (0, -0.1)),
    )
    parts = (
        Part(Loft(rings, segments=80), steel),
        Part(Box((0, 0.2, -0.1), (0.26, height - 0.2, 0.26), 0.002), steel),
        Part(Box((0, 0.015, 0.25), (0.16, 0.02, 0.006), 0.001), GLASS),
    )
    return Item(name, "hood", (0.6, height, 0.52), parts=parts, support="wall", fixed=True)


def make_sink(name: str, palette: Palette) -> Item:
    """Build a steel bowl let into the worktop, with a tall tap."""
    steel = palette.metal
    rim, deep = Ring(0.006, 0.27, 0.2, 9), -0.0
    del deep
    bowl = (
        rim,
        Ring(0.006, 0.255, 0.185, 9),
        Ring(0.004, 0.25, 0.18, 9),
        Ring(0.0035, 0.2, 0.14, 9),
    )
    outer = (Ring(0, 0.275, 0.205, 9), Ring(0.005, 0.275, 0.205, 9))
    basin = Material((0.33, 0.33, 0.34), roughness=0.35, metallic=1.0)
    parts = [
        Part(Loft(outer + bowl[:2], caps=False, segments=64), steel),
        Part(Loft(bowl[1:], segments=64), basin),
    ]
    hook = [(0.0, 0.0, -0.22), (0.0, 0.28, -0.22)]
    hook += [
        (0.0, 0.28 + 0.09 * math.sin(a), -0.13 - 0.09 * math.cos(a))
        for a in (0.5, 1.0, 1.57, 2.1, 2.6, 3.14)
    ]
    hook.append((0.0, 0.22, -0.04))
    parts.append(Part(Tube(tuple(hook), 0.012), steel))
    parts.append(
        Part(
            Loft((Ring(0, 0.028, 0.028), Ring(0.05, 0.024, 0.024)), (0, 0, -0.22), segments=24),
            steel,
        )
    )
    parts.append(Part(Tube(((0.02, 0.045, -0.22), (0.1, 0.075, -0.22)), 0.006), steel))
    return Item(name, "sink", (0.56, 0.38, 0.5), parts=tuple(parts), fixed=True)


def make_fridge(name: str, palette: Palette) -> Item:
    """Build a free-standing steel fridge, freezer below."""
    width, height, deep = 0.7, 1.86, 0.68
    steel = Material((0.66, 0.66, 0.67), roughness=0.36, metallic=1.0)
    parts = [Part(Box((0, 0.03, -0.03), (width, height - 0.03, deep - 0.08), 0.006), DARK)]
    for y, tall in ((0.04, 0.62), (0.67, height - 0.67)):
        parts.append(Part(Box((0, y, deep / 2 - 0.05), (width, tall - 0.005, 0.06), 0.012), steel))
    for low, high in ((0.3, 0.6), (0.75, 1.25)):
        rod = (
            (-width / 2 + 0.06, low, deep / 2 + 0.02),
            (-width / 2 + 0.06, high, deep / 2 + 0.02),
        )
        parts.append(Part(Tube(rod, 0.01), palette.metal))
        parts += [
            Part(
                Box((-width / 2 + 0.06, y, deep / 2 - 0.005), (0.012, 0.012, 0.05), 0.0),
                palette.metal,
            )
            for y in (low, high - 0.012)
        ]
    return Item(name, "refrigerator", (width, height, deep + 0.06), parts=tuple(parts), fixed=True)
