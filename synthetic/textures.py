"""Drawn textures: wood, tiles, stone, cloth, grass, and pictures for the walls.

Every drawer takes the wanted size in pixels, the size of a tile in metres, colours (sRGB 0..1) and
a generator, and returns colours (h, w, 3) in 0..1 and a relief (h, w) in metres; both repeat
without a seam. u runs along the columns, v up the rows.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from synthetic.noise import Field, Sheet, Size, Texture, mix, noise, octaves, pick_tones
from synthetic.prints import draw_art, draw_rug, draw_screen
from synthetic.scene import Pattern

Drawer = Callable[[Sheet], tuple[Field, Field | None]]


def draw_texture(pattern: Pattern, pixels: int = 1024) -> Texture:
    """Draw a pattern, `pixels` on its longer side."""
    longer = max(pattern.size_m)
    width, height = (max(8, round(pixels * side / longer)) for side in pattern.size_m)
    colors = np.array(pattern.colors, np.float32)
    sheet = Sheet((height, width), pattern.size_m, colors, np.random.default_rng(pattern.seed))
    color, relief = DRAWERS[pattern.kind](sheet)
    return Texture(np.rint(color.clip(0, 1) * 255).astype(np.uint8), relief)


def wood_grain(shape: Size, size_m: tuple[float, float], rng: np.random.Generator) -> Field:
    """Grain along u, about -1..1: rings cut lengthwise, pores and fibres."""
    along, across = size_m
    slow = noise(shape, (max(1, round(across / 0.09)), max(1, round(along / 1.1))), rng)
    v = (np.arange(shape[0], dtype=np.float32)[:, None] + 0.5) / shape[0]
    rings = np.sin(2 * np.pi * (round(across / 0.05) * v + 1.7 * slow))
    fibres = noise(shape, (max(1, round(across / 0.0022)), max(1, round(along / 0.22))), rng)
    pores = noise(shape, (max(1, round(across / 0.0012)), max(1, round(along / 0.035))), rng)
    grain: Field = 0.42 * rings + 0.3 * slow + 0.3 * fibres + 0.16 * pores
    return grain.astype(np.float32)


def _draw_wood(sheet: Sheet) -> tuple[Field, Field | None]:
    grain = wood_grain(sheet.shape, sheet.size_m, sheet.rng)
    color = mix(sheet.colors[0], sheet.colors[-1], 0.5 + 0.33 * grain)
    return color, None


def _draw_planks(sheet: Sheet, board_m: float = 0.18, gap_m: float = 0.0016) -> tuple[Field, Field]:
    height, width = sheet.shape
    count = max(1, round(sheet.size_m[1] / board_m))
    grain = wood_grain(sheet.shape, sheet.size_m, sheet.rng)
    color = np.zeros((height, width, 3), np.float32)
    relief = np.zeros((height, width), np.float32)
    edges = np.rint(np.linspace(0, height, count + 1)).astype(int)
    gap = max(1.0, gap_m / sheet.size_m[0] * width)
    for low, high in pairwise(edges):
        boards = max(1, round(sheet.size_m[0] / sheet.rng.uniform(1.1, 1.9)))
        cuts = np.sort(
            (np.linspace(0, 1, boards, endpoint=False) + sheet.rng.uniform(0, 0.25, boards)) % 1
        )
        cuts = (cuts * width).astype(int)
        column = np.arange(width)
        board = np.searchsorted(cuts, column, side="right") % boards
        tones = pick_tones(sheet.colors, (boards,), sheet.rng)[board]
        shift = sheet.rng.integers(0, width, boards)[board]
        rows = (np.arange(low, high) + sheet.rng.integers(0, height)) % height
        grained = grain[rows[:, None], (column + shift)[None] % width]
        color[low:high] = tones[None] * (1 + 0.11 * grained[..., None])
        nearest = np.abs((column[:, None] - cuts[None] + width / 2) % width - width / 2).min(axis=1)
        rim = np.minimum(np.arange(high - low) + 0.5, high - low - np.arange(high - low) - 0.5)
        edge = np.minimum(nearest[None], rim[:, None])
        seam = np.clip(1 - edge / gap, 0, 1)
        color[low:high] *= (1 - 0.55 * seam)[..., None]
        relief[low:high] = 0.0004 * grained * 0.2 - 0.0008 * np.clip(1 - edge / (2 * gap), 0, 1)
    return color, relief


def _draw_tiles(
    sheet: Sheet, rows: int = 0, columns: int = 0, bond: float = 0.0
) -> tuple[Field, Field]:
    """Tiles in `rows` x `columns`, each row shifted by `bond`; the last colour is the grout."""
    height, width = sheet.shape
    v = (np.arange(height, dtype=np.float32) + 0.5) / height * rows
    row = np.floor(v).astype(int)
    u = (np.arange(width, dtype=np.float32)[None] + 0.5) / width * columns + (row * bond)[:, None]
    column = np.floor(u).astype(int) % columns
    tones = pick_tones(sheet.colors[:-1], (rows, columns), sheet.rng)[row[:, None], column]
    tile_m = sheet.size_m[0] / columns, sheet.size_m[1] / rows
    du = np.minimum(u % 1, 1 - u % 1) * tile_m[0]
    dv = (np.minimum(v % 1, 1 - v % 1) * tile_m[1])[:, None]
    edge = np.minimum(du, dv)
    grout = np.clip((0.0022 - edge) / 0.0012, 0, 1).astype(np.float32)
    cloud = octaves(sheet.shape, (rows * 2, columns * 2), sheet.rng)
    color = mix(tones * (1 + 0.018 * cloud[..., None]), sheet.colors[-1], grout)
    relief = (-0.0012 * np.clip((0.004 - edge) / 0.003, 0, 1)).astype(np.float32)
    return color, relief


def _tiles(tile_m: tuple[float, float], bond: float = 0.0) -> Drawer:
    def draw(sheet: Sheet) -> tuple[Field, Field | None]:
        columns = max(1, round(sheet.size_m[0] / tile_m[0]))
        rows = max(1, round(sheet.size_m[1] / tile_m[1]))
        return _draw_tiles(sheet, rows + (rows % 2 if bond else 0), columns, bond)

    return draw


def _draw_marble(sheet: Sheet) -> tuple[Field, Field | None]:
    base = octaves(sheet.shape, (2, 2), sheet.rng, 6)
    warp = octaves(sheet.shape, (2, 3), sheet.rng, 5)
    veins = np.exp(-np.abs(warp * 0.6 + base * 0.35) * 14) * (0.55 + 0.45 * np.tanh(base))
    fine = np.exp(-np.abs(octaves(sheet.shape, (5, 4), sheet.rng, 4)) * 22) * 0.35
    return mix(
        sheet.colors[0] * (1 + 0.012 * base[..., None]), sheet.colors[-1], veins + fine
    ), None


def _draw_granite(sheet: Sheet) -> tuple[Field, Field | None]:
    color = np.broadcast_to(sheet.colors[0], (*sheet.shape, 3)).astype(np.float32)
    for tone in sheet.colors[1:]:
        cells = int(sheet.size_m[1] / 0.006), int(sheet.size_m[0] / 0.006)
        specks = noise(sheet.shape, cells, sheet.rng)
        color = mix(color, tone, (specks - 0.75) * 2)
    return color, None


def _draw_fabric(sheet: Sheet) -> tuple[Field, Field]:
    threads = 2 * np.pi / 0.004
    warp = np.sin(sheet.columns * threads) + 0.5 * noise(
        sheet.shape, (8, sheet.shape[1] // 3), sheet.rng
    )
    weft = np.sin(sheet.rows * threads) + 0.5 * noise(
        sheet.shape, (sheet.shape[0] // 3, 8), sheet.rng
    )
    weave = (warp * weft + 0.35 * (warp + weft)).astype(np.float32)
    melange = noise(sheet.shape, (sheet.shape[0] // 4, sheet.shape[1] // 4), sheet.rng)
    color = mix(sheet.colors[0], sheet.colors[-1], 0.5 + 0.18 * weave + 0.2 * melange)
    return color, 0.0004 * weave


def _draw_pile(sheet: Sheet) -> tuple[Field, Field]:
    tufts = noise(sheet.shape, (sheet.shape[0] // 2, sheet.shape[1] // 2), sheet.rng)
    broad = octaves(sheet.shape, (5, 5), sheet.rng, 3)
    color = mix(sheet.colors[0], sheet.colors[-1], 0.5 + 0.16 * tufts + 0.08 * broad)
    return color, 0.001 * tufts


def _draw_plaster(sheet: Sheet) -> tuple[Field, Field]:
    cells = int(sheet.size_m[1] / 0.02), int(sheet.size_m[0] / 0.02)
    grain = octaves(sheet.shape, cells, sheet.rng, 3)
    flat = np.broadcast_to(sheet.colors[0], (*sheet.shape, 3))
    return (flat * (1 + 0.004 * grain[..., None])).astype(np.float32), 0.00008 * grain


def _draw_grass(sheet: Sheet) -> tuple[Field, Field]:
    blades = noise(sheet.shape, (sheet.shape[0] // 2, sheet.shape[1] // 2), sheet.rng)
    clumps = octaves(sheet.shape, (14, 14), sheet.rng, 4)
    color = mix(sheet.colors[0], sheet.colors[-1], 0.5 + 0.26 * blades + 0.18 * clumps)
    return color, 0.02 * blades


def _draw_gravel(sheet: Sheet) -> tuple[Field, Field]:
    cells = int(sheet.size_m[1] / 0.02), int(sheet.size_m[0] / 0.02)
    stones = noise(sheet.shape, cells, sheet.rng)
    broad = octaves(sheet.shape, (4, 4), sheet.rng, 3)
    color = mix(sheet.colors[0], sheet.colors[-1], 0.5 + 0.22 * stones + 0.1 * broad)
    return color, 0.004 * stones


def _draw_boards(sheet: Sheet) -> tuple[Field, Field]:
    """Overlapping horizontal boards, 15 cm each, as on a wooden house."""
    count = max(1, round(sheet.size_m[1] / 0.15))
    v = (sheet.rows / sheet.size_m[1] * count) % 1
    shade = np.clip((v - 0.93) / 0.05, 0, 1) * 0.35
    dirt = octaves(sheet.shape, (count, 5), sheet.rng, 4)
    color = sheet.colors[0] * (1 - shade + 0.015 * dirt)[..., None]
    return color.astype(np.float32), (0.012 * (1 - v) * np.ones(sheet.shape)).astype(np.float32)


DRAWERS: dict[str, Drawer] = {
    "wood": _draw_wood,
    "planks": _draw_planks,
    "square_tiles": _tiles((0.3, 0.3)),
    "large_tiles": _tiles((0.6, 0.6)),
    "wall_tiles": _tiles((0.4, 0.25)),
    "metro_tiles": _tiles((0.2, 0.1), bond=0.5),
    "bricks": _tiles((0.24, 0.08), bond=0.5),
    "roof_tiles": _tiles((0.3, 0.34), bond=0.5),
    "marble": _draw_marble,
    "granite": _draw_granite,
    "fabric": _draw_fabric,
    "pile": _draw_pile,
    "plaster": _draw_plaster,
    "grass": _draw_grass,
    "gravel": _draw_gravel,
    "boards": _draw_boards,
    "rug": draw_rug,
    "art": draw_art,
    "screen": draw_screen,
}
