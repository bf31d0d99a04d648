"""Photos made worse by known amounts, each as it happens in a camera, an editor or a messenger.

All keep the photo's size, take and return uint8 RGB and leave their input as it is.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image

Rng = np.random.Generator
Floats = NDArray[np.float64]
_GAMMA = 2.2
_BENT_SHARE = 0.35  # of exposures that an editor's slider makes
_READ_SHARE = 0.3  # of the noise's variance that does not depend on light


def defocus(photo: Image, sigma_px: float, rng: Rng) -> Image:
    """Spread each point by a disc or a Gaussian of the same standard deviation."""
    if rng.random() < 0.5:
        return _as_image(cv2.GaussianBlur(photo, (0, 0), sigma_px))
    return _as_image(cv2.filter2D(photo, -1, _disc(2 * sigma_px), borderType=cv2.BORDER_REFLECT))


def _disc(radius: float) -> NDArray[np.float32]:
    fine, reach = 4, int(np.ceil(radius)) + 1
    at = (np.arange((2 * reach + 1) * fine) + 0.5) / fine - reach - 0.5
    inside = (np.hypot(at[:, None], at[None]) <= radius).astype(np.float32)
    inside[len(at) // 2 - 1 : len(at) // 2 + 1, len(at) // 2 - 1 : len(at) // 2 + 1] = 1
    kernel = cv2.resize(inside, (2 * reach + 1, 2 * reach + 1), interpolation=cv2.INTER_AREA)
    disc: NDArray[np.float32] = kernel / kernel.sum()
    return disc


def move(photo: Image, length_px: float, rng: Rng) -> Image:
    """Move the camera in one direction while the shutter is open."""
    reach = int(np.ceil(length_px / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    angle = rng.uniform(0, np.pi)
    for at in np.linspace(-length_px / 2, length_px / 2, 8 * reach + 1):
        x, y = reach + at * np.cos(angle), reach + at * np.sin(angle)
        column, row = int(x), int(y)
        right, below = x - column, y - row
        kernel[row, column] += (1 - right) * (1 - below)
        kernel[row, column + 1] += right * (1 - below)
        kernel[row + 1, column] += (1 - right) * below
        kernel[row + 1, column + 1] += right * below
    kernel /= kernel.sum()
    return _as_image(cv2.filter2D(photo, -1, kernel, borderType=cv2.BORDER_REFLECT))


def add_noise(photo: Image, levels: float, rng: Rng) -> Image:
    """Add shot noise, stronger where it is bright before the tone curve, and read noise.

    `levels` is the standard deviation at mid grey; some noise is grey, some coloured and some
    coarse, as cameras' own noise reduction leaves it.
    """
    height, width = photo.shape[:2]
    coarse = rng.choice([1.0, 1.0, 1.5, 2.0])
    size = (int(height / coarse) + 1, int(width / coarse) + 1)
    grain = rng.standard_normal((*size, 3), np.float32)
    if rng.random() < 0.4:
        grey = rng.standard_normal((*size, 1), np.float32)
        grain = 0.9 * grey + 0.44 * grain
    if coarse > 1:
        large = cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
        grain = np.asarray(large / large.std(), np.float32)
    grain = grain[:height, :width]
    light = photo.astype(np.float32) / 255
    shot = light**0.5 / 0.5**0.5 if rng.random() < 0.5 else np.float32(1)
    spread = np.sqrt(_READ_SHARE + (1 - _READ_SHARE) * shot**2)
    return _clip(photo + levels * spread * grain)


def save_jpeg(photo: Image, quality: float, rng: Rng) -> Image:
    """Encode and decode, with colours at half size as a rule."""
    sampling = rng.choice([0x221111, 0x221111, 0x111111])
    options = [cv2.IMWRITE_JPEG_QUALITY, round(quality), cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    return _recode(photo, ".jpg", [int(option) for option in options])


def save_webp(photo: Image, quality: float, rng: Rng) -> Image:
    """Encode and decode as lossy WebP."""
    del rng
    return _recode(photo, ".webp", [cv2.IMWRITE_WEBP_QUALITY, max(1, round(quality))])


def _recode(photo: Image, suffix: str, options: list[int]) -> Image:
    _, file = cv2.imencode(suffix, np.ascontiguousarray(photo[..., ::-1]), options)
    decoded = cv2.imdecode(file, cv2.IMREAD_COLOR)
    return _as_image(np.ascontiguousarray(decoded[..., ::-1]))  # type: ignore[index]


def underexpose(photo: Image, stops: float, rng: Rng) -> Image:
    """Take light away; mostly in linear light, else by an editor's slider that bends.

    Either makes the photo as dark on average as that many stops do.
    """
    return _expose(photo, -stops, rng)


def overexpose(photo: Image, stops: float, rng: Rng) -> Image:
    """Add light, and lose what is too bright."""
    return _expose(photo, stops, rng)


def _expose(photo: Image, stops: float, rng: Rng) -> Image:
    levels = np.arange(256) / 255
    curve = np.minimum(levels**_GAMMA * 2.0**stops, 1) ** (1 / _GAMMA)
    if rng.random() < _BENT_SHARE:
        luma = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
        share = np.bincount(luma.ravel(), minlength=256) / luma.size
        curve = _bend_to(float(share @ curve), levels, share)
    return _as_image(cv2.LUT(photo, _clip(255 * curve)))


def _bend_to(mean: float, levels: Floats, share: Floats) -> Floats:
    """Return the power curve that brings a photo, given by its histogram, to a mean level."""
    low, high = 0.02, 12.0
    for _ in range(24):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if float(share @ levels**middle) > mean else (low, middle)
    bent: Floats = levels ** np.sqrt(low * high)
    return bent


def flatten(photo: Image, share: float, rng: Rng) -> Image:
    """Lose contrast: towards the mean, mid grey or the white of haze."""
    towards = rng.choice([float(photo.mean()), 128.0, rng.uniform(150, 230)])
    levels = np.arange(256, dtype=np.float32)
    return _as_image(cv2.LUT(photo, _clip(levels + share * (towards - levels))))


def tint(photo: Image, strength: float, rng: Rng) -> tuple[Image, tuple[float, float]]:
    """Tint; return also the change of log(red/green) and log(blue/green)."""
    angle = rng.choice(
        [rng.uniform(0, 2 * np.pi), rng.normal(-np.pi / 4, 0.3), rng.normal(3 * np.pi / 4, 0.3)]
    )
    red, blue = strength * np.cos(angle), strength * np.sin(angle)
    gains = np.exp(np.array([red, 0.0, blue]))
    gains /= gains @ (0.299, 0.587, 0.114)
    levels = np.arange(256)[:, None] * gains
    table = _clip(levels)[:, None]
    return _as_image(cv2.LUT(photo, table)), (float(red), float(blue))


def upscale(photo: Image, factor: float, rng: Rng) -> Image:
    """Make small and large again: fewer pixels than it seems."""
    height, width = photo.shape[:2]
    size = (max(8, round(width / factor)), max(8, round(height / factor)))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    way = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4]))
    return _as_image(cv2.resize(small, (width, height), interpolation=way))


def turn(photo: Image, degrees: float) -> Image:
    """Lean the photo to the right (clockwise) and crop what is left without corners."""
    height, width = photo.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1)
    turned = cv2.warpAffine(photo, matrix, (width, height), flags=cv2.INTER_CUBIC)
    lost = abs(np.tan(np.radians(degrees))) / 2
    x, y = int(np.ceil(lost * height)) + 1, int(np.ceil(lost * width)) + 1
    return _as_image(np.ascontiguousarray(turned[y : height - y, x : width - x]))


SIMPLE: Mapping[str, Callable[[Image, float, Rng], Image]] = {
    "blur": defocus,
    "noise": add_noise,
    "jpeg": save_jpeg,
    "webp": save_webp,
    "under": underexpose,
    "over": overexpose,
    "contrast": flatten,
    "upscale": upscale,
}


def _clip(levels: NDArray[Any]) -> Image:
    image: Image = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return image


def _as_image(array: object) -> Image:
    return cast(Image, array)
