"""A house seen from the street: walls, gabled roofs, windows, door and garage."""

from synthetic.palette import Palette
from synthetic.scene import RGB, Item, Material, Part, Pattern
from synthetic.shapes import Box, Prism, Tube

PANE = Material((0.05, 0.06, 0.07), roughness=0.04)
CONCRETE = Material(
    roughness=0.9, pattern=Pattern("gravel", (3.0, 3.0), ((0.6, 0.59, 0.57), (0.72, 0.71, 0.69)), 4)
)
ROOF = Material(
    roughness=0.75,
    pattern=Pattern(
        "roof_tiles", (2.0, 2.4), ((0.27, 0.27, 0.29), (0.33, 0.33, 0.35), (0.16, 0.16, 0.17)), 3
    ),
)
Spot = tuple[float, float, float]


def siding(color: RGB) -> Material:
    """Painted weatherboards."""
    return Material(color, roughness=0.7, pattern=Pattern("boards", (4.0, 3.0), (color,), 2))


def make_gable_block(
    name: str, size: Spot, pitch: float, walls: Material, trim: Material, along_x: bool
) -> Item:
    """Build a block with a gabled roof.

    Parameters
    ----------
    size : width, height of the eaves, depth
    pitch : rise of the roof per metre
    along_x : whether the ridge runs along x (eaves in front) or along z (a gable in front)
    """
    width, eaves, depth = size
    span, length = (depth, width) if along_x else (width, depth)
    turn = 90.0 if along_x else 0.0
    over, thick = 0.45, 0.16
    ridge = span / 2 * pitch
    gable = ((-span / 2, 0.0), (span / 2, 0.0), (0.0, ridge))
    drop = over * pitch
    slab = _roof_outline(span / 2 + over, ridge, drop, 0.0, thick)
    board = _roof_outline(span / 2 + over, ridge, drop, 0.05, thick - 0.03)
    parts = [
        Part(Box((0, 0, 0), (width, eaves, depth), 0.0), walls),
        Part(Prism(gable, length - 0.02, (0, eaves, 0), turn), walls),
        Part(Prism(slab, length + 2 * over - 0.1, (0, eaves, 0), turn), ROOF),
        Part(Prism(board, length + 2 * over, (0, eaves - 0.01, 0), turn), trim),
        Part(Box((0, 0, 0), (width + 0.06, 0.35, depth + 0.06), 0.01), CONCRETE),
    ]
    for x in (-1, 1):
        for z in (-1, 1):
            corner = (x * (width / 2 - 0.05), 0.35, z * (depth / 2 - 0.05))
            parts.append(Part(Box(corner, (0.14, eaves - 0.35, 0.14), 0.004), trim))
    return Item(name, "house", (width, eaves + ridge, depth), parts=tuple(parts), fixed=True)


def _roof_outline(
    half: float, ridge: float, drop: float, below: float, thick: float
) -> tuple[tuple[float, float], ...]:
    """Return a roof's section: its underside lowered by `below`, its top raised by `thick`."""
    under = ((-half, -drop - below), (0.0, ridge - below), (half, -drop - below))
    return (*under, (half, thick - drop), (0.0, ridge + thick), (-half, thick - drop))


def make_front_window(name: str, spot: Spot, width: float, height: float, palette: Palette) -> Item:
    """Build a window on a wall that faces +z; `spot` is the middle of its sill."""
    trim, bar = palette.trim, 0.06
    parts = [Part(Box((0, 0, 0.0), (width, height, 0.03), 0.0), PANE)]
    for x in (-1, 0, 1):
        parts.append(Part(Box((x * (width - bar) / 2, 0, 0.02), (bar, height, 0.05), 0.004), trim))
    for y in (0.0, height * 0.62, height - bar):
        parts.append(Part(Box((0, y, 0.02), (width, bar, 0.046), 0.004), trim))
    for x in (-1, 1):
        parts.append(
            Part(
                Box((x * (width / 2 + 0.06), -0.02, 0.03), (0.12, height + 0.04, 0.05), 0.004), trim
            )
        )
    parts.append(Part(Box((0, height, 0.035), (width + 0.34, 0.15, 0.07), 0.006), trim))
    parts.append(Part(Box((0, -0.06, 0.06), (width + 0.34, 0.06, 0.14), 0.006), trim))
    return Item(
        name, "window", (width, height, 0.1), spot, parts=tuple(parts), support="wall", fixed=True
    )


def make_front_door(name: str, spot: Spot, color: RGB, palette: Palette) -> Item:
    """Build a painted door under a small roof, with two steps."""
    leaf = Material(color, roughness=0.35)
    width, height = 1.0, 2.15
    parts = [Part(Box((0, 0, 0), (width, height, 0.05), 0.002), leaf)]
    for x in (-0.22, 0.22):
        for y, tall in ((0.2, 0.75), (1.05, 0.45)):
            parts.append(Part(Box((x, y, 0.03), (0.32, tall, 0.02), 0.008), leaf))
        parts.append(Part(Box((x, 1.6, 0.03), (0.32, 0.4, 0.01), 0.002), PANE))
    parts.append(Part(Tube(((-0.4, 0.95, 0.08), (-0.4, 1.25, 0.08)), 0.014), palette.metal))
    for x in (-1, 1):
        parts.append(
            Part(Box((x * 0.6, 0, 0.03), (0.16, height + 0.02, 0.08), 0.005), palette.trim)
        )
    parts.append(Part(Box((0, height + 0.02, 0.04), (1.5, 0.16, 0.1), 0.006), palette.trim))
    hood = ((-0.95, 0.0), (0.95, 0.0), (0.0, 0.55))
    parts.append(Part(Prism(hood, 1.0, (0, height + 0.42, 0.5)), palette.trim))
    slab = ((-1.1, -0.06), (0.0, 0.58), (1.1, -0.06), (1.1, 0.03), (0.0, 0.67), (-1.1, 0.03))
    parts.append(Part(Prism(slab, 1.15, (0, height + 0.42, 0.52)), ROOF))
    for x in (-0.85, 0.85):
        parts.append(Part(Box((x, -0.3, 0.9), (0.11, height + 0.72, 0.11), 0.006), palette.trim))
    parts.append(Part(Box((0, -0.17, 0.65), (2.0, 0.17, 1.3), 0.01), CONCRETE))
    parts.append(Part(Box((0, -0.35, 0.85), (2.0, 0.18, 1.7), 0.01), CONCRETE))
    return Item(
        name, "door", (width, height, 1.0), spot, parts=tuple(parts), support="wall", fixed=True
    )


def make_garage_door(name: str, spot: Spot, width: float, palette: Palette) -> Item:
    """Build a sectional door with a row of small panes."""
    height, rows, columns = 2.2, 4, 6
    parts = [Part(Box((0, 0, 0), (width, height, 0.03), 0.0), palette.trim)]
    tall, wide = height / rows, width / columns
    for row in range(rows):
        for column in range(columns):
            base = (-width / 2 + (column + 0.5) * wide, row * tall + 0.08, 0.02)
            face = PANE if row == rows - 1 else palette.trim
            parts.append(Part(Box(base, (wide - 0.12, tall - 0.16, 0.025), 0.008), face))
        if row:
            parts.append(
                Part(Box((0, row * tall - 0.006, 0.016), (width, 0.012, 0.004), 0.0), palette.black)
            )
    for x in (-1, 1):
        parts.append(
            Part(Box((x * (width / 2 + 0.09), 0, 0.03), (0.18, height, 0.09), 0.006), palette.trim)
        )
    parts.append(Part(Box((0, height, 0.03), (width + 0.36, 0.2, 0.1), 0.006), palette.trim))
    return Item(
        name, "door", (width, height, 0.1), spot, parts=tuple(parts), support="wall", fixed=True
    )
