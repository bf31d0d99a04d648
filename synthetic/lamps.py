"""Lamps: pendants, floor and table lamps, ceiling lights. By daylight none is lit."""

from synthetic.palette import Palette
from synthetic.scene import Item, Material, Part
from synthetic.shapes import Box, Loft, Ring, Tube

SHADE = Material((0.93, 0.9, 0.84), finish="thin", translucency=0.35)
OPAL = Material((0.94, 0.93, 0.9), roughness=0.3)


def _shade(base_y: float, low: float, high: float, tall: float, material: Material = SHADE) -> Part:
    rings = (Ring(0, low, low), Ring(tall, high, high))
    return Part(Loft(rings, (0, base_y, 0), caps=False), material)


def make_pendant(name: str, palette: Palette, drop: float = 0.9, radius: float = 0.24) -> Item:
    """Build a metal dome on a cord."""
    tall = radius * 0.75
    steps = ((0.0, 1.0), (0.06, 0.985), (0.35, 0.86), (0.65, 0.6), (0.88, 0.28), (1.0, 0.09))
    outside = tuple(Ring(tall * t, radius * s, radius * s) for t, s in steps)
    inside = tuple(
        Ring(tall * t + 0.0015, radius * s - 0.003, radius * s - 0.003) for t, s in steps
    )
    cord = Tube(((0, tall, 0), (0, drop / 2, 0), (0, drop - 0.02, 0)), 0.003, 8)
    rose = Loft((Ring(0, 0.05, 0.05), Ring(0.02, 0.055, 0.055)), (0, drop - 0.022, 0))
    parts = (
        Part(Loft(outside, caps=False), palette.black),
        Part(Loft(inside, caps=False), OPAL),
        Part(cord, palette.black),
        Part(rose, palette.black),
    )
    return Item(name, "lamp", (2 * radius, drop, 2 * radius), parts=parts, support="ceiling")


def make_ceiling_light(name: str, radius: float = 0.2) -> Item:
    """Build a flat opal disc."""
    rings = (
        Ring(0, radius * 0.8, radius * 0.8),
        Ring(0.015, radius * 0.97, radius * 0.97),
        Ring(0.03, radius, radius),
        Ring(0.07, radius, radius),
    )
    return Item(
        name,
        "lamp",
        (2 * radius, 0.07, 2 * radius),
        parts=(Part(Loft(rings), OPAL),),
        support="ceiling",
        fixed=True,
    )


def make_drum_pendant(
    name: str, palette: Palette, drop: float = 0.55, radius: float = 0.25
) -> Item:
    """Build a fabric drum on a cord."""
    cord = Tube(((0, 0.2, 0), (0, drop / 2, 0), (0, drop - 0.01, 0)), 0.003, 8)
    rose = Loft((Ring(0, 0.05, 0.05), Ring(0.02, 0.055, 0.055)), (0, drop - 0.022, 0))
    parts = (_shade(0, radius, radius, 0.22), Part(cord, palette.black), Part(rose, palette.trim))
    return Item(name, "lamp", (2 * radius, drop, 2 * radius), parts=parts, support="ceiling")


def make_floor_lamp(name: str, palette: Palette) -> Item:
    """Build a slim stand with a drum shade."""
    foot = Loft((Ring(0, 0.14, 0.14), Ring(0.018, 0.14, 0.14), Ring(0.022, 0.13, 0.13)))
    stand = Tube(((0, 0.02, 0), (0, 0.7, 0), (0, 1.4, 0)), 0.009)
    parts = (Part(foot, palette.black), Part(stand, palette.black), _shade(1.28, 0.2, 0.17, 0.26))
    return Item(name, "lamp", (0.4, 1.54, 0.4), parts=parts)


def make_table_lamp(name: str, palette: Palette) -> Item:
    """Build a ceramic body with a linen shade."""
    steps = (
        (0, 0.06),
        (0.01, 0.065),
        (0.06, 0.085),
        (0.12, 0.08),
        (0.18, 0.03),
        (0.22, 0.014),
        (0.26, 0.012),
    )
    body = Loft(tuple(Ring(y, r, r) for y, r in steps))
    parts = (
        Part(body, Material(palette.accents[0], roughness=0.35)),
        _shade(0.22, 0.13, 0.1, 0.18),
    )
    return Item(name, "lamp", (0.26, 0.4, 0.26), parts=parts)


def make_desk_lamp(name: str, palette: Palette) -> Item:
    """Build a jointed lamp."""
    foot = Loft((Ring(0, 0.08, 0.08), Ring(0.015, 0.08, 0.08)), (-0.1, 0, 0))
    arm = Tube(
        ((-0.1, 0.01, 0), (-0.14, 0.22, 0), (-0.06, 0.4, 0), (0.06, 0.46, 0), (0.12, 0.45, 0)),
        0.007,
    )
    head = Loft(
        (Ring(0, 0.07, 0.07), Ring(0.06, 0.045, 0.045), Ring(0.1, 0.02, 0.02)), (0.13, 0.36, 0)
    )
    parts = (Part(foot, palette.black), Part(arm, palette.black), Part(head, palette.black))
    return Item(name, "lamp", (0.4, 0.48, 0.17), parts=parts)


def make_wall_bar(name: str, width: float, palette: Palette) -> Item:
    """Build a light bar above a mirror."""
    bar = Box((0, 0, 0.0), (width, 0.05, 0.05), 0.015)
    plate = Box((0, 0.0, -0.04), (0.12, 0.05, 0.03), 0.004)
    parts = (Part(bar, OPAL), Part(plate, palette.metal))
    return Item(name, "lamp", (width, 0.05, 0.11), parts=parts, support="wall", fixed=True)
