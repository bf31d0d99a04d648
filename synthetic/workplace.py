"""What stands in a study: a desk, a screen, a keyboard."""

from synthetic.palette import Palette
from synthetic.scene import Item, Material, Part, Pattern
from synthetic.shapes import Box, Loft, Quad, Ring


def make_desk(name: str, palette: Palette) -> Item:
    """Build a wooden top on a black steel frame."""
    width, depth, height = 1.5, 0.72, 0.74
    parts = [Part(Box((0, height - 0.028, 0), (width, 0.028, depth), 0.004), palette.wood)]
    for x in (-1, 1):
        for z in (-1, 1):
            base = (x * (width / 2 - 0.05), 0, z * (depth / 2 - 0.06))
            parts.append(Part(Box(base, (0.045, height - 0.028, 0.045), 0.004), palette.black))
        foot = Box((x * (width / 2 - 0.05), height - 0.075, 0), (0.045, 0.045, depth - 0.16), 0.003)
        parts.append(Part(foot, palette.black))
    parts.append(
        Part(
            Box((0, height - 0.075, -depth / 2 + 0.06), (width - 0.14, 0.045, 0.03), 0.003),
            palette.black,
        )
    )
    return Item(name, "desk", (width, height, depth), parts=tuple(parts))


def make_monitor(name: str, palette: Palette, seed: int) -> Item:
    """Build a 27 inch screen that shows a desktop."""
    width, height = 0.62, 0.37
    picture = Pattern(
        "screen", (width - 0.02, height - 0.02), ((0.16, 0.24, 0.33), (0.5, 0.62, 0.68)), seed
    )
    parts = [Part(Box((0, 0.13, 0), (width, height, 0.025), 0.004), palette.black)]
    parts.append(
        Part(
            Quad((-width / 2 + 0.01, 0.14, 0.0131), (width - 0.02, 0, 0), (0, height - 0.02, 0)),
            Material(roughness=0.25, pattern=picture),
        )
    )
    parts.append(Part(Box((0, 0.01, -0.03), (0.05, 0.25, 0.02), 0.004), palette.metal))
    parts.append(Part(Box((0, 0, -0.01), (0.24, 0.012, 0.19), 0.003), palette.metal))
    return Item(name, "screen", (width, 0.5, 0.2), parts=tuple(parts))


def make_keyboard(name: str) -> Item:
    """Build a keyboard and a mouse."""
    grey, white = (
        Material((0.72, 0.72, 0.73), roughness=0.4),
        Material((0.93, 0.93, 0.93), roughness=0.5),
    )
    parts = [Part(Box((-0.05, 0, 0), (0.42, 0.012, 0.13), 0.003), grey)]
    for row in range(5):
        for key in range(14):
            base = (-0.05 - 0.2 + 0.0145 + key * 0.0286, 0.012, -0.05 + row * 0.025)
            parts.append(Part(Box(base, (0.025, 0.004, 0.021), 0.0015), white))
    mouse = Loft(
        (Ring(0, 0.03, 0.05), Ring(0.015, 0.03, 0.05), Ring(0.03, 0.018, 0.03)), (0.23, 0, 0)
    )
    return Item(name, "decoration", (0.54, 0.032, 0.14), parts=(*parts, Part(mouse, white)))
