"""Tiling noise and blends, of which textures are made."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Size = tuple[int, int]


@dataclass(frozen=True)
class Texture:
    """`color` uint8 (h, w, 3) sRGB, `relief` float32 (h, w) in metres or None where flat."""

    color: NDArray[np.uint8]
    relief: Field | None


@dataclass(frozen=True)
class Sheet:
    """What a drawer is given."""

    shape: Size
    size_m: tuple[float, float]
    colors: NDArray[np.float32]
    rng: np.random.Generator

    @property
    def columns(self) -> Field:
        """U in metres, shape (1, w)."""
        steps = np.arange(self.shape[1], dtype=np.float32)[None] + np.float32(0.5)
        return steps * np.float32(self.size_m[0] / self.shape[1])

    @property
    def rows(self) -> Field:
        """V in metres, shape (h, 1)."""
        steps = np.arange(self.shape[0], dtype=np.float32)[:, None] + np.float32(0.5)
        return steps * np.float32(self.size_m[1] / self.shape[0])


def noise(shape: Size, cells: Size, rng: np.random.Generator) -> Field:
    """Smooth noise of mean 0 and deviation about 1, `cells` (rows, columns) to a tile."""
    rows, columns = (max(1, min(c, s)) for c, s in zip(cells, shape, strict=True))
    grid = rng.normal(0, 1.35, (rows, columns)).astype(np.float32)
    grid = np.pad(grid, 2, mode="wrap")
    step = shape[0] / rows, shape[1] / columns
    y = (np.arange(shape[0], dtype=np.float32) + 0.5) / step[0] + 1.5
    x = (np.arange(shape[1], dtype=np.float32) + 0.5) / step[1] + 1.5
    columns_map, rows_map = np.meshgrid(x, y)
    return np.asarray(cv2.remap(grid, columns_map, rows_map, cv2.INTER_CUBIC), np.float32)


def octaves(shape: Size, cells: Size, rng: np.random.Generator, count: int = 4) -> Field:
    """Sum noise of doubling fineness and halving strength."""
    layers = (
        noise(shape, (cells[0] << k, cells[1] << k), rng) * np.float32(0.55**k)
        for k in range(count)
    )
    return np.asarray(np.sum(list(layers), axis=0), np.float32)


def mix(a: NDArray[np.float32], b: NDArray[np.float32], share: Field) -> Field:
    """Blend two colours (or fields of them) by a field in 0..1."""
    t = share.clip(0, 1)[..., None]
    return np.asarray(a * (1 - t) + b * t, np.float32)


def pick_tones(
    colors: NDArray[np.float32], shape: tuple[int, ...], rng: np.random.Generator
) -> Field:
    """Return a random blend of the given colours for each cell, shape (*shape, 3)."""
    weights = rng.dirichlet(np.full(len(colors), 0.7), shape).astype(np.float32)
    return np.asarray(weights @ colors, np.float32)
