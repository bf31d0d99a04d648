"""The colours that tell a picture's style."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image, check_rgb

_SIDE = 96  # px: colours of areas that people see, not of single threads
_BINS = 8  # of each channel, where the search begins
_ROUNDS = 24
_ALIKE = 4.0  # a difference in Lab that hardly anybody sees side by side

Lab = NDArray[np.float32]


@dataclass(frozen=True)
class Swatch:
    """A colour and how much of the picture is of it, 0..1."""

    colour: str
    share: float


def palette_of(image: Image, colours: int) -> tuple[Swatch, ...]:
    """Return the colours that a picture is nearest to, the most used first.

    The means of k groups in Lab (Lloyd's algorithm). They begin at the picture's own colours, each
    as far from those before it as it is frequent, so that the same picture has the same palette.

    Parameters
    ----------
    image : uint8 RGB, sRGB
    colours : at most; a picture of fewer has fewer

    Examples
    --------
    >>> thirds = np.repeat(np.array([[[255, 0, 0], [0, 0, 0], [0, 0, 0]]], np.uint8), 30, 1)
    >>> [(swatch.colour[:3], round(swatch.share, 2)) for swatch in palette_of(thirds, 3)]
    [('#00', 0.67), ('#ff', 0.33)]
    """
    check_rgb(image)
    pixels = _to_lab(_shrink(image)).reshape(-1, 3)
    centres = _begin(pixels, colours)
    for _ in range(_ROUNDS):
        nearest = _nearest(pixels, centres)
        moved = np.array([pixels[nearest == n].mean(axis=0) for n in range(len(centres))])
        if np.abs(moved - centres).max() < 0.01:
            break
        centres = moved[np.unique(_nearest(pixels, moved))]
    counts = np.bincount(_nearest(pixels, centres), minlength=len(centres))
    order = np.lexsort((centres[:, 0], -counts))
    hexes = _to_hex(centres[order])
    shares = (counts[order] / len(pixels)).tolist()
    return tuple(Swatch(colour, share) for colour, share in zip(hexes, shares, strict=True))


def _shrink(image: Image) -> Image:
    height, width = image.shape[:2]
    scale = _SIDE / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _to_lab(image: Image) -> Lab:
    light = image.astype(np.float32) / np.float32(255)
    return cv2.cvtColor(light, cv2.COLOR_RGB2LAB).astype(np.float32, copy=False)


def _to_hex(centres: Lab) -> list[str]:
    rgb = cv2.cvtColor(centres[None].astype(np.float32), cv2.COLOR_LAB2RGB)[0]
    values = np.rint(rgb * 255).clip(0, 255).astype(int).tolist()
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in values]


def _begin(pixels: Lab, colours: int) -> Lab:
    """Return colours of the picture, each frequent and unlike those before it."""
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    steps = ((pixels - low) / np.maximum(high - low, 1e-3) * (_BINS - 1e-3)).astype(np.int64)
    _, group = np.unique(steps @ (_BINS**2, _BINS, 1), return_inverse=True)
    counts = np.bincount(group.ravel())
    sums = np.stack([np.bincount(group.ravel(), pixels[:, n]) for n in range(3)], axis=1)
    means: Lab = (sums / counts[:, None]).astype(np.float32)
    chosen = [int(counts.argmax())]
    while len(chosen) < colours:
        apart = np.linalg.norm(means[:, None] - means[chosen][None], axis=2).min(axis=1)
        if apart.max() < _ALIKE:
            break
        chosen.append(int((apart * np.sqrt(counts) * (apart >= _ALIKE)).argmax()))
    begun: Lab = means[chosen]
    return begun


def _nearest(pixels: Lab, centres: Lab) -> NDArray[np.int64]:
    apart = np.linalg.norm(pixels[:, None] - centres[None], axis=2)
    nearest: NDArray[np.int64] = apart.argmin(axis=1).astype(np.int64, copy=False)
    return nearest
