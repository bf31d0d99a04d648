"""What lies outside the windows: lawn, hedge and trees round the house."""

import math

import numpy as np

from synthetic.scene import RGB, Item, Material, Part, Pattern
from synthetic.shapes import Foliage, Quad, Tube

LAWN = Material(
    roughness=1.0, pattern=Pattern("grass", (3.0, 3.0), ((0.3, 0.38, 0.2), (0.45, 0.51, 0.31)))
)
BARK = Material((0.33, 0.27, 0.22), roughness=1.0)
GREENS: tuple[RGB, ...] = ((0.3, 0.39, 0.21), (0.36, 0.44, 0.24), (0.26, 0.35, 0.2))


def garden_items(middle: tuple[float, float], ground_m: float, seed: int) -> tuple[Item, ...]:
    """Return lawn, hedge and trees around `middle` (x, z), some 9 to 30 m away."""
    rng = np.random.default_rng(seed)
    x, z = middle
    reach = 2500.0
    corner = (x - reach, ground_m, z + reach)
    lawn = Part(Quad(corner, (2 * reach, 0, 0), (0, 0, -2 * reach)), LAWN)
    items = [Item("lawn", "ground", (2 * reach, 0.0, 2 * reach), parts=(lawn,), fixed=True)]
    items += [_hedge(x, z, ground_m, 11.0, side, seed) for side in range(4)]
    for number in range(22):
        angle = (number + rng.uniform(0.1, 0.9)) / 22 * 2 * math.pi
        far = rng.uniform(14, 26)
        spot = (x + far * math.sin(angle), ground_m, z + far * math.cos(angle))
        items.append(tree(f"tree-{number}", spot, rng.uniform(5.0, 9.0), seed * 31 + number))
    return tuple(items)


def tree(name: str, spot: tuple[float, float, float], height_m: float, seed: int) -> Item:
    """Build a broad-leaved tree: a trunk, limbs and clouds of leaves."""
    rng = np.random.default_rng(seed)
    crown = height_m * 0.34
    top = height_m - crown
    green = Material(
        GREENS[int(rng.integers(len(GREENS)))], roughness=0.8, finish="thin", translucency=0.25
    )
    parts = [Part(Tube(((0, 0, 0), (0.05, top * 0.6, 0.03), (0, top, 0)), height_m * 0.02), BARK)]
    for _ in range(7):
        way = rng.normal(size=3) * (0.55, 0.42, 0.55)
        center = (float(way[0]) * crown, top + float(way[1]) * crown, float(way[2]) * crown)
        size = crown * float(rng.uniform(0.42, 0.66))
        parts.append(Part(Tube(((0, top * 0.7, 0), center), height_m * 0.008), BARK))
        leaves = Foliage(center, (size, size * 0.85, size), 800, 0.16, int(rng.integers(1 << 30)))
        parts.append(Part(leaves, green))
    size_m = (2.4 * crown, height_m, 2.4 * crown)
    return Item(name, "tree", size_m, spot, parts=tuple(parts), fixed=True)


def bush(
    name: str, spot: tuple[float, float, float], size: tuple[float, float, float], seed: int
) -> Item:
    """Build a dense shrub that fills a box of `size`."""
    rng = np.random.default_rng(seed)
    green = Material(
        GREENS[int(rng.integers(len(GREENS)))], roughness=0.8, finish="thin", translucency=0.2
    )
    width, height, depth = size
    count = int(1400 * max(0.5, width * depth + width * height))
    leaves = Foliage((0, height / 2, 0), (width / 2, height / 2, depth / 2), count, 0.045, seed)
    return Item(name, "tree", size, spot, parts=(Part(leaves, green),), fixed=True)


def _hedge(x: float, z: float, ground_m: float, far: float, side: int, seed: int) -> Item:
    """Build a clipped hedge, 30 m long, on one side of the house."""
    rng = np.random.default_rng(seed * 7 + side)
    green = Material(GREENS[side % len(GREENS)], roughness=0.85, finish="thin", translucency=0.15)
    parts = []
    for step in np.arange(-14.0, 14.1, 1.0):
        height = 1.5 + float(rng.uniform(-0.06, 0.06))
        center = (float(step), height / 2, far)
        seed_here = int(rng.integers(1 << 30))
        parts.append(Part(Foliage(center, (0.75, height * 0.56, 0.5), 420, 0.1, seed_here), green))
    size = (30.0, 1.6, 1.0)
    return Item(
        f"hedge-{side}", "tree", size, (x, ground_m, z), 90.0 * side, tuple(parts), fixed=True
    )
