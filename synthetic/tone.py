"""From linear light to a photograph: exposure, white balance, local contrast, filmic curve."""

import cv2
import numpy as np
from numpy.typing import NDArray

Linear = NDArray[np.float32]
LUMA = np.array((0.2126, 0.7152, 0.0722), np.float32)


def develop(
    light: Linear, outside: NDArray[np.bool_] | None = None, key: float = 0.5
) -> NDArray[np.uint8]:
    """Develop linear light into an sRGB photo as an interior photographer would.

    Parameters
    ----------
    light : float32, shape (height, width, 3)
        Linear, any scale. Left unchanged.
    outside : which pixels show the world beyond a window; they are not metered
    key : the linear grey that the room's middle tone is exposed for

    Returns
    -------
    uint8, shape (height, width, 3)
        sRGB-encoded.
    """
    return finish(light * meter(light, outside, key))


def meter(light: Linear, outside: NDArray[np.bool_] | None = None, key: float = 0.5) -> Linear:
    """Return the gain of each channel, float32 (3,), that `develop` would give."""
    metered = light[~outside] if outside is not None and not outside.all() else light.reshape(-1, 3)
    gains = white_balance(metered)
    return np.asarray(gains * (key / middle_tone(metered)), np.float32)


def finish(exposed: Linear) -> NDArray[np.uint8]:
    """Return the sRGB photo of light whose exposure and white balance are right."""
    return np.rint(encode_srgb(filmic(soften_contrast(exposed))) * 255).astype(np.uint8)


def middle_tone(light: Linear) -> float:
    """Return the geometric mean of luminance, leaving out the darkest and brightest 5 %."""
    luma = np.sort((light.reshape(-1, 3) @ LUMA).clip(1e-6, None))
    cut = len(luma) // 20
    return float(np.exp(np.log(luma[cut : len(luma) - cut]).mean())) if len(luma) else 1.0


def white_balance(light: Linear, strength: float = 0.6) -> Linear:
    """Gains, shape (3,), that take away a share of the cast of the brighter, paler half.

    Source: shades of grey (Finlayson, Trezzi 2004) with p = 6.
    """
    means = ((light.reshape(-1, 3).clip(0, 20).astype(np.float64) ** 6).mean(axis=0)) ** (1 / 6)
    gains = means.mean() / np.maximum(means, 1e-9)
    return np.asarray(gains**strength, np.float32)


def soften_contrast(light: Linear, strength: float = 0.28) -> Linear:
    """Lift shade and hold back glare broadly while keeping detail, as bracketed exposures do.

    Source: base and detail layers, Durand and Dorsey, "Fast bilateral filtering for the display of
    high-dynamic-range images", SIGGRAPH 2002; the filter here runs on a quarter of the pixels.
    """
    stops = np.log2((light @ LUMA).clip(1e-4, 64)).astype(np.float32)
    height, width = stops.shape
    small = cv2.resize(
        stops, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA
    )
    base = cv2.bilateralFilter(small, -1, sigmaColor=0.9, sigmaSpace=max(1.0, width / 130))
    base = cv2.resize(base, (width, height), interpolation=cv2.INTER_LINEAR)
    middle = float(np.log2(0.3))
    gain = np.exp2((middle - base) * strength)
    return np.asarray(light * gain[..., None], np.float32)


def filmic(light: Linear) -> Linear:
    """Compress highlights and shape the toe; 0..inf to 0..1.

    Source: K. Narkowicz, "ACES filmic tone mapping curve", 2015, applied half to each channel and
    half to the brightest one, so that bright colours do not turn.
    """
    light = np.maximum(light, 0)
    peak = light.max(axis=-1, keepdims=True)
    kept = light / np.maximum(peak, 1e-6) * _curve(peak)
    return np.asarray(0.6 * _curve(light) + 0.4 * kept, np.float32)


def _curve(x: Linear) -> Linear:
    x = x * 0.72
    curved = (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14)
    return np.asarray(curved.clip(0, 1), np.float32)


def encode_srgb(linear: Linear) -> Linear:
    """Encode linear light 0..1 as sRGB 0..1 (IEC 61966-2-1)."""
    x = linear.clip(0, 1)
    coded = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.asarray(coded, np.float32)
