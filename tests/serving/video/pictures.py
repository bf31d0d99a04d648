"""Pictures for the film tests: textures whose every part differs, the same each time."""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.video.draw.yuv import Planes, make_planes


def texture(height: int, width: int, seed: int = 0, sigma: float = 2.0) -> Image:
    """Return smooth coloured noise over the whole range."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
    smooth = (smooth - smooth.mean()) / smooth.std()
    values: Image = (128 + 50 * smooth).clip(0, 255).astype(np.uint8)
    return values


def planes(height: int = 48, width: int = 64, seed: int = 0) -> Planes:
    """Return a texture as planes."""
    return make_planes(texture(height, width, seed))


def same(a: Planes, b: Planes) -> bool:
    """Say whether all pixels are equal."""
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def error(a: Planes, b: Planes) -> float:
    """Return the mean absolute difference of luma."""
    return float(np.abs(a.y.astype(int) - b.y.astype(int)).mean())


def badge(height: int = 20, width: int = 40) -> NDArray[np.uint8]:
    """Return a red RGBA box, half of which is clear."""
    picture = np.zeros((height, width, 4), np.uint8)
    picture[:, : width // 2] = (220, 30, 30, 255)
    return picture
