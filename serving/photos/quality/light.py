"""Exposure, contrast and white balance: how levels and colours are spread over a photo."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image.array import Image

Channel = NDArray[np.uint8]  # shape (height, width)
_PERCENT = (0.5, 2, 5, 10, 25, 50, 75, 90, 95, 98, 99.5)
_MARGIN = 3  # levels from black and white that count as clipped
_HAZE_PX = 7


def measure_light(overview: Image) -> dict[str, float]:
    """Measure a small picture, uint8 RGB.

    Returns
    -------
    dict
        Percentiles and shares in 0..1, colours as log ratios to green; always the same names.
    """
    luma = cast(Channel, cv2.cvtColor(overview, cv2.COLOR_RGB2GRAY))
    found = {
        f"luma_p{percent}": float(value) / 255
        for percent, value in zip(_PERCENT, _percentiles(luma, _PERCENT), strict=True)
    }
    found |= _clipping(overview, luma)
    found |= _tones(luma)
    found |= _haze(overview)
    found |= _colours(overview, luma)
    return found


def _percentiles(channel: Channel, percent: tuple[float, ...]) -> NDArray[np.float64]:
    counts = cv2.calcHist([channel], [0], None, [256], [0, 256]).ravel()
    share = np.cumsum(counts) / counts.sum()
    levels: NDArray[np.float64] = np.searchsorted(share, np.array(percent) / 100).astype(np.float64)
    return levels


def _clipping(overview: Image, luma: Channel) -> dict[str, float]:
    brightest, darkest = _extremes(overview)
    return {
        "white": float((darkest >= 255 - _MARGIN).mean()),
        "any_white": float((brightest >= 255 - _MARGIN).mean()),
        "black": float((brightest <= _MARGIN).mean()),
        "any_black": float((darkest <= _MARGIN).mean()),
        "bright": float((luma >= 230).mean()),
        "dark": float((luma <= 25).mean()),
    }


def _extremes(overview: Image) -> tuple[Channel, Channel]:
    """Return each pixel's largest and smallest channel."""
    red, green, blue = cv2.split(overview)
    most, least = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    return cast(Channel, most), cast(Channel, least)


def _tones(luma: Channel) -> dict[str, float]:
    """Means in levels, in linear light and in stops, and how evenly levels are used."""
    counts = cv2.calcHist([luma], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    share = counts / counts.sum()
    level = np.arange(256) / 255
    linear = level**2.2
    stops = np.log2(linear + 2e-3)
    mean_stops = float(share @ stops)
    used = share[share > 0]
    mean = float(share @ level)
    return {
        "mean": mean,
        "deviation": float(np.sqrt(share @ np.square(level - mean))),
        "linear_mean": float(np.log2(share @ linear + 2e-3)),
        "stops_mean": mean_stops,
        "stops_deviation": float(np.sqrt(share @ np.square(stops - mean_stops))),
        "entropy": float(-(used * np.log2(used)).sum()),
    }


def _haze(overview: Image) -> dict[str, float]:
    """Measure the dark channel (He, Sun, Tang 2009): haze lifts what should be black."""
    kernel = np.ones((_HAZE_PX, _HAZE_PX), np.uint8)
    brightest, darkest = _extremes(overview)
    dark = cast(Channel, cv2.erode(darkest, kernel))
    light = cast(Channel, cv2.dilate(brightest, kernel))
    lower = _percentiles(dark, (2, 25, 50, 75)) / 255
    upper = _percentiles(light, (25, 50, 75, 98)) / 255
    local = cv2.absdiff(light, dark).mean() / 255
    found = {f"dark_channel_{n}": float(value) for n, value in enumerate(lower)}
    found |= {f"light_channel_{n}": float(value) for n, value in enumerate(upper)}
    return found | {"local_contrast": float(local)}


def _colours(overview: Image, luma: Channel) -> dict[str, float]:
    """Find what should be grey, by several assumptions; log ratios of red and blue to green.

    Grey world, shades of grey (Finlayson, Trezzi 2004), white patches, and the least colourful.
    """
    most, least = (channel.reshape(-1) for channel in _extremes(overview))
    level = luma.reshape(-1)
    usable = (most < 250) & (level > 15)
    if int(usable.sum()) < 16:
        usable = np.ones_like(usable)
    pixels = overview.reshape(-1, 3)[usable].astype(np.float32) + 1
    level = level[usable]
    colourful = 1 - (least[usable] + np.float32(1)) / (most[usable] + np.float32(1))
    bright, dim = np.percentile(level, (90, 25))
    ranks = np.percentile(colourful, (5, 20, 50, 80, 95))
    cubed = (pixels / 255) ** 2 * (pixels / 255)
    means = {
        "world": pixels.mean(axis=0),
        "shades": np.square(cubed).mean(axis=0) ** (1 / 6),
        "bright": pixels[level >= bright].mean(axis=0),
        "plain": pixels[colourful <= ranks[1]].mean(axis=0),
        "dim": pixels[level <= dim].mean(axis=0),
    }
    found: dict[str, float] = {}
    for name, (red, green, blue) in means.items():
        found[f"{name}_red"] = float(np.log(red / green))
        found[f"{name}_blue"] = float(np.log(blue / green))
    return found | {f"colourful_{n}": float(value) for n, value in enumerate(ranks)}
