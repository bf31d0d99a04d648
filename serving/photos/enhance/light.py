"""Exposure and white balance: how much light a photo lacks, which colour it has too much of.

Two opinions are heard. The brightest level of each channel tells both exactly where the photo shows
something white (E. Land, J. McCann, "Lightness and retinex theory", 1971), as nearly every photo of
a home does; but one coloured lamp deceives it. A weighted sum of what is measured all over the
photo is never exact and rarely far off; its weights are fitted to photos of listings that were made
darker and coloured on purpose (`benchmarks/enhance_fit.py`). The first counts where the second does
not contradict it.
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
# How far the sum may be from what white tells, in stops and in log, until it alone counts. Of 110
# photos of listings made dark and coloured, nine in ten are within half of it, where white counts
# alone; of the same untouched, 6 % have a cast by white or by both, whatever stands here above 0.6.
_APART_STOPS, _APART_CAST = 1.4, 0.8
_BRIGHT_SIDE = 1024  # px of the copy in which the brightest is looked for
_SPECKS = 2  # px of it that may be brighter
_SHOULDER = 0.88  # of the coded range, from where highlights are bent so that none is lost
_CLIPPED = 1.01  # of the coded range: less above white is rounding, and bends nothing
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
    by_white = -float(np.log2(decode_levels(brightest(photo)).max()))
    overview = small_copy(photo, _OVERVIEW_SIDE)
    by_sum = float(np.clip(describe_tones(overview) @ STOPS, _LESS_STOPS, _MOST_STOPS))
    found = by_sum + _trust(abs(by_sum - by_white) / _APART_STOPS) * (by_white - by_sum)
    stops = float(np.clip(found, _LESS_STOPS, _MOST_STOPS))
    return stops if abs(stops) > _LEAST_STOPS else 0.0


def measure_cast(photo: Image) -> Light:
    """Return the cast of a photo's light; none where it is too little to be sure."""
    red, green, blue = np.log(decode_levels(brightest(photo)))
    by_white = np.array([red - green, blue - green])
    described = describe_colours(small_copy(photo, _OVERVIEW_SIDE))
    by_sum = np.array([described @ RED, described @ BLUE])
    trust = _trust(float(np.hypot(*(by_white - by_sum))) / _APART_CAST)
    found = Light(0.0, *(float(value) for value in by_sum + trust * (by_white - by_sum)))
    if found.cast < _LEAST_CAST:
        return Light()
    part = min(1.0, _MOST_CAST / found.cast)
    return Light(0.0, part * found.red, part * found.blue)


def _trust(apart: float) -> float:
    """Return 1 up to half of what opinions may be apart, falling to 0 at all of it."""
    return float(np.clip(2 * (1 - apart), 0, 1))


def brightest(photo: Image) -> Levels:
    """Return the brightest level of red, green and blue, above 0..1, coded, but for specks."""
    small = small_copy(photo, _BRIGHT_SIDE)
    found = []
    for channel in range(3):
        counts = cv2.calcHist([small], [channel], None, [256], [0, 256]).ravel()
        above = np.cumsum(counts[::-1])[::-1]
        found.append(
            max(1, int(np.flatnonzero(above > _SPECKS)[-1])) if above[0] > _SPECKS else 255
        )
    return np.array(found) / 255


def relight(photo: Image, light: Light) -> Image:
    """Return the photo as if that had not been wrong with its light.

    Light is multiplied, as a longer exposure and another white balance would have done in the
    camera; highlights are bent instead of clipped, and what was white stays white. A cast that is
    taken leaves the brightest level as bright as it was.
    """
    if not (light.stops or light.red or light.blue):
        return photo
    peaks = brightest(photo)
    shown = decode_levels(peaks)
    balance = np.exp([-light.red, 0.0, -light.blue])
    gains = 2.0**light.stops * balance * shown.max() / (balance * shown).max()
    curves = [_curve(float(gain), float(peak)) for gain, peak in zip(gains, peaks, strict=True)]
    table = np.stack(curves, axis=-1).reshape(1, 256, 3)
    return by_strips(photo, lambda rows, _: np.asarray(cv2.LUT(rows, table), np.uint8))


def _curve(gain: float, peak: float) -> NDArray[np.uint8]:
    """Return the levels that 256 levels become; they never fall.

    Parameters
    ----------
    peak : the brightest level that there is, 0..1
    """
    coded = np.arange(256) / 255
    made = encode(gain * decode_levels(coded))
    top = float(encode(gain * decode_levels(np.array(peak))))
    if top > _CLIPPED:  # what would be above white is bent to end there
        over = np.clip((made - _SHOULDER) / (top - _SHOULDER), 0, 1)
        room, slope = 1 - _SHOULDER, (top - _SHOULDER) / (1 - _SHOULDER)
        bent = _SHOULDER + room * slope * over / (1 + (slope - 1) * over)
        made = np.where(made > _SHOULDER, bent, made)
    elif gain < 1:
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
