"""The materials of one home, so that its rooms belong together."""

from dataclasses import dataclass

import numpy as np

from synthetic.scene import RGB, Material, Pattern


@dataclass(frozen=True)
class Palette:
    """Named materials; `accents` are the colours of cushions, pictures and rugs."""

    walls: Material
    accent_wall: Material
    ceiling: Material
    trim: Material
    planks: Material
    stone_floor: Material
    wall_tiles: Material
    metro_tiles: Material
    wood: Material
    dark_wood: Material
    upholstery: Material
    linen: Material
    sheer: Material
    fronts: Material
    worktop: Material
    metal: Material
    black: Material
    ceramic: Material
    accents: tuple[RGB, ...]
    seed: int


ACCENT_WALLS: tuple[RGB, ...] = (
    (0.66, 0.7, 0.62),
    (0.55, 0.62, 0.66),
    (0.78, 0.7, 0.62),
    (0.84, 0.81, 0.75),
)
FLOORS: tuple[tuple[RGB, RGB, RGB], ...] = (
    ((0.75, 0.62, 0.47), (0.68, 0.54, 0.39), (0.8, 0.68, 0.53)),
    ((0.58, 0.43, 0.29), (0.5, 0.36, 0.24), (0.64, 0.49, 0.34)),
    ((0.7, 0.62, 0.53), (0.62, 0.54, 0.45), (0.76, 0.69, 0.6)),
)
CLOTHS: tuple[tuple[RGB, RGB], ...] = (
    ((0.6, 0.58, 0.55), (0.72, 0.7, 0.67)),
    ((0.42, 0.45, 0.48), (0.54, 0.57, 0.6)),
    ((0.72, 0.66, 0.57), (0.82, 0.77, 0.69)),
)
FRONTS: tuple[RGB, ...] = (
    (0.92, 0.91, 0.89),
    (0.44, 0.5, 0.46),
    (0.3, 0.36, 0.43),
    (0.85, 0.83, 0.79),
)
ACCENTS: tuple[tuple[RGB, ...], ...] = (
    ((0.3, 0.41, 0.36), (0.78, 0.58, 0.3), (0.87, 0.83, 0.75)),
    ((0.26, 0.36, 0.46), (0.74, 0.45, 0.34), (0.86, 0.84, 0.8)),
    ((0.62, 0.38, 0.3), (0.36, 0.42, 0.36), (0.88, 0.82, 0.72)),
)


STONE: tuple[RGB, ...] = ((0.74, 0.72, 0.69), (0.7, 0.68, 0.65), (0.72, 0.71, 0.69))
GLAZE: tuple[RGB, ...] = ((0.94, 0.935, 0.92), (0.9, 0.895, 0.88), (0.72, 0.71, 0.7))
MARBLE: tuple[RGB, ...] = ((0.91, 0.905, 0.895), (0.6, 0.59, 0.58))


def shade(color: RGB, factor: float) -> RGB:
    """Return a darker (factor below 1) or lighter colour."""
    r, g, b = (min(1.0, c * factor) for c in color)
    return r, g, b


def _drawn(pattern: Pattern, roughness: float) -> Material:
    return Material(pattern.colors[0], roughness=roughness, pattern=pattern)


def paint(color: RGB) -> Material:
    """Matt wall paint."""
    return Material(color, roughness=1.0)


def cloth(dark: RGB, light: RGB) -> Material:
    """Woven fabric."""
    return Material(dark, roughness=0.95, pattern=Pattern("fabric", (0.25, 0.25), (dark, light)))


def timber(dark: RGB, light: RGB, seed: int = 0) -> Material:
    """Oiled wood, its grain along u."""
    return Material(light, roughness=0.42, pattern=Pattern("wood", (1.6, 0.8), (dark, light), seed))


def choose_palette(seed: int) -> Palette:
    """Choose the materials of a home."""
    rng = np.random.default_rng((seed, 77))
    floor = FLOORS[int(rng.integers(len(FLOORS)))]
    dark, light = CLOTHS[int(rng.integers(len(CLOTHS)))]
    warm = float(rng.uniform(0, 0.02))
    return Palette(
        walls=paint((0.93, 0.922 - warm / 2, 0.905 - warm)),
        accent_wall=paint(ACCENT_WALLS[int(rng.integers(len(ACCENT_WALLS)))]),
        ceiling=paint((0.955, 0.95, 0.94)),
        trim=Material((0.94, 0.935, 0.92), roughness=0.38),
        planks=_drawn(Pattern("planks", (4.0, 3.96), floor, seed), 0.36),
        stone_floor=_drawn(Pattern("large_tiles", (3.6, 3.6), STONE, seed), 0.3),
        wall_tiles=_drawn(Pattern("wall_tiles", (2.4, 2.0), GLAZE, seed), 0.18),
        metro_tiles=_drawn(Pattern("metro_tiles", (1.2, 1.2), GLAZE, seed), 0.14),
        wood=timber(shade(floor[1], 0.86), floor[2], seed),
        dark_wood=timber((0.24, 0.16, 0.11), (0.38, 0.27, 0.19), seed),
        upholstery=cloth(dark, light),
        linen=cloth((0.86, 0.85, 0.82), (0.95, 0.94, 0.92)),
        sheer=Material((0.95, 0.94, 0.92), finish="thin", translucency=0.42),
        fronts=Material(FRONTS[int(rng.integers(len(FRONTS)))], roughness=0.42),
        worktop=_drawn(Pattern("marble", (1.7, 1.7), MARBLE, seed), 0.22),
        metal=Material((0.75, 0.74, 0.72), roughness=0.27, metallic=1.0),
        black=Material((0.06, 0.06, 0.065), roughness=0.4),
        ceramic=Material((0.95, 0.95, 0.94), roughness=0.12),
        accents=ACCENTS[int(rng.integers(len(ACCENTS)))],
        seed=seed,
    )
