"""Varies training photos the way listing photos vary: framing, resolution, light, compression.

Every choice is drawn independently of the label, the effective resolution above all: sources come
at 128, 256 and 448 px, each with its own classes, and a network that may read the blur reads the
label off it.
"""

from dataclasses import dataclass
from functools import cache, partial

import cv2
import numpy as np

from serving.image import Image
from training.loop.transforms import (
    Chain,
    Change,
    Crop,
    Mirror,
    Photometric,
    QuarterTurn,
    Random,
    Squeeze,
    lower_resolution,
    to_array,
    to_image,
)


@dataclass(frozen=True)
class Augmentation:
    """How far photos are varied; probabilities 0..1.

    Attributes
    ----------
    min_area : smallest part of the photo that is kept
    max_stretch : of the crop's aspect ratio, either way
    low_resolution : how often the photo is brought down to `resolution_px` first
    resolution_px : range of the long side then, in pixels
    """

    min_area: float = 0.5
    max_stretch: float = 1.3
    low_resolution: float = 0.5
    resolution_px: tuple[float, float] = (80.0, 260.0)
    jpeg: float = 0.25
    quarter_turn: float = 0.05
    blur: float = 0.1
    sharpen: float = 0.15
    light: float = 0.8
    grey: float = 0.05
    noise: float = 0.1


def augment(photo: Image, side: int, how: Augmentation, random: Random) -> Image:
    """Return a varied `photo`, uint8 of shape (side, side, 3); the input is left unchanged."""
    return np.ascontiguousarray(to_array(make_chain(side, how)(to_image(photo), random)))


@cache
def make_chain(side: int, how: Augmentation) -> Chain:
    """Return the transforms; they also take masks and boxes beside the photo."""
    lower = partial(lower_resolution, long_side_px=how.resolution_px)
    return Chain(
        [
            Crop(how.min_area, how.max_stretch),
            Photometric(how.low_resolution, lower),
            Squeeze(side),
            Mirror(),
            QuarterTurn(how.quarter_turn),
            *(Photometric(getattr(how, name), change) for name, change in PHOTOMETRIC),
        ]
    )


def _blur(photo: Image, random: Random) -> Image:
    blurred: Image = cv2.GaussianBlur(photo, (0, 0), random.uniform(0.4, 1.8))  # type: ignore[assignment]
    return blurred


def _sharpen(photo: Image, random: Random) -> Image:
    soft = cv2.GaussianBlur(photo, (0, 0), random.uniform(0.7, 1.5))
    amount = random.uniform(0.3, 1.0)
    sharp: Image = cv2.addWeighted(photo, 1 + amount, soft, -amount, 0)  # type: ignore[assignment]
    return sharp


def _light(photo: Image, random: Random) -> Image:
    """Exposure, white balance, contrast and gamma as one table per channel, then saturation."""
    gains = random.uniform(0.65, 1.35) * np.exp(random.normal(0, 0.07, 3))
    gamma, contrast = np.exp(random.uniform(-0.35, 0.35)), random.uniform(0.7, 1.3)
    middle = photo.mean()
    levels = np.arange(256, dtype=np.float32)[:, None] * gains
    levels = ((levels - middle) * contrast + middle).clip(0, 255)
    table = (255 * (levels / 255) ** gamma).astype(np.uint8)
    lit = cv2.LUT(photo, table.reshape(1, 256, 3))
    grey = cv2.cvtColor(cv2.cvtColor(lit, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    colour = random.uniform(0.5, 1.4)
    mixed: Image = cv2.addWeighted(lit, colour, grey, 1 - colour, 0)  # type: ignore[assignment]
    return mixed


def _grey(photo: Image, _: Random) -> Image:
    grey: Image = cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)  # type: ignore[assignment]
    return grey


def _noise(photo: Image, random: Random) -> Image:
    grain = random.normal(0, random.uniform(3, 18), photo.shape).astype(np.float32)
    return (photo + grain).clip(0, 255).astype(np.uint8)


def _jpeg(photo: Image, random: Random) -> Image:
    quality = int(random.integers(20, 90))
    _, file = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])
    photo_again: Image = cv2.imdecode(file, cv2.IMREAD_COLOR)  # type: ignore[assignment]
    return photo_again


PHOTOMETRIC: tuple[tuple[str, Change], ...] = (
    ("blur", _blur),
    ("sharpen", _sharpen),
    ("light", _light),
    ("grey", _grey),
    ("noise", _noise),
    ("jpeg", _jpeg),
)
