"""All that is measured of a photo, as the row of numbers that the model reads."""

from dataclasses import dataclass
from functools import cache
from math import log

import numpy as np
from numpy.typing import NDArray

from serving.image.array import Image
from serving.photos.fingerprint import Fingerprint, take_fingerprint
from serving.photos.quality.light import measure_light
from serving.photos.quality.texture import measure_texture
from serving.photos.quality.tilt import Tilt, measure_tilt
from serving.photos.quality.views import TILE_SIDE, Views, make_views


@dataclass(frozen=True)
class Measured:
    """What a photo's pixels say.

    Attributes
    ----------
    features : by name, always the same names in the same order
    tilt : None where it shows too few verticals
    fingerprint : to know the same view again
    """

    features: dict[str, float]
    tilt: Tilt | None
    fingerprint: Fingerprint

    def row(self) -> NDArray[np.float32]:
        """Return the features as the model reads them; shape (features,)."""
        return np.fromiter(self.features.values(), np.float32, len(self.features))


def measure(photo: Image) -> Measured:
    """Measure a photo of any size; it is not changed.

    Raises
    ------
    BadImage
        Not uint8 RGB.
    """
    views = make_views(photo)
    return Measured(
        measure_features(photo, views),
        measure_tilt(views.lines),
        take_fingerprint(views.overview),
    )


def measure_features(photo: Image, views: Views) -> dict[str, float]:
    """Return what the model reads; `views` are the photo's own."""
    size = {"long_side": log(max(photo.shape[:2]) / 1024)}
    return size | measure_texture(views.tiles) | measure_light(views.overview)


@cache
def feature_names() -> tuple[str, ...]:
    """Return the names of all features in the order of a row."""
    blank = np.zeros((TILE_SIDE, TILE_SIDE, 3), np.uint8)
    return tuple(measure(blank).features)
