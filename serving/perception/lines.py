"""The straight lines of a photo.

Source: R. Grompone von Gioi, J. Jakubowicz, J.-M. Morel, G. Randall, "LSD: a line segment
detector", Image Processing On Line 2, 2012. Of photos of listings turned by a known angle it tells
that angle to 0.07 degrees in the median; single edges to 0.10, and of a third of them nothing; the
lines of the network M-LSD to 0.48 (`docs/decisions/0040-*.md`).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image.array import Image

Floats = NDArray[np.float64]
_SIDE = 1024  # px of the long side: a tenth of a degree is two pixels over its height
_SMALL = 800  # px, below which a photo is enlarged twice: lines are found to parts of a pixel then


@dataclass(frozen=True)
class Lines:
    """Straight lines, in long sides of the photo from its middle, y downwards; each shape (n,).

    Attributes
    ----------
    x, y : of the middle
    dx, dy : from one end to the other
    length : of the line
    """

    x: Floats
    y: Floats
    dx: Floats
    dy: Floats
    length: Floats

    def only(self, chosen: NDArray[np.bool_]) -> "Lines":
        """Return some of them."""
        each = (self.x, self.y, self.dx, self.dy, self.length)
        return Lines(*(values[chosen] for values in each))


def find_lines(photo: Image, enlarge: bool = True) -> Lines:
    """Return the straight lines of a photo of any size, uint8 RGB.

    Parameters
    ----------
    enlarge : a small photo first, for directions to a tenth of a degree
    """
    height, width = photo.shape[:2]
    side = max(height, width)
    scale = min(1.0, _SIDE / side) if side >= _SMALL or not enlarge else 2.0
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    grey = cv2.cvtColor(cv2.resize(photo, size, interpolation=how), cv2.COLOR_RGB2GRAY)
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(grey)[0]
    ends = np.zeros((0, 4)) if found is None else np.asarray(found, np.float64).reshape(-1, 4)
    ends = ends / max(size)
    across, down = size[0] / max(size) / 2, size[1] / max(size) / 2
    x, y = (ends[:, 0] + ends[:, 2]) / 2 - across, (ends[:, 1] + ends[:, 3]) / 2 - down
    dx, dy = ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]
    return Lines(x, y, dx, dy, np.hypot(dx, dy))
