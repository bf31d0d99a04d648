"""Small things that make a room lived in: rugs, pictures, curtains, lamps, cushions, books."""

import math

import numpy as np

from synthetic.palette import Palette, cloth, shade
from synthetic.scene import RGB, Item, Material, Opening, Part, Pattern
from synthetic.shapes import Box, Drape, Foliage, Loft, Quad, Ring, Tube, move_shape

WHITE = Material((0.93, 0.92, 0.9), roughness=0.6)
PAPER: tuple[RGB, ...] = (
    (0.82, 0.79, 0.72),
    (0.33, 0.37, 0.42),
    (0.6, 0.36, 0.29),
    (0.86, 0.84, 0.8),
    (0.42, 0.45, 0.38),
    (0.72, 0.58, 0.36),
    (0.2, 0.22, 0.25),
    (0.75, 0.73, 0.7),
)


def make_rug(name: str, width: float, depth: float, palette: Palette, kind: str = "rug") -> Item:
    """Build a woven rug with a border."""
    base, line = palette.accents[2], palette.accents[0]
    pattern = Pattern(kind, (width, depth), (base, shade(base, 0.9), line), palette.seed)
    pile = Material(base, roughness=1.0, pattern=pattern)
    top = Quad((-width / 2, 0.011, depth / 2), (width, 0, 0), (0, 0, -depth))
    edge = Box((0, 0, 0), (width, 0.01, depth), 0.004)
    hem = Material(shade(base, 0.85), roughness=1.0)
    return Item(name, "rug", (width, 0.011, depth), parts=(Part(edge, hem), Part(top, pile)))


def make_picture(name: str, width: float, height: float, palette: Palette, seed: int) -> Item:
    """Build a framed print with a passe-partout."""
    bar, deep = 0.022, 0.024
    colors = (*palette.accents, (0.93, 0.91, 0.87), (0.2, 0.2, 0.2))
    art_w, art_h = width - 2 * bar - 0.14 * width, height - 2 * bar - 0.14 * width
    art = Material(roughness=0.7, pattern=Pattern("art", (art_w, art_h), colors, seed))
    sides = (
        Box((0, 0, deep / 2), (width, bar, deep), 0.002),
        Box((0, height - bar, deep / 2), (width, bar, deep), 0.002),
        Box((-width / 2 + bar / 2, bar, deep / 2), (bar, height - 2 * bar, deep), 0.002),
        Box((width / 2 - bar / 2, bar, deep / 2), (bar, height - 2 * bar, deep), 0.002),
    )
    frame = palette.black if seed % 2 else palette.wood
    mount = Box((0, bar / 2, 0.006), (width - bar, height - bar, 0.012), 0.0)
    print_ = Quad((-art_w / 2, height / 2 - art_h / 2, 0.0135), (art_w, 0, 0), (0, art_h, 0))
    parts = (*(Part(side, frame) for side in sides), Part(mount, WHITE), Part(print_, art))
    moved = tuple(Part(move_shape(part.shape, z=-deep / 2), part.material) for part in parts)
    return Item(name, "picture", (width, height, deep), parts=moved, support="wall")


def make_curtains(name: str, hole: Opening, room_height: float, palette: Palette) -> Item:
    """Build a pair of curtains on a rod over a window; the middle of the window is their middle."""
    top = min(room_height - 0.12, hole.sill_m + hole.height_m + 0.18)
    wide, panel, low = hole.width_m + 0.5, 0.42, 0.015
    cloth_ = Material(palette.linen.color, roughness=0.95, pattern=palette.linen.pattern)
    parts = [
        Part(Drape((s * (wide - panel) / 2, low, 0.0), panel, top - low, 5, 0.075, k), cloth_)
        for k, s in enumerate((-1, 1))
    ]
    rod = Tube(((-wide / 2 - 0.06, top, 0), (0, top, 0), (wide / 2 + 0.06, top, 0)), 0.011)
    knobs = [
        Part(
            Loft(
                (
                    Ring(-0.02, 0, 0),
                    Ring(-0.014, 0.014, 0.014),
                    Ring(0, 0.02, 0.02),
                    Ring(0.014, 0.014, 0.014),
                    Ring(0.02, 0, 0),
                ),
                (s * (wide / 2 + 0.06), top, 0),
                caps=False,
            ),
            palette.black,
        )
        for s in (-1, 1)
    ]
    size = (wide + 0.16, top + 0.022, 0.1)
    return Item(
        name, "curtain", size, parts=(*parts, Part(rod, palette.black), *knobs), support="wall"
    )


def make_cushion(name: str, side: float, color: RGB) -> Item:
    """Build a plump square cushion, standing on its edge and facing +z."""
    thick = 0.15
    rings = []
    for t in np.linspace(-1, 1, 13):
        swell = math.sqrt(max(0.0, 1 - abs(t) ** 2.6))
        half = side / 2 * (0.55 + 0.45 * swell**0.6)
        rings.append(Ring(side / 2 + t * side / 2, half, max(0.008, thick / 2 * swell), 2.6))
    body = Loft(tuple(rings))
    fabric = cloth(shade(color, 0.88), shade(color, 1.06))
    return Item(name, "cushion", (side, side, thick), parts=(Part(body, fabric),))


def make_books(name: str, count: int, seed: int, lying: bool = True) -> Item:
    """Build a pile of books, or (not `lying`) a row of them, about 2.6 cm each."""
    rng = np.random.default_rng(seed)
    parts, y, x = [], 0.0, 0.0
    for _ in range(count):
        thick, tall, wide = (
            rng.uniform(0.018, 0.038),
            rng.uniform(0.2, 0.27),
            rng.uniform(0.14, 0.19),
        )
        color = PAPER[int(rng.integers(len(PAPER)))]
        cover = Material(color, roughness=0.55)
        if lying:
            base = (float(rng.uniform(-0.01, 0.01)), y, float(rng.uniform(-0.01, 0.01)))
            parts += _book(
                base, (float(tall), float(thick), float(wide)), cover, float(rng.uniform(-9, 9))
            )
            y += float(thick)
        else:
            parts.append(
                Part(
                    Box(
                        (x + float(thick) / 2, 0, 0),
                        (float(thick), float(tall), float(wide)),
                        0.002,
                    ),
                    cover,
                )
            )
            x += float(thick) + 0.001
    if lying:
        return Item(name, "decoration", (0.3, y, 0.24), parts=tuple(parts))
    moved = tuple(Part(move_shape(part.shape, x=-x / 2), part.material) for part in parts)
    return Item(name, "decoration", (x, 0.27, 0.19), parts=moved)


def _book(
    base: tuple[float, float, float], size: tuple[float, float, float], cover: Material, yaw: float
) -> list[Part]:
    pages = (size[0] - 0.008, size[1] - 0.006, size[2] - 0.005)
    inner = (base[0], base[1] + 0.003, base[2] + 0.004)
    boards = [Box(base, (size[0], 0.003, size[2]), 0.001, yaw)]
    boards.append(
        Box((base[0], base[1] + size[1] - 0.003, base[2]), (size[0], 0.003, size[2]), 0.001, yaw)
    )
    return [Part(Box(inner, pages, 0.0, yaw), WHITE), *(Part(board, cover) for board in boards)]


def make_vase(name: str, height: float, color: RGB, seed: int, twigs: bool = True) -> Item:
    """Build a stoneware vase, with leafy twigs unless told otherwise."""
    h = height * 0.45 if twigs else height
    r = h * 0.34
    outline = (
        (0.0, 0.55),
        (0.12, 0.8),
        (0.4, 1.0),
        (0.65, 0.85),
        (0.85, 0.45),
        (0.93, 0.4),
        (1.0, 0.48),
    )
    rings = tuple(Ring(h * t, r * s, r * s) for t, s in outline)
    inside = (Ring(h, r * 0.42, r * 0.42), Ring(h * 0.9, r * 0.34, r * 0.34))
    parts = [Part(Loft(rings + inside), Material(color, roughness=0.45))]
    reach = r
    if twigs:
        rng = np.random.default_rng(seed)
        green = Material((0.36, 0.43, 0.3), roughness=0.8, finish="thin", translucency=0.2)
        stalk = Material((0.35, 0.28, 0.2), roughness=0.9)
        reach = height * 0.24
        for k in range(5):
            angle = k * 2 * math.pi / 5 + float(rng.uniform(-0.4, 0.4))
            tip = (
                math.sin(angle) * reach * 0.6,
                height * float(rng.uniform(0.82, 0.95)),
                math.cos(angle) * reach * 0.6,
            )
            parts.append(
                Part(
                    Tube(
                        ((0, h * 0.9, 0), (tip[0] * 0.4, (h + tip[1]) / 2, tip[2] * 0.4), tip),
                        0.0025,
                        6,
                    ),
                    stalk,
                )
            )
            middle = (tip[0] * 0.85, tip[1] - height * 0.1, tip[2] * 0.85)
            parts.append(
                Part(Foliage(middle, (0.05, height * 0.14, 0.05), 34, 0.028, seed * 9 + k), green)
            )
    return Item(name, "decoration", (2 * reach, height, 2 * reach), parts=tuple(parts))


def make_bowl(name: str, radius: float, color: RGB) -> Item:
    """Build a shallow bowl of fruit."""
    h = radius * 0.5
    outer = tuple(
        Ring(h * t, radius * s, radius * s)
        for t, s in ((0, 0.35), (0.05, 0.4), (0.5, 0.85), (1, 1))
    )
    inner = tuple(
        Ring(h * t, radius * s, radius * s) for t, s in ((1, 0.95), (0.5, 0.8), (0.15, 0.3))
    )
    parts = [Part(Loft(outer + inner), Material(color, roughness=0.3))]
    fruit = (
        Material((0.62, 0.68, 0.22), roughness=0.35),
        Material((0.82, 0.5, 0.16), roughness=0.45),
    )
    for k in range(5):
        angle = k * 1.257
        spot = (math.cos(angle) * radius * 0.42, h * 0.75, math.sin(angle) * radius * 0.42)
        parts.append(Part(ball(spot, radius * 0.3), fruit[k % 2]))
    return Item(name, "decoration", (2 * radius, h * 1.9, 2 * radius), parts=tuple(parts))


def ball(center: tuple[float, float, float], radius: float) -> Loft:
    """Build a sphere."""
    turns = np.linspace(-math.pi / 2, math.pi / 2, 15)
    rings = tuple(
        Ring(radius * math.sin(t), radius * max(math.cos(t), 1e-4), radius * max(math.cos(t), 1e-4))
        for t in turns
    )
    return Loft(rings, center, caps=False, segments=28)
