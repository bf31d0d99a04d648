"""Stairs with their balustrade."""

from synthetic.palette import Palette
from synthetic.scene import Item, Part
from synthetic.shapes import Box, Loft, Prism, Ring, Tube

RISE = 0.178
GOING = 0.255


def make_stairs(name: str, steps: int, width: float, palette: Palette) -> Item:
    """Build a straight flight that climbs towards -z; its lowest step is at the front.

    White risers and strings, wooden treads. The flight is `steps` x 25.5 cm long.
    """
    length, height = steps * GOING, steps * RISE
    front = length / 2
    parts = []
    for k in range(steps):
        z = front - k * GOING
        riser = Box((0, k * RISE, z - 0.01), (width - 0.02, RISE - 0.03, 0.02), 0.001)
        tread = Box(
            (0, (k + 1) * RISE - 0.034, z - GOING / 2 + 0.012),
            (width - 0.02, 0.034, GOING + 0.03),
            0.008,
        )
        parts += [Part(riser, palette.trim), Part(tread, palette.wood)]
    low, run = 0.0, length
    string = ((-run / 2, low), (-run / 2 + 0.0, 0.22), (run / 2, height + 0.22), (run / 2, low))
    outline = tuple(reversed(string))
    for side in (-1, 1):
        base = (side * (width / 2 - 0.012), 0.0, 0.0)
        parts.append(Part(Prism(outline, 0.024, base, 90.0), palette.trim))
    return Item(name, "stairs", (width, height + 0.22, length), parts=tuple(parts), fixed=True)


def make_balustrade(name: str, steps: int, palette: Palette) -> Item:
    """Newel posts, balusters and a handrail for a flight of `steps`, in its coordinates."""
    length, height = steps * GOING, steps * RISE
    front = length / 2
    parts = [
        Part(Box((0, 0, front - 0.06), (0.09, 1.12, 0.09), 0.01), palette.trim),
        Part(
            Loft(
                (Ring(0, 0.055, 0.055, 8), Ring(0.02, 0.06, 0.06, 8), Ring(0.05, 0.02, 0.02, 8)),
                (0, 1.12, front - 0.06),
            ),
            palette.wood,
        ),
    ]
    for k in range(steps):
        for share in (0.3, 0.8):
            z = front - (k + share) * GOING
            foot = (k + share) * RISE + 0.15
            if z < front - 0.12:
                parts.append(Part(Box((0, foot, z), (0.032, 0.86, 0.032), 0.003), palette.trim))
    start, end = (0.0, 1.0, front - 0.06), (0.0, 1.0 + height, -length / 2)
    halfway = tuple((a + b) / 2 for a, b in zip(start, end, strict=True))
    parts.append(
        Part(Tube((start, (halfway[0], halfway[1], halfway[2]), end), 0.03, 24), palette.wood)
    )
    size = (0.12, height + 1.05, length)
    return Item(name, "railing", size, parts=tuple(parts), fixed=True)
