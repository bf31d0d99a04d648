"""Photos as they should not be: what a model must bear, the same for every model.

Five of the ways of Hendrycks & Dietterich 2019 (arXiv:1903.12261) that listing photos suffer from.
Each keeps the photo's size and is deterministic.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from serving.image import Image


def blur(photo: Image) -> Image:
    """Out of focus: Gaussian of 1 % of the long side."""
    blurred: Image = cv2.GaussianBlur(photo, (0, 0), max(photo.shape[:2]) * 0.01)  # type: ignore[assignment]
    return blurred


def noise(photo: Image) -> Image:
    """High ISO: Gaussian grain of 25 levels."""
    grain = np.random.default_rng(photo.shape[0] * photo.shape[1]).normal(0, 25, photo.shape)
    return (photo + grain).clip(0, 255).astype(np.uint8)


def jpeg(photo: Image) -> Image:
    """Sent through a messenger: JPEG of quality 10."""
    _, file = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 10])
    decoded: Image = cv2.imdecode(file, cv2.IMREAD_COLOR)  # type: ignore[assignment]
    return decoded


def dark(photo: Image) -> Image:
    """Two stops under-exposed, in linear light."""
    return (255 * ((photo / 255) ** 2.2 / 4) ** (1 / 2.2)).astype(np.uint8)


def rotated(photo: Image) -> Image:
    """On its side: 90° counter-clockwise, the orientation tag lost."""
    return np.ascontiguousarray(np.rot90(photo))


CORRUPTIONS: Mapping[str, Callable[[Image], Image]] = {
    "blur": blur,
    "noise": noise,
    "jpeg": jpeg,
    "dark": dark,
    "rotated": rotated,
}
