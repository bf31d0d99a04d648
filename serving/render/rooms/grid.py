"""Which of a photo's pixels are traced, and how what was traced comes back to them."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from serving.staging.furnish.scene import Crop, Light


@dataclass(frozen=True)
class Grid:
    """Cells over a crop of a photo, and a little beyond where they do not end with it.

    Attributes
    ----------
    scale : cells to a px of the photo
    size : (rows, columns) of cells
    """

    crop: Crop
    scale: float
    size: tuple[int, int]

    @staticmethod
    def over(crop: Crop, scale: float) -> "Grid":
        """Return the cells that a crop takes at a scale."""
        height, width = crop.size
        return Grid(crop, scale, (math.ceil(height * scale), math.ceil(width * scale)))

    def finer(self, parts: int) -> "Grid":
        """Return each cell cut into `parts` x `parts`."""
        return Grid(self.crop, self.scale * parts, (self.size[0] * parts, self.size[1] * parts))

    def bring(self, traced: Light) -> Light:
        """Return what was traced, (rows, columns, channels), at the pixels of the crop."""
        return _resample(traced, self.scale, self.crop.size, cv2.INTER_CUBIC)

    def bring_light(self, traced: Light) -> Light:
        """Return `bring` of light, within what is around each cell.

        A window is many times as bright as the wall beside it: a cubic would swing below zero
        there, which is seen as a black line around it.
        """
        around = np.ones((3, 3), np.uint8)
        low, high = (
            _resample(np.asarray(near(traced, around), np.float32), self.scale, self.crop.size,
                      cv2.INTER_LINEAR)
            for near in (cv2.erode, cv2.dilate)
        )  # fmt: skip
        return np.clip(self.bring(traced), low, high)

    def bring_to(self, other: "Grid", traced: Light) -> Light:
        """Return what was traced in the cells of a finer grid over the same crop."""
        return _resample(traced, self.scale / other.scale, other.size, cv2.INTER_LINEAR)


def _resample(values: Light, scale: float, size: tuple[int, int], how: int) -> Light:
    shift = scale / 2 - 0.5
    moved = cv2.warpAffine(
        values, np.array([[scale, 0, shift], [0, scale, shift]]), size[::-1],
        flags=how | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(moved, np.float32)
