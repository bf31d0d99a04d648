"""Furniture: catalogue models in the home's materials, and what is built from boards."""

import math

import numpy as np

from synthetic.catalogue import Catalogue
from synthetic.decor import PAPER, make_bowl
from synthetic.models import pick_model
from synthetic.palette import Palette
from synthetic.scene import Item, Material, Part
from synthetic.shapes import Box, Loft, Quad, Ring, Tube

Recolor = tuple[tuple[str, Material], ...]


def make_coffee_table(name: str, palette: Palette) -> Item:
    """Build a round wooden top on three splayed legs."""
    radius, height = 0.42, 0.4
    rings = (
        Ring(0, radius * 0.96, radius * 0.96),
        Ring(0.012, radius, radius),
        Ring(0.026, radius, radius),
        Ring(0.03, radius - 0.006, radius - 0.006),
    )
    parts = [Part(Loft(rings, (0, height - 0.03, 0), segments=64), palette.wood)]
    for k in range(3):
        a = k * 2 * math.pi / 3 + 0.3
        top, foot = 0.2, 0.33
        leg = (
            (top * math.sin(a), height - 0.03, top * math.cos(a)),
            (foot * math.sin(a), 0.0, foot * math.cos(a)),
        )
        parts.append(Part(Tube(leg, 0.016), palette.wood))
    return Item(name, "table", (2 * radius, height, 2 * radius), parts=tuple(parts))


def make_table(
    name: str, width: float, depth: float, palette: Palette, category: str = "table"
) -> Item:
    """Build a plain table of solid wood, 74 cm high."""
    height, leg = 0.74, 0.065
    parts = [Part(Box((0, height - 0.032, 0), (width, 0.032, depth), 0.005), palette.wood)]
    for x in (-1, 1):
        for z in (-1, 1):
            base = (x * (width / 2 - 0.07), 0, z * (depth / 2 - 0.07))
            parts.append(Part(Box(base, (leg, height - 0.032, leg), 0.006), palette.wood))
    for z in (-1, 1):
        rail = Box((0, height - 0.11, z * (depth / 2 - 0.07)), (width - 0.2, 0.078, 0.022), 0.002)
        parts.append(Part(rail, palette.wood))
    for x in (-1, 1):
        rail = Box((x * (width / 2 - 0.07), height - 0.11, 0), (0.022, 0.078, depth - 0.2), 0.002)
        parts.append(Part(rail, palette.wood))
    return Item(name, category, (width, height, depth), parts=tuple(parts))


def make_sideboard(name: str, width: float, palette: Palette, category: str = "cabinet") -> Item:
    """Build a low cupboard with two doors and drawers between them."""
    height, deep, foot = 0.62, 0.4, 0.13
    body = Box((0, foot, -0.008), (width, height - foot, deep - 0.016), 0.003)
    parts = [Part(body, palette.wood)]
    third = width / 3
    for k in (-1, 1):
        front = Box(
            (k * third, foot + 0.02, deep / 2 - 0.009),
            (third - 0.02, height - foot - 0.04, 0.018),
            0.003,
        )
        parts.append(Part(front, palette.wood))
        grip = Box(
            (k * (third / 2 + 0.04), foot + 0.2, deep / 2 + 0.004), (0.012, 0.14, 0.012), 0.003
        )
        parts.append(Part(grip, palette.black))
    tall = (height - foot - 0.04) / 3
    for k in range(3):
        front = Box(
            (0, foot + 0.02 + k * tall, deep / 2 - 0.009),
            (third - 0.012, tall - 0.006, 0.018),
            0.003,
        )
        grip = Box(
            (0, foot + 0.02 + (k + 0.6) * tall, deep / 2 + 0.004), (0.14, 0.012, 0.012), 0.003
        )
        parts += [Part(front, palette.wood), Part(grip, palette.black)]
    for x in (-1, 1):
        for z in (-1, 1):
            leg = (
                (x * (width / 2 - 0.12), foot, z * (deep / 2 - 0.08)),
                (x * (width / 2 - 0.08), 0, z * (deep / 2 - 0.05)),
            )
            parts.append(Part(Tube(leg, 0.014), palette.black))
    return Item(name, category, (width, height, deep + 0.02), parts=tuple(parts))


def make_bookshelf(name: str, width: float, height: float, palette: Palette, seed: int) -> Item:
    """Build an open shelf with books, pots and gaps."""
    deep, board = 0.3, 0.022
    parts = [
        Part(Box((s * (width - board) / 2, 0, 0), (board, height, deep), 0.002), palette.wood)
        for s in (-1, 1)
    ]
    count = max(3, round(height / 0.36))
    levels = np.linspace(0.06, height - board, count + 1)
    parts.append(
        Part(Box((0, 0, -deep / 2 + 0.004), (width - 0.01, height, 0.008), 0.0), palette.trim)
    )
    rng = np.random.default_rng(seed)
    for low, high in zip(levels, [*levels[1:], None], strict=True):
        parts.append(
            Part(Box((0, float(low), 0), (width - 2 * board, board, deep), 0.002), palette.wood)
        )
        if high is not None:
            parts += _fill_shelf(
                float(low) + board, float(high - low) - board, width - 2 * board, palette, rng
            )
    return Item(name, "shelf", (width, height, deep), parts=tuple(parts))


def _fill_shelf(
    base: float, room: float, width: float, palette: Palette, rng: np.random.Generator
) -> list[Part]:
    parts: list[Part] = []
    x, end = -width / 2 + 0.02, width / 2 - 0.03
    while x < end - 0.05:
        kind = rng.random()
        if kind < 0.62:
            for _ in range(int(rng.integers(4, 11))):
                thick, tall = (
                    float(rng.uniform(0.018, 0.042)),
                    float(rng.uniform(0.62, 0.86)) * room,
                )
                if x + thick > end:
                    break
                cover = Material(PAPER[int(rng.integers(len(PAPER)))], roughness=0.55)
                parts.append(
                    Part(
                        Box(
                            (x + thick / 2, base, 0.02),
                            (thick, tall, float(rng.uniform(0.16, 0.21))),
                            0.002,
                        ),
                        cover,
                    )
                )
                x += thick + 0.001
        elif kind < 0.82 and x + 0.2 < end:
            tall = room * float(rng.uniform(0.45, 0.7))
            r = min(0.075, tall * 0.4)
            rings = tuple(
                Ring(tall * t, r * s, r * s)
                for t, s in ((0, 0.6), (0.3, 1), (0.7, 0.8), (0.9, 0.4), (1, 0.45))
            )
            glaze = Material(palette.accents[int(rng.integers(3))], roughness=0.4)
            parts.append(Part(Loft(rings, (x + 0.1, base, 0.02), segments=28), glaze))
            x += 0.2
        x += float(rng.uniform(0.02, 0.1))
    return parts


def make_television(name: str, width: float, palette: Palette) -> Item:
    """Build a flat screen on two feet."""
    height = width * 0.57
    glass = Material((0.03, 0.03, 0.035), roughness=0.12)
    parts = [Part(Box((0, 0.06, 0), (width, height, 0.035), 0.006), palette.black)]
    parts.append(
        Part(
            Quad(
                (-width / 2 + 0.008, 0.068, 0.0182), (width - 0.016, 0, 0), (0, height - 0.016, 0)
            ),
            glass,
        )
    )
    for s in (-1, 1):
        parts.append(Part(Box((s * width * 0.33, 0, 0), (0.03, 0.07, 0.22), 0.004), palette.black))
    return Item(name, "television", (width, height + 0.06, 0.22), parts=tuple(parts))


def make_plant(name: str, catalogue: Catalogue, palette: Palette, choice: int) -> Item | None:
    """Build a large pot plant."""
    models = ("plant", "decorativePlant") if choice % 2 else ("decorativePlant", "plant")
    pot = Material((0.86, 0.84, 0.8), roughness=0.55)
    leaf = Material((0.2, 0.36, 0.13), roughness=0.5)
    olive = Material((0.4, 0.47, 0.3), roughness=0.6)
    recolor = (
        ("pot", pot),
        ("PotMat", Material(palette.accents[1], roughness=0.6)),
        ("grass_shader_1", leaf),
        ("Leaves", olive),
    )
    return pick_model(catalogue, models, name, "plant", recolor)


def make_small_plant(name: str, catalogue: Catalogue, choice: int) -> Item:
    """Build a plant for a table or a sill; a bowl of fruit where the catalogue has none."""
    models = (
        ("augalas", "littlePlant", "orchids")
        if choice % 2
        else ("orchids", "augalas", "littlePlant")
    )
    return pick_model(catalogue, models, name, "plant") or make_bowl(name, 0.15, (0.85, 0.83, 0.8))
