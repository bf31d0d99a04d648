"""Exposure and white balance: how much light a photo lacks, which colour it has too much of.

Both are read off a small copy by a weighted sum of what is measured there. The weights are fitted
to photos of listings that were made darker and coloured on purpose (`benchmarks/enhance_fit.py`).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image.array import Image
from serving.photos.enhance.light_weights import BLUE, RED, STOPS
from serving.photos.enhance.strips import by_strips, small_copy
from serving.photos.quality.light import measure_light

Levels = NDArray[np.float64]
_OVERVIEW_SIDE = 200
PERCENTS = ("5", "10", "25", "50", "75", "90", "95", "98", "99.5")
_ASSUMPTIONS = ("world", "shades", "bright", "plain", "dim")
_MOST_STOPS = 2.5  # from there on, 8 bits hold too few levels
_LESS_STOPS = -0.7  # what is clipped does not come back
_LEAST_STOPS, _LEAST_CAST = 0.3, 0.08  # what the sum may be off by, on photos that lack nothing
_MOST_CAST = 0.6  # of log: an evening's lamp
_SHOULDER = 0.88  # of the coded range, from where highlights are bent so that none is lost
_RESTORED = 0.94  # above it colours are left: what is clipped is white, and has no cast


@dataclass(frozen=True)
class Light:
    """What is wrong with a photo's light.

    Attributes
    ----------
    stops : that it lacks; below 0: it has too much
    red, blue : log ratio to green, in linear light, that it has too much of
    """

    stops: float = 0.0
    red: float = 0.0
    blue: float = 0.0

    @property
    def cast(self) -> float:
        """Return how strong the cast is."""
        return float(np.hypot(self.red, self.blue))


def describe_tones(overview: Image) -> Levels:
    """Return how bright a small photo is at nine ranks, in stops of linear light; then 1."""
    found = measure_light(overview)
    levels = np.array([found[f"luma_p{percent}"] for percent in PERCENTS])
    return np.append(np.log2(levels**2.2 + 2e-3), 1.0)


def describe_colours(overview: Image) -> Levels:
    """Return what should be grey, by five assumptions, red and blue of each; then 1."""
    found = measure_light(overview)
    names = [f"{name}_{colour}" for name in _ASSUMPTIONS for colour in ("red", "blue")]
    return np.append([found[name] for name in names], 1.0)


def measure_exposure(photo: Image) -> float:
    """Return how many stops a photo lacks, -0.7..2.5; 0 where that is too little to be sure."""
    overview = small_copy(photo, _OVERVIEW_SIDE)
    stops = float(np.clip(describe_tones(overview) @ STOPS, _LESS_STOPS, _MOST_STOPS))
    return stops if abs(stops) > _LEAST_STOPS else 0.0


def measure_cast(photo: Image) -> Light:
    """Return the cast of a photo's light; none where it is too little to be sure."""
    described = describe_colours(small_copy(photo, _OVERVIEW_SIDE))
    found = Light(0.0, float(described @ RED), float(described @ BLUE))
    if found.cast < _LEAST_CAST:
        return Light()
    part = min(1.0, _MOST_CAST / found.cast)
    return Light(0.0, part * found.red, part * found.blue)


def relight(photo: Image, light: Light) -> Image:
    """Return the photo as if that had not been wrong with its light.

    Light is multiplied, as a longer exposure and another white balance would have done in the
    camera; highlights are bent instead of clipped, and what was white stays white.
    """
    if not (light.stops or light.red or light.blue):
        return photo
    gains = 2.0**light.stops * np.exp([-light.red, 0.0, -light.blue])
    grey = (
        float(np.exp(np.log(gains).mean())) / 2.0**light.stops
    )  # a cast taken changes no brightness
    curves = [_curve(float(gain) / grey) for gain in gains]
    table = np.stack(curves, axis=-1).reshape(1, 256, 3)
    return by_strips(photo, lambda rows, _: np.asarray(cv2.LUT(rows, table), np.uint8))


def _curve(gain: float) -> NDArray[np.uint8]:
    """Return the levels that 256 levels become; they never fall."""
    coded = np.arange(256) / 255
    made = encode(gain * decode_levels(coded))
    top = float(made[-1])
    if top > 1:  # what would be above white is bent to end there
        over = np.clip((made - _SHOULDER) / (top - _SHOULDER), 0, 1)
        room, slope = 1 - _SHOULDER, (top - _SHOULDER) / (1 - _SHOULDER)
        bent = _SHOULDER + room * slope * over / (1 + (slope - 1) * over)
        made = np.where(made > _SHOULDER, bent, made)
    else:
        share = np.clip((coded - _RESTORED) / (1 - _RESTORED), 0, 1)
        made = made + (coded - made) * share * share
    made = np.maximum.accumulate(np.clip(made, 0, 1))
    curve: NDArray[np.uint8] = np.rint(255 * made).astype(np.uint8)
    return curve


def decode_levels(coded: Levels) -> Levels:
    """Return linear light of sRGB-coded levels, 0..1 (IEC 61966-2-1)."""
    light: Levels = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return light


def encode(light: Levels) -> Levels:
    """Return sRGB-coded levels of linear light."""
    root = np.maximum(light, 1e-9) ** (1 / 2.4)
    coded: Levels = np.where(light <= 0.0031308, 12.92 * light, 1.055 * root - 0.055)
    return coded
