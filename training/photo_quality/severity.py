"""From what was done to a photo to how bad that is: 0 nothing, 1 as bad as it gets.

Each scale is linear in what is just noticed: small amounts count more than the same added to large
ones. `amount_of` turns a severity back into an amount, so that samples can be drawn evenly.
"""

from collections.abc import Mapping

import numpy as np

from serving.photos.quality.compression import QUALITIES, SEVERITIES

BLUR_PX = 2.0  # standard deviation of the point spread at which 63 % is lost
NOISE_LEVELS = 15.0
STOPS = 1.5
CAST = 0.30  # change of log(red/green) and log(blue/green)
_JPEG = (QUALITIES, SEVERITIES)
_WEBP = ((0, 5, 10, 30, 50, 75, 90, 100), (0.85, 0.68, 0.58, 0.42, 0.32, 0.2, 0.08, 0))
_RATES: Mapping[str, float] = {
    "blur": BLUR_PX, "noise": NOISE_LEVELS, "under": STOPS, "over": STOPS, "cast": CAST,
}  # fmt: skip


def severity_of(kind: str, amount: float) -> float:
    """Return the severity of an amount.

    Parameters
    ----------
    kind : blur (px), noise (levels), under, over (stops), cast (log ratio), contrast (share lost),
        upscale (factor), jpeg, webp (quality)

    Examples
    --------
    >>> round(severity_of("noise", 15.0), 2), severity_of("contrast", 0.4), severity_of("jpeg", 20)
    (0.63, 0.4, 0.63)
    """
    if kind in _RATES:
        return float(1 - np.exp(-amount / _RATES[kind]))
    if kind == "contrast":
        return amount
    if kind == "upscale":
        return 1 - 1 / max(1.0, amount)
    return float(np.interp(amount, *(_JPEG if kind == "jpeg" else _WEBP)))


def amount_of(kind: str, severity: float) -> float:
    """Return the amount that has a severity in 0..0.95; the inverse of `severity_of`."""
    if kind in _RATES:
        return float(-_RATES[kind] * np.log(1 - severity))
    if kind == "contrast":
        return severity
    if kind == "upscale":
        return 1 / (1 - severity)
    qualities, severities = _JPEG if kind == "jpeg" else _WEBP
    return float(np.interp(severity, severities[::-1], qualities[::-1]))
