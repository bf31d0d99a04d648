"""Makes what was traced look photographed: this photo's black and white, blur and grain."""

import cv2
import numpy as np

from serving.image import Image
from serving.staging.furnish.scene import Light
from serving.staging.linear import to_coded, to_linear

_SHOULDER = 0.7
_OWN_BLUR_PX = 0.6
_MOST_GRAIN = 4.0


def match_tone(light: Light, around: Light) -> Light:
    """Keep light within a photo's own black, and roll it off above its shoulder."""
    black = np.percentile(around[::4, ::4], 1, axis=(0, 1)).astype(np.float32) * np.float32(0.6)
    lifted = black + light * (1 - black)
    over = np.maximum(lifted - _SHOULDER, 0)
    rest = 1 - _SHOULDER
    rolled: Light = np.minimum(lifted, _SHOULDER) + rest * (1 - np.exp(-over / rest))
    return rolled.astype(np.float32)


def noise_level(picture: Image) -> float:
    """Return the standard deviation of a picture's grain, in steps of 255.

    J. Immerkaer, "Fast noise variance estimation", CVIU 64(2), 1996, with a median for its mean.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.median(np.abs(cv2.filter2D(grey, -1, kernel))) / 0.6745 / 6)


def add_grain(light: Light, level: float, seed: int) -> Light:
    """Return light with a photo's grain."""
    if level < 0.3:
        return light
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, min(level, _MOST_GRAIN), light.shape[:2]).astype(np.float32)
    grain = np.asarray(cv2.GaussianBlur(raw, (0, 0), 0.6), np.float32) * np.float32(1.6)
    coded = np.clip(to_coded(light) + grain[..., None], 0, 255)
    return to_linear_coded(coded)


def to_linear_coded(coded: Light) -> Light:
    """Return linear light of values 0..255 that are not whole."""
    low = np.minimum(coded.astype(np.uint8), 254)
    first, second = to_linear(low), to_linear(low + np.uint8(1))
    found: Light = first + (second - first) * (coded - low)
    return found


def blur_px(picture: Image) -> float:
    """Return the blur of a picture's own edges, as a Gaussian's sigma in px.

    Its steepest gradients are compared with those of a copy that was blurred again; the 99.5th
    percentile, since most of an interior has no sharp edge at all.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    first = np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.5), np.float32)
    second = np.asarray(cv2.GaussianBlur(first, (0, 0), 2), np.float32)
    sharp, soft = _gradients(first), _gradients(second)
    top = sharp > np.percentile(sharp, 99.5)
    if not top.any():
        return _OWN_BLUR_PX
    times = float(np.median(sharp[top] / np.maximum(soft[top], 1e-3)))
    return float(np.clip(np.sqrt(4 / max(times * times - 1, 0.05)), 0.3, 2.0))


def soften(light: Light, cover: Light, blur: float) -> tuple[Light, Light]:
    """Return traced light and its cover as soft as a photo of that blur."""
    more = np.sqrt(max(blur * blur - _OWN_BLUR_PX**2, 0))
    if more < 0.3:
        return light, cover
    soft = cv2.GaussianBlur(light, (0, 0), more), cv2.GaussianBlur(cover, (0, 0), more)
    return np.asarray(soft[0], np.float32), np.asarray(soft[1], np.float32)


def _gradients(grey: Light) -> Light:
    found: Light = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return found
