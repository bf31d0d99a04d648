"""A tile of a material, seen at any distance."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput

Floats = NDArray[np.float32]
_MIPS = 8


@dataclass(frozen=True)
class Material:
    """A picture that tiles: opposite edges go on in each other.

    Attributes
    ----------
    tile : float32 (rows, columns, 3), linear albedo, 0..1
    size_m : of a tile, (along its rows, along its columns): height and width, metres
    turn_deg : of the tile about the vertical, from the room's axes
    """

    tile: Floats
    size_m: tuple[float, float]
    turn_deg: float = 0.0

    def __post_init__(self) -> None:
        tile = self.tile
        if tile.dtype != np.float32 or tile.ndim != 3 or tile.shape[2] != 3 or not tile.size:
            raise BadInput(f"a tile is float32 (rows, columns, 3), not {tile.dtype} {tile.shape}")
        if min(self.size_m) <= 0:
            raise BadInput(f"a tile of {self.size_m} m covers nothing")

    @cached_property
    def _mips(self) -> tuple[Floats, ...]:
        """The tile, each time at half the size."""
        mips = [self.tile]
        while len(mips) < _MIPS and min(mips[-1].shape[:2]) > 1:
            rows, columns = (max(1, side // 2) for side in mips[-1].shape[:2])
            smaller = cv2.resize(mips[-1], (columns, rows), interpolation=cv2.INTER_AREA)
            mips.append(np.asarray(smaller, np.float32))
        return tuple(mips)

    def at(self, flat_m: Floats, step_m: Floats) -> Floats:
        """Return the material's albedo, trilinear between mips (L. Williams, SIGGRAPH 1983).

        Parameters
        ----------
        flat_m : float32 (height, width, 2), where on the plane each pixel is, metres
        step_m : float32 (height, width), how much of the plane a pixel covers, metres

        Returns
        -------
        float32 (height, width, 3)
        """
        angle = np.deg2rad(self.turn_deg)
        x = flat_m[..., 0] * np.cos(angle) + flat_m[..., 1] * np.sin(angle)
        y = flat_m[..., 1] * np.cos(angle) - flat_m[..., 0] * np.sin(angle)
        u, v = np.mod(x / self.size_m[1], 1), np.mod(y / self.size_m[0], 1)
        texel_m = min(self.size_m[0] / self.tile.shape[0], self.size_m[1] / self.tile.shape[1])
        level = np.log2(np.maximum(step_m / texel_m, 1e-3)).clip(0, len(self._mips) - 1)
        total = np.zeros((*u.shape, 3), np.float32)
        for number, mip in enumerate(self._mips):
            share = np.clip(1 - np.abs(level - number), 0, 1)
            rows = np.flatnonzero(share.any(axis=1))
            if rows.size:
                part = slice(rows[0], rows[-1] + 1)
                seen = _sample(mip, u[part], v[part])
                total[part] += seen * share[part, :, None].astype(np.float32)
        return total


def _sample(tile: Floats, u: Floats, v: Floats) -> Floats:
    """Return a tile bilinearly at shares (u, v) of its width and height, over its edges."""
    wrapped = np.pad(tile, ((1, 1), (1, 1), (0, 0)), mode="wrap")
    x = np.asarray(u * tile.shape[1] + 0.5, np.float32)
    y = np.asarray(v * tile.shape[0] + 0.5, np.float32)
    return np.asarray(cv2.remap(wrapped, x, y, cv2.INTER_LINEAR), np.float32)
