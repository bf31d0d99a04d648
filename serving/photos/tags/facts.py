"""What is known of a photo before anybody says what that means: answers of models, measures."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.perception.detect import Detection

Ids = NDArray[np.uint8]
Rectangle = tuple[float, float, float, float]
_LEAST_REGION = 0.002  # of the photo: smaller islands of a map are no evidence
_MOST_REGIONS = 4


def _area(stats: NDArray[np.int32]) -> int:
    return -int(stats[4])


@dataclass(frozen=True)
class Things:
    """What a detector found.

    Attributes
    ----------
    found : the surest first
    labels : all that it may say; of others it knows nothing
    """

    found: tuple[Detection, ...]
    labels: frozenset[str]


@dataclass(frozen=True)
class Surfaces:
    """What every pixel of a photo shows.

    Attributes
    ----------
    ids : uint8 (h, w) of the whole photo, squeezed to any rectangle
    classes : of each id
    shares : of the photo's area, 0..1, of each class that is there
    """

    ids: Ids
    classes: tuple[str, ...]
    shares: Mapping[str, float]

    def mask(self, names: tuple[str, ...]) -> NDArray[np.bool_]:
        """Return where any of these classes is, bool (h, w)."""
        wanted = [n for n, name in enumerate(self.classes) if name in names]
        return np.isin(self.ids, wanted)

    def regions(self, names: tuple[str, ...], size: tuple[int, int]) -> tuple[Rectangle, ...]:
        """Return boxes around the largest connected regions of these classes.

        Parameters
        ----------
        size : of the upright photo, (height, width), whose pixels the boxes count
        """
        mask = self.mask(names).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        large = [row for row in stats[1:] if row[4] >= _LEAST_REGION * mask.size]
        down, across = size[0] / mask.shape[0], size[1] / mask.shape[1]
        return tuple(
            (
                round(float(left * across), 1),
                round(float(top * down), 1),
                round(float((left + width) * across), 1),
                round(float((top + height) * down), 1),
            )
            for left, top, width, height, _ in sorted(large, key=_area)[:_MOST_REGIONS]
        )


@dataclass(frozen=True)
class Facts:
    """What is known of one photo; None where no model answered.

    Attributes
    ----------
    size : of the upright photo, (height, width)
    rooms : probability of each kind of room
    measures : by name, of the pixels that the map's classes cover; None where there are too few
    texts : lines of writing
    """

    size: tuple[int, int]
    rooms: Mapping[str, float] | None = None
    things: Things | None = None
    surfaces: Surfaces | None = None
    measures: Mapping[str, float | None] = field(default_factory=dict)
    texts: Things | None = None
