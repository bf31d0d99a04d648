"""Photos made worse by other programs than those the model learned from, with scales of their own.

Pillow, SciPy, torchvision, libvips and simplejpeg, five strengths each. Nothing here is looked at
while the model is developed: only the benchmark and its report use it.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyvips
import simplejpeg
import torch
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageEnhance, ImageFilter
from scipy import ndimage
from torchvision.transforms.v2 import functional as tv

Photo = NDArray[np.uint8]
Rng = np.random.Generator


@dataclass(frozen=True)
class Degradation:
    """One way, from mild to strong.

    Attributes
    ----------
    part : the score that should fall with it
    """

    part: str
    amounts: Sequence[float]
    apply: Callable[[Photo, float, Rng], Photo]


def _pil(photo: Photo) -> Pil.Image:
    return Pil.fromarray(photo)


def _clip(levels: NDArray[np.floating]) -> Photo:
    return np.clip(levels, 0, 255).round().astype(np.uint8)


def _gaussian(photo: Photo, sigma: float, rng: Rng) -> Photo:
    del rng
    return np.asarray(_pil(photo).filter(ImageFilter.GaussianBlur(sigma)))


def _box(photo: Photo, radius: float, rng: Rng) -> Photo:
    del rng
    return np.asarray(_pil(photo).filter(ImageFilter.BoxBlur(radius)))


def _shake(photo: Photo, length: float, rng: Rng) -> Photo:
    """Move along a shaky path rather than a straight line."""
    angle = np.cumsum(rng.normal(0, 0.08, 25)) + rng.uniform(0, np.pi)
    x, y = np.cumsum(np.cos(angle)), np.cumsum(np.sin(angle))
    scale = length / max(float(np.hypot(x - x.mean(), y - y.mean()).max() * 2), 1e-6)
    total = np.zeros(photo.shape, np.float64)
    for dx, dy in zip((x - x.mean()) * scale, (y - y.mean()) * scale, strict=True):
        total += ndimage.shift(photo.astype(np.float32), (dy, dx, 0), order=1, mode="nearest")
    return _clip(total / len(x))


def _grain(photo: Photo, sigma: float, rng: Rng) -> Photo:
    return _clip(photo + rng.normal(0, sigma, photo.shape))


def _photons(photo: Photo, noise: float, rng: Rng) -> Photo:
    """Add Poisson noise in linear light; `noise` is about the levels at mid grey."""
    full = 2200.0 / noise**2 * 10
    linear = (photo / 255.0) ** 2.2
    return _clip(255 * np.clip(rng.poisson(linear * full) / full, 0, 1) ** (1 / 2.2))


def _jpeg(photo: Photo, quality: float, rng: Rng) -> Photo:
    del rng
    file = simplejpeg.encode_jpeg(photo, quality=int(quality), colorsubsampling="422")
    return simplejpeg.decode_jpeg(file, "RGB")


def _webp(photo: Photo, quality: float, rng: Rng) -> Photo:
    del rng
    file = io.BytesIO()
    _pil(photo).save(file, "WEBP", quality=int(quality), method=2)
    return np.asarray(Pil.open(file).convert("RGB"))


def _darken(photo: Photo, factor: float, rng: Rng) -> Photo:
    del rng
    return np.asarray(ImageEnhance.Brightness(_pil(photo)).enhance(factor))


def _gamma(photo: Photo, gamma: float, rng: Rng) -> Photo:
    del rng
    return (
        tv.adjust_gamma(torch.from_numpy(photo.transpose(2, 0, 1).copy()), gamma)
        .numpy()
        .transpose(1, 2, 0)
    )


def _brighten(photo: Photo, factor: float, rng: Rng) -> Photo:
    del rng
    return (
        tv.adjust_brightness(torch.from_numpy(photo.transpose(2, 0, 1).copy()), factor)
        .numpy()
        .transpose(1, 2, 0)
    )


def _pale(photo: Photo, factor: float, rng: Rng) -> Photo:
    del rng
    return np.asarray(ImageEnhance.Contrast(_pil(photo)).enhance(factor))


def _haze(photo: Photo, density: float, rng: Rng) -> Photo:
    """Lay haze over, thicker towards the top, as distance is outdoors."""
    del rng
    depth = np.linspace(1.3, 0.7, photo.shape[0])[:, None, None]
    through = np.exp(-density * depth)
    return _clip(photo * through + 215.0 * (1 - through))


def _warm(photo: Photo, kelvin_shift: float, rng: Rng) -> Photo:
    """Shift along the black body's line, in linear light; the sign by chance."""
    mired = kelvin_shift * (1 if rng.random() < 0.5 else -1)
    gains = np.exp(np.array([0.0033, 0.0, -0.0042]) * mired)
    return _clip(255 * np.clip((photo / 255.0) ** 2.2 * gains, 0, 1) ** (1 / 2.2))


def _tint(photo: Photo, levels: float, rng: Rng) -> Photo:
    """Shift to green or magenta in CIELAB."""
    sign = 1 if rng.random() < 0.5 else -1
    lab = pyvips.Image.new_from_array(photo).copy(interpretation="srgb").colourspace("lab")
    tinted = lab.linear(1, [0.0, sign * levels, 0.0]).colourspace("srgb").cast("uchar")
    return tinted.numpy()


def _enlarge(photo: Photo, factor: float, rng: Rng) -> Photo:
    del rng
    small = _pil(photo).resize(
        (max(8, round(photo.shape[1] / factor)), max(8, round(photo.shape[0] / factor))),
        Pil.Resampling.LANCZOS,
    )
    return np.asarray(small.resize((photo.shape[1], photo.shape[0]), Pil.Resampling.BICUBIC))


OTHERS: Mapping[str, Degradation] = {
    "gaussian blur (Pillow)": Degradation("sharpness", (0.7, 1.2, 2, 3, 5), _gaussian),
    "box blur (Pillow)": Degradation("sharpness", (1, 1.5, 2.5, 4, 6), _box),
    "camera shake (SciPy)": Degradation("sharpness", (3, 5, 8, 12, 18), _shake),
    "gaussian noise": Degradation("noise", (3, 6, 10, 18, 30), _grain),
    "photon noise": Degradation("noise", (4, 8, 14, 22, 34), _photons),
    "JPEG 4:2:2 (simplejpeg)": Degradation("compression", (60, 40, 25, 15, 8), _jpeg),
    "WebP (Pillow)": Degradation("compression", (60, 40, 20, 8, 1), _webp),
    "darker (Pillow)": Degradation("exposure", (0.8, 0.65, 0.5, 0.35, 0.2), _darken),
    "gamma (torchvision)": Degradation("exposure", (1.3, 1.7, 2.2, 2.8, 3.6), _gamma),
    "brighter (torchvision)": Degradation("exposure", (1.2, 1.45, 1.75, 2.2, 3), _brighten),
    "less contrast (Pillow)": Degradation("contrast", (0.85, 0.7, 0.55, 0.4, 0.25), _pale),
    "haze": Degradation("contrast", (0.15, 0.35, 0.6, 0.9, 1.4), _haze),
    "warm or cold": Degradation("white_balance", (30, 60, 95, 140, 200), _warm),
    "green or magenta (libvips)": Degradation("white_balance", (5, 10, 16, 24, 34), _tint),
    "enlarged (Pillow)": Degradation("resolution", (1.4, 1.8, 2.4, 3.2, 4.5), _enlarge),
}
