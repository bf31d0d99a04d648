"""Sharpness, noise and compression: how neighbouring pixels differ, near and far."""

from collections.abc import Iterator
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.photos.quality.views import TILE_SIDE

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
_LAGS = (1, 2, 4, 8)  # px; a sharp edge differs as much over one as over eight
_DIAGONAL_LAGS = (1, 4)
_SHARES = (0.5, 0.9, 0.99, 0.999)
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
_CELL = 8  # px of the cells whose activity is ranked: flat ones show noise, busy ones sharpness
_RANKS = (2, 10, 25, 50, 75, 90, 98)  # percent
_FLOOR = 0.05  # levels: keeps logarithms of nothing finite


def measure_texture(tiles: Bytes) -> dict[str, float]:
    """Measure tiles of shape (tiles, side, side, 3), uint8 RGB.

    Returns
    -------
    dict
        Natural logarithms of differences in grey levels, and ratios; always the same names.
    """
    stacked = tiles.reshape(-1, TILE_SIDE, 3)
    half = cv2.resize(stacked, (TILE_SIDE // 2, len(stacked) // 2), interpolation=cv2.INTER_AREA)
    grey = cast(Bytes, cv2.cvtColor(stacked, cv2.COLOR_RGB2GRAY))
    luma = grey.reshape(-1, TILE_SIDE, TILE_SIDE)
    chroma = cast(Bytes, cv2.cvtColor(half, cv2.COLOR_RGB2YCrCb))
    found: dict[str, float] = {}
    found |= _differences(luma)
    found |= _activity(luma)
    found |= _blocks(luma)
    found |= _normalised(luma[::2])
    found |= _chroma_noise(chroma)
    return found


def _differences(luma: Bytes) -> dict[str, float]:
    """Take quantiles of differences over 1 to 8 px in four directions.

    The ratio of near to far differences at their largest is the width of edges, and hardly
    depends on what is in the photo; between directions it tells motion from defocus.
    """
    found: dict[str, float] = {}
    for name, lag, difference in _shifted(luma):
        counts = cv2.calcHist([difference], [0], None, [256], [0, 256]).ravel()
        share = np.cumsum(counts) / counts.sum()
        for part in _SHARES:
            found[f"{name}_q{part}"] = _log(_quantile(share, part))
        if lag == 1:
            found[f"{name}_same"] = float(share[0])
            found[f"{name}_near"] = float(share[2])
    return found


def _shifted(luma: Bytes) -> Iterator[tuple[str, int, Bytes]]:
    side = luma.shape[1]
    for dy, dx in _DIRECTIONS:
        for lag in _DIAGONAL_LAGS if dy and dx else _LAGS:
            y, x = dy * lag, dx * lag
            left = luma[:, : side - y, max(0, -x) : side - max(0, x)]
            right = luma[:, y:, max(0, x) : side - max(0, -x)]
            apart = cv2.absdiff(np.ascontiguousarray(left), np.ascontiguousarray(right))
            yield f"diff_{dy}{dx}_{lag}", lag, cast(Bytes, apart).reshape(-1, apart.shape[-1])


def _quantile(share: NDArray[np.float64], part: float) -> float:
    """Interpolate the level below which `part` of the pixels lie."""
    level = int(np.searchsorted(share, part))
    below = share[level - 1] if level else 0.0
    width = share[level] - below
    if level and width > 0:
        return float(level - 0.5 + (part - below) / width)
    return float(part / max(share[0], part))


def _activity(luma: Bytes) -> dict[str, float]:
    """Rank how much cells of 8 px vary in three bands, finest first.

    Noise is in the flattest cells as much as in the others (Immerkær 1996 for the operator),
    sharpness in the busiest alone.
    """
    found: dict[str, float] = {}
    level = luma.astype(np.float32)
    for band in range(3):
        side = level.shape[1]
        flat = level.reshape(-1, side)
        smooth = cv2.GaussianBlur(flat, (5, 5), 1.0)
        energy = _by_cell(np.square(flat - smooth).reshape(level.shape))
        ranked = np.sqrt(np.percentile(energy, _RANKS))
        found |= {
            f"band{band}_r{rank}": _log(value)
            for rank, value in zip(_RANKS, ranked.tolist(), strict=True)
        }
        found[f"band{band}_spread"] = _log(float(np.sqrt(energy.mean())))
        half = cv2.resize(flat, (side // 2, len(flat) // 2), interpolation=cv2.INTER_AREA)
        level = cast(Floats, half).reshape(-1, side // 2, side // 2)
    return found


def _by_cell(energy: Floats) -> Floats:
    count, side = len(energy), energy.shape[1]
    cells = side // _CELL
    rows = energy.reshape(-1, side)
    return cast(Floats, cv2.resize(rows, (cells, count * cells), interpolation=cv2.INTER_AREA))


def _blocks(luma: Bytes) -> dict[str, float]:
    """Measure how much steps at every eighth pixel stand out, whatever the grid's phase.

    After Wang, Sheikh, Bovik 2002 (no-reference JPEG). 16 px is the grid of halved colours.
    """
    found: dict[str, float] = {}
    for axis, name in ((2, "columns"), (1, "rows")):
        turned = luma if axis == 2 else np.ascontiguousarray(luma.transpose(0, 2, 1))
        step = cv2.absdiff(turned[:, :, 1:].copy(), turned[:, :, :-1].copy())
        profile = np.minimum(step, 24).mean(axis=(0, 1), dtype=np.float64)  # edges count little
        for period in (8, 16):
            whole = len(profile) // period * period
            phases = profile[:whole].reshape(-1, period).mean(axis=0)
            rest = (phases.sum() - phases.max()) / (period - 1)
            found[f"grid{period}_{name}"] = float(np.log((phases.max() + _FLOOR) / (rest + _FLOOR)))
    return found


def _normalised(luma: Bytes) -> dict[str, float]:
    """Take moments of mean-subtracted, contrast-normalised luma and of its neighbours' products.

    The statistics of BRISQUE (Mittal, Moorthy, Bovik 2012) without its fits.
    """
    found: dict[str, float] = {}
    level = luma.astype(np.float32).reshape(-1, TILE_SIDE)
    for scale in (1, 2):
        mean = cv2.GaussianBlur(level, (7, 7), 7 / 6)
        variance = cv2.GaussianBlur(level * level, (7, 7), 7 / 6) - mean * mean
        score = (level - mean) / (np.sqrt(np.maximum(variance, 0)) + 1)
        square = score * score
        power = float(square.mean()) + 1e-4
        found[f"mscn{scale}_power"] = float(np.log(power))
        found[f"mscn{scale}_shape"] = float(np.log(np.abs(score).mean() ** 2 / power + 1e-3))
        found[f"mscn{scale}_peak"] = float(np.log((square * square).mean() / power**2 + 1e-1))
        pairs = {
            "h1": (score[:, 1:], score[:, :-1]), "v1": (score[1:], score[:-1]),
            "d1": (score[1:, 1:], score[:-1, :-1]), "e1": (score[1:, :-1], score[:-1, 1:]),
            "h2": (score[:, 2:], score[:, :-2]), "v2": (score[2:], score[:-2]),
        }  # fmt: skip
        for name, (one, other) in pairs.items():
            found[f"mscn{scale}_{name}"] = float(np.vdot(one, other) / one.size / power)
        if scale == 1:
            size = (TILE_SIDE // 2, len(level) // 2)
            level = cv2.resize(level, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return found


def _chroma_noise(chroma: Bytes) -> dict[str, float]:
    """Rank how much chroma varies in cells: noise of a sensor is coloured, texture seldom."""
    found: dict[str, float] = {}
    for channel, name in ((1, "cr"), (2, "cb")):
        level = np.ascontiguousarray(chroma[..., channel]).astype(np.float32)
        high = level - cv2.GaussianBlur(level, (5, 5), 1.0)
        energy = np.square(high).reshape(-1, TILE_SIDE // 2, TILE_SIDE // 2)
        ranked = np.sqrt(np.percentile(_by_cell(energy), (10, 50, 90)))
        found |= {f"{name}_r{n}": _log(value) for n, value in enumerate(ranked.tolist())}
    return found


def _log(levels: float) -> float:
    return float(np.log(levels + _FLOOR))
