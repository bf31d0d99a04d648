"""Texture where there is none: blocks of what is known, each continuing what is beside it.

After A. Efros, W. Freeman, "Image quilting for texture synthesis and transfer", SIGGRAPH 2001.
Blocks are compared on a quarter of the size, everywhere at once, and then moved by a few cells;
without chance: the same input gives the same texture.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
_COARSE = 4
_FINE = 3  # cells that a block is moved by, each way, after the coarse search
_REPEATED = 0.35  # what taking a block from where one was taken already costs, of its energy
_BLURRED = 0.6  # and taking one that the photo shows smaller by half
_LEAST_KNOWN = 12  # places to take a block from, below which there is nothing to quilt with
_SMALLEST = 12
_MEETS, _CALM = 0.35, 0.03  # of the energy of what overlaps; of a logarithm of light
_FINE_PART = 0.05  # of a block


@dataclass(frozen=True)
class Texture:
    """What is known of a surface's texture.

    Attributes
    ----------
    values : float32 (rows, columns, 3), about zero; zeros where not known
    known, need : bool (rows, columns)
    rate : float32 (rows, columns), pixels of the photo for each cell's side
    """

    values: Floats
    known: Mask
    need: Mask
    rate: Floats


def quilt(texture: Texture, block: int, own_rows: bool = False) -> Floats:
    """Return texture for all that needs it, float32 (rows, columns, 3).

    Parameters
    ----------
    block : side in cells, halved until enough of what is known is that large
    own_rows : take blocks from their own height only, as of a wall
    """
    while block >= _SMALLEST:
        block -= block % _COARSE
        sources = _whole_blocks(texture.known, block)
        if sources.sum() >= _LEAST_KNOWN:
            return _Quilt(texture, block, sources, own_rows).make()
        block //= 2
    return np.zeros_like(texture.values)


def _whole_blocks(known: Mask, block: int) -> Mask:
    """Return the upper left corners, on the coarse copy, of blocks that are known throughout."""
    rows, columns = (side // _COARSE for side in known.shape)
    if min(rows, columns) < block // _COARSE:
        return np.zeros((0, 0), np.bool_)
    small = cv2.resize(
        known[: rows * _COARSE, : columns * _COARSE].astype(np.float32), (columns, rows),
        interpolation=cv2.INTER_AREA,
    )  # fmt: skip
    sums = cv2.integral(np.asarray(small > 0.98, np.uint8))
    side = block // _COARSE
    count = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.asarray(count == side * side, np.bool_)


class _Quilt:
    """One run: what was laid so far, and where it came from."""

    def __init__(self, texture: Texture, block: int, sources: Mask, own_rows: bool) -> None:
        self._texture, self._block, self._sources = texture, block, sources
        self._own_rows = own_rows
        known = texture.known.astype(np.float32)
        self._laid = texture.values * known[..., None]
        self._weight = known.copy()
        self._luma = texture.values.mean(axis=2)
        rows, columns = (side // _COARSE for side in known.shape)
        whole = self._luma[: rows * _COARSE, : columns * _COARSE]
        self._small = np.asarray(
            cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.float32
        )
        side = block // _COARSE
        energy = _sums(self._small**2, side)
        self._energy = energy + energy[sources].mean() * 0.3 + np.float32(1e-6)
        rate = cv2.resize(
            texture.rate[: rows * _COARSE, : columns * _COARSE], (columns, rows),
            interpolation=cv2.INTER_AREA,
        )  # fmt: skip
        self._rate = _sums(np.asarray(rate, np.float32), side) / (side * side)
        self._used = np.zeros(sources.shape, np.float32)
        self._window = _window(block)
        self._off = self._total = 0.0

    def make(self) -> Floats:
        for row, column in self._order():
            self._lay(row, column)
        laid = self._laid / np.maximum(self._weight, 1e-3)[..., None]
        total = self._calmed(np.asarray(laid, np.float32))
        kept = np.where(self._texture.known[..., None], self._texture.values, total)
        return np.where((self._weight > 0.01)[..., None], kept, 0).astype(np.float32)

    def _calmed(self, laid: Floats) -> Floats:
        """Return what was laid, the weaker the less its blocks go on from each other.

        A carpet's blocks never do, and nobody sees it: what is fine stays as it is. Boards that do
        not meet look like debris.
        """
        apart = self._off / max(self._total, 1e-9)
        most = np.float32(_CALM / max(apart - _MEETS, 1e-3))
        coarse = cv2.GaussianBlur(laid, (0, 0), max(1.0, _FINE_PART * self._block))
        return np.asarray(laid - coarse + most * np.tanh(coarse / most), np.float32)

    def _order(self) -> list[tuple[int, int]]:
        """Return the corners of blocks to lay, those beside what is known first."""
        block, step = self._block, self._block - self._block // 4
        need, known = self._texture.need, self._texture.known
        rows, columns = np.flatnonzero(need.any(axis=1)), np.flatnonzero(need.any(axis=0))
        if not rows.size:
            return []
        far = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 3)
        found = []
        for row in range(max(0, int(rows[0]) - block // 4), int(rows[-1]) + 1, step):
            for column in range(max(0, int(columns[0]) - block // 4), int(columns[-1]) + 1, step):
                top = min(row, need.shape[0] - block)
                left = min(column, need.shape[1] - block)
                if need[top : top + block, left : left + block].any():
                    middle = far[top + block // 2, left + block // 2]
                    found.append((float(middle), top, left))
        return [(top, left) for _, top, left in sorted(set(found))]

    def _lay(self, top: int, left: int) -> None:
        block = self._block
        here = np.s_[top : top + block, left : left + block]
        weight = self._weight[here]
        target = self._laid[here] / np.maximum(weight, 1e-3)[..., None]
        have = (weight > 0.02).astype(np.float32)
        source = self._best(target.mean(axis=2) * have, have, top, left)
        patch = self._texture.values[source[0] : source[0] + block, source[1] : source[1] + block]
        apart = (patch - target)[have > 0]
        self._off += float((apart**2).sum())
        self._total += float((patch[have > 0] ** 2).sum() + (target[have > 0] ** 2).sum())
        share = self._window * ~self._texture.known[here]
        self._laid[here] += patch * share[..., None]
        self._weight[here] += share

    def _best(self, target: Floats, have: Floats, top: int, left: int) -> tuple[int, int]:
        """Return the corner of the block that goes on best with what is laid."""
        side = self._block // _COARSE
        cost = np.zeros(self._sources.shape, np.float32)
        if have.any():
            small = cv2.resize(target, (side, side), interpolation=cv2.INTER_AREA)
            mask = cv2.resize(have, (side, side), interpolation=cv2.INTER_AREA)
            small = small / np.maximum(mask, 0.05)
            mask = (mask > 0.5).astype(np.float32)
            found = cv2.matchTemplate(
                self._small, np.asarray(small * mask, np.float32), cv2.TM_SQDIFF, mask=mask
            )
            cost = found / self._energy * (side * side / max(float(mask.sum()), 1.0))
        wanted = float(
            self._texture.rate[top : top + self._block, left : left + self._block].mean()
        )
        smaller = np.log2(max(wanted, 1e-3) / np.maximum(self._rate, 1e-3)).clip(0, 3)
        cost = cost + _BLURRED * smaller + _REPEATED * self._used
        allowed = self._sources
        if self._own_rows:
            near = np.abs(np.arange(len(allowed)) - top / _COARSE) < 1.5
            allowed = allowed & near[:, None] if allowed[near].any() else allowed
        cost = np.where(allowed & np.isfinite(cost), cost, np.inf)
        row, column = np.unravel_index(int(cost.argmin()), cost.shape)
        reach = max(1, side // 2)
        around = np.s_[max(0, row - reach) : row + reach, max(0, column - reach) : column + reach]
        self._used[around] += 1
        return self._moved(target, have, int(row) * _COARSE, int(column) * _COARSE)

    def _moved(self, target: Floats, have: Floats, row: int, column: int) -> tuple[int, int]:
        block, best, least = self._block, (row, column), np.inf
        height, width = self._luma.shape
        if not have.any():
            return best
        for down in range(-_FINE, _FINE + 1):
            for across in range(-_FINE, _FINE + 1):
                top = min(max(0, row + down), height - block)
                left = min(max(0, column + across), width - block)
                if not self._texture.known[top : top + block : 2, left : left + block : 2].all():
                    continue
                apart = (self._luma[top : top + block, left : left + block] - target) * have
                found = float(np.vdot(apart, apart))
                if found < least:
                    best, least = (top, left), found
        return best


def _sums(values: Floats, side: int) -> Floats:
    """Return the sum of each square of `side`, by its upper left corner."""
    total = cv2.integral(values, sdepth=cv2.CV_64F)
    found = total[side:, side:] - total[:-side, side:] - total[side:, :-side]
    return np.asarray(found + total[:-side, :-side], np.float32)


def _window(block: int) -> Floats:
    overlap = block // 4
    ramp = np.minimum(np.arange(1, block + 1), np.arange(block, 0, -1)) / overlap
    return np.clip(np.minimum(ramp[:, None], ramp[None]), 0.03, 1).astype(np.float32)
