"""Drawn pictures: woven rugs, prints for the walls, a computer's desktop."""

import numpy as np
from numpy.typing import NDArray

from synthetic.noise import Field, Sheet, mix, noise, octaves


def draw_rug(sheet: Sheet) -> tuple[Field, Field]:
    """Return a field of diamonds between border lines: ground, shade, line."""
    height, width = sheet.shape
    x = np.abs((np.arange(width, dtype=np.float32)[None] + 0.5) / width - 0.5) * sheet.size_m[0]
    y = (
        np.abs((np.arange(height, dtype=np.float32)[:, None] + 0.5) / height - 0.5)
        * sheet.size_m[1]
    )
    edge = np.minimum(sheet.size_m[0] / 2 - x, sheet.size_m[1] / 2 - y)
    step = 0.34
    across = np.abs(((x + y) / step) % 1 - 0.5) * step
    athwart = np.abs(((x - y) / step) % 1 - 0.5) * step
    lines = np.maximum(_line(across, 0.008), _line(athwart, 0.008)) * (edge > 0.2)
    border = np.maximum(_line(np.abs(edge - 0.12), 0.012), _line(np.abs(edge - 0.17), 0.005))
    tufts = noise(sheet.shape, (height // 2, width // 2), sheet.rng)
    ground = mix(sheet.colors[0], sheet.colors[1], 0.5 + 0.3 * tufts)
    color = mix(ground, sheet.colors[2], np.maximum(lines * 0.75, border * 0.85))
    return color, 0.0008 * tufts


def _line(distance: NDArray[np.floating], half_m: float) -> Field:
    return np.asarray(np.clip((half_m - distance) / 0.003 + 0.5, 0, 1), np.float32)


def draw_art(sheet: Sheet) -> tuple[Field, Field | None]:
    """Return an abstract landscape: hills of flat colour under a disc."""
    height, width = sheet.shape
    u = (np.arange(width, dtype=np.float32)[None] + 0.5) / width
    v = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    paper = octaves(sheet.shape, (30, 30), sheet.rng, 3)
    color = np.broadcast_to(sheet.colors[3], (height, width, 3)) * (1 + 0.012 * paper[..., None])
    center, radius = sheet.rng.uniform(0.3, 0.7), sheet.rng.uniform(0.1, 0.17)
    away = np.hypot((u - center) * sheet.size_m[0] / sheet.size_m[1], v - 0.33)
    color = mix(color, sheet.colors[1], np.clip((radius - away) * height / 2, 0, 1))
    for k, level in enumerate((0.5, 0.62, 0.76)):
        ridge = level + 0.07 * np.sin(u * sheet.rng.uniform(3, 7) + sheet.rng.uniform(0, 6))
        ridge = ridge + 0.02 * noise((1, width), (1, 9), sheet.rng)
        tone = sheet.colors[(0, 2, 4)[(k + sheet.rng.integers(3)) % 3]]
        wash = 0.88 + 0.1 * paper
        color = mix(
            color,
            tone * (0.75 + 0.25 * wash[..., None]),
            np.clip((v - ridge) * height / 2, 0, 0.92),
        )
    return color.astype(np.float32), None


def draw_screen(sheet: Sheet) -> tuple[Field, Field | None]:
    """Return a computer's desktop: a soft gradient with a window of text lines."""
    height, width = sheet.shape
    u = (np.arange(width, dtype=np.float32)[None] + 0.5) / width
    v = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    color = mix(
        sheet.colors[0],
        sheet.colors[-1],
        (u * 0.4 + v * 0.6) + 0.05 * octaves(sheet.shape, (2, 2), sheet.rng, 2),
    )
    page = (np.abs(u - 0.5) < 0.3) & (np.abs(v - 0.5) < 0.36)
    lengths = sheet.rng.uniform(0.15, 0.54, 18)[(v[:, 0] * 18).astype(int)][:, None]
    ink = page & ((v * 18) % 1 < 0.4) & (u > 0.23) & (u < 0.23 + lengths) & (v > 0.2) & (v < 0.82)
    color = np.where(page[..., None], np.float32(0.93), color)
    return np.where(ink[..., None], np.float32(0.45), color).astype(np.float32), None
