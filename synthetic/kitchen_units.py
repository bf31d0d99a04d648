"""Fitted kitchens: cabinets, worktop, appliances, sink and tap. All of it is fixed."""

import math

from synthetic.palette import Palette
from synthetic.scene import Item, Material, Part
from synthetic.shapes import Box, Loft, Quad, Ring, Tube, move_shape

BASE_H = 0.9
DEPTH = 0.62
PLINTH = 0.1
TOP = 0.03
# A front is this many boards, then its handle, which sits low on a wall cabinet.
FRONT_BOARDS = 5
GLASS = Material((0.025, 0.025, 0.03), roughness=0.08)
DARK = Material((0.1, 0.1, 0.105), roughness=0.35)


def _front(x: float, y: float, wide: float, tall: float, palette: Palette, grip: str) -> list[Part]:
    """Return a shaker front with its bar handle: along its top, or upright on its left or right."""
    z, lip = DEPTH / 2 - 0.035, 0.065
    material = palette.fronts
    parts = [Part(Box((x, y, z), (wide - 0.004, tall - 0.004, 0.018), 0.002), material)]
    for side in (-1, 1):
        parts.append(
            Part(
                Box(
                    (x + side * (wide / 2 - lip / 2 - 0.002), y, z + 0.012),
                    (lip, tall - 0.004, 0.008),
                    0.002,
                ),
                material,
            )
        )
    for low in (y, y + tall - lip - 0.004):
        parts.append(Part(Box((x, low, z + 0.012), (wide - 2 * lip, lip, 0.008), 0.002), material))
    if grip == "top":
        parts += _handle((x, y + tall - 0.04, z + 0.03), 0.16, False, palette)
    else:
        side = 1 if grip == "right" else -1
        parts += _handle(
            (x + side * (wide / 2 - 0.035), y + tall - 0.2, z + 0.03), 0.16, True, palette
        )
    return parts


def _handle(
    spot: tuple[float, float, float], span: float, upright: bool, palette: Palette
) -> list[Part]:
    x, y, z = spot
    half = span / 2
    ends = ((x, y - half, z), (x, y + half, z)) if upright else ((x - half, y, z), (x + half, y, z))
    return [Part(Tube(ends, 0.006, 10), palette.black)] + [
        Part(Box((e[0], e[1] - 0.004, z - 0.014), (0.008, 0.008, 0.028), 0.0), palette.black)
        for e in ends
    ]


def make_base_run(
    name: str, widths: tuple[float, ...], kinds: tuple[str, ...], palette: Palette
) -> Item:
    """Build base cabinets side by side under one worktop.

    Parameters
    ----------
    widths : of each cabinet in metres
    kinds : of each: "door", "doors", "drawers", "oven", "dishwasher"
    """
    total = sum(widths)
    parts = [Part(Box((0, 0, -0.03), (total, PLINTH, DEPTH - 0.12), 0.0), palette.fronts)]
    parts.append(
        Part(
            Box((0, PLINTH, -0.02), (total, BASE_H - PLINTH - TOP, DEPTH - 0.08), 0.001),
            palette.fronts,
        )
    )
    parts.append(Part(Box((0, BASE_H - TOP, 0), (total, TOP, DEPTH), 0.004), palette.worktop))
    x = -total / 2
    for width, kind in zip(widths, kinds, strict=True):
        parts += _cabinet(x + width / 2, width, kind, palette)
        x += width
    return Item(name, "counter", (total, BASE_H, DEPTH), parts=tuple(parts), fixed=True)


def _cabinet(x: float, width: float, kind: str, palette: Palette) -> list[Part]:
    tall = BASE_H - TOP - PLINTH - 0.01
    if kind == "drawers":
        shares = (0.22, 0.39, 0.39)
        parts, y = [], PLINTH + tall
        for share in shares:
            y -= tall * share
            parts += _front(x, y, width, tall * share, palette, "top")
        return parts
    if kind == "oven":
        return make_oven_front(x, PLINTH + 0.06, width, palette)
    if kind == "doors":
        half = width / 2
        left = _front(x - half / 2, PLINTH, half, tall, palette, "right")
        return left + _front(x + half / 2, PLINTH, half, tall, palette, "left")
    return _front(x, PLINTH, width, tall, palette, "top" if kind == "dishwasher" else "right")


def make_oven_front(x: float, y: float, width: float, palette: Palette) -> list[Part]:
    """Build the face of a built-in oven, 60 cm high."""
    z = DEPTH / 2 - 0.03
    steel = palette.metal
    parts = [
        Part(Box((x, y, z), (width - 0.006, 0.6, 0.02), 0.003), steel),
        Part(Box((x, y + 0.03, z + 0.012), (width - 0.04, 0.4, 0.012), 0.004), GLASS),
        Part(
            Tube(
                (
                    (x - width / 2 + 0.06, y + 0.455, z + 0.045),
                    (x + width / 2 - 0.06, y + 0.455, z + 0.045),
                ),
                0.009,
            ),
            steel,
        ),
        Part(Box((x, y + 0.5, z + 0.012), (width - 0.012, 0.09, 0.012), 0.002), GLASS),
    ]
    for dx in (-0.2, -0.12, 0.12, 0.2):
        parts.append(
            Part(
                Tube(((x + dx, y + 0.545, z + 0.015), (x + dx, y + 0.545, z + 0.04)), 0.016), steel
            )
        )
    for dx in (-width / 2 + 0.07, width / 2 - 0.07):
        parts.append(Part(Box((x + dx, y + 0.45, z + 0.03), (0.01, 0.01, 0.03), 0.0), steel))
    return parts


def make_oven(name: str, palette: Palette) -> Item:
    """Build a built-in oven as a thing of its own, to stand in a gap of 60 cm under the worktop."""
    parts = make_oven_front(0.0, PLINTH + 0.06, 0.6, palette)
    body = Part(Box((0, 0, -0.02), (0.6, BASE_H - TOP, DEPTH - 0.08), 0.001), palette.fronts)
    top = Part(Box((0, BASE_H - TOP, 0), (0.6, TOP, DEPTH), 0.004), palette.worktop)
    drawer = _front(0.0, PLINTH + 0.665, 0.6, 0.1, palette, "top")
    return Item(
        name, "oven", (0.6, BASE_H, DEPTH), parts=(body, top, *parts, *drawer[:1]), fixed=True
    )


def make_upper_run(name: str, widths: tuple[float, ...], height: float, palette: Palette) -> Item:
    """Wall cabinets, 35 cm deep."""
    total, deep = sum(widths), 0.35
    parts = [Part(Box((0, 0, -0.01), (total, height, deep - 0.03), 0.001), palette.fronts)]
    x = -total / 2
    for k, width in enumerate(widths):
        fronts = _front(
            x + width / 2, 0.0, width, height, palette, "right" if k % 2 == 0 else "left"
        )
        for n, part in enumerate(fronts):
            low = 0.28 - height if n >= FRONT_BOARDS else 0.0
            back = (deep - DEPTH) / 2 + 0.008
            parts.append(Part(move_shape(part.shape, y=low, z=back), part.material))
        x += width
    return Item(
        name,
        "cabinet",
        (total, height, deep + 0.03),
        parts=tuple(parts),
        support="wall",
        fixed=True,
    )


def make_splashback(name: str, width: float, height: float, palette: Palette) -> Item:
    """Tiles on the wall behind a worktop."""
    quad = Quad((-width / 2, 0, 0.004), (width, 0, 0), (0, height, 0))
    part = Part(quad, palette.metro_tiles)
    return Item(name, "wall", (width, height, 0.01), parts=(part,), support="wall", fixed=True)


def make_island(name: str, width: float, palette: Palette) -> Item:
    """Build an island with an overhanging worktop."""
    deep = 0.85
    parts = [
        Part(Box((0, 0, 0.1), (width - 0.06, BASE_H - 0.04, deep - 0.3), 0.002), palette.wood),
        Part(Box((0, BASE_H - 0.04, 0), (width, 0.04, deep), 0.005), palette.worktop),
    ]
    return Item(name, "counter", (width, BASE_H, deep), parts=tuple(parts), fixed=True)


def make_bar_stool(name: str, palette: Palette) -> Item:
    """Build a wooden seat on a black frame."""
    seat = (
        Ring(0, 0.16, 0.16),
        Ring(0.02, 0.18, 0.18),
        Ring(0.04, 0.18, 0.18),
        Ring(0.045, 0.165, 0.165),
    )
    parts = [Part(Loft(seat, (0, 0.63, 0)), palette.wood)]
    for k in range(4):
        a = math.pi / 4 + k * math.pi / 2
        foot = (0.19 * math.sin(a), 0.0, 0.19 * math.cos(a))
        parts.append(
            Part(Tube(((0.1 * math.sin(a), 0.63, 0.1 * math.cos(a)), foot), 0.011), palette.black)
        )
    ring = tuple(
        (0.165 * math.sin(a), 0.22, 0.165 * math.cos(a))
        for a in [k * math.pi / 12 for k in range(25)]
    )
    parts.append(Part(Tube(ring, 0.008, 10), palette.black))
    return Item(name, "stool", (0.4, 0.675, 0.4), parts=tuple(parts))
