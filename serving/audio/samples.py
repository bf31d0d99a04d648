"""Sound as arrays: what is accepted, mono, and another sample rate."""

from math import gcd

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from serving.errors import BadInput

Samples = NDArray[np.float32]
Floats = NDArray[np.float64]

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4_000, 384_000


def check_samples(samples: Samples, sample_rate_hz: int) -> None:
    """Raise BadInput unless `samples` are finite float32 of shape (frames,) or (frames, channels).

    Examples
    --------
    >>> check_samples(np.zeros((10, 2), np.float32), 44100)
    """
    if samples.dtype != np.float32 or samples.ndim not in (1, 2):
        raise BadInput(f"expected float32 sound, got {samples.dtype} of shape {samples.shape}")
    if samples.ndim == 2 and not 1 <= samples.shape[1] <= 8:
        raise BadInput(f"expected 1 to 8 channels, got {samples.shape[1]}")
    if not LOWEST_RATE_HZ <= sample_rate_hz <= HIGHEST_RATE_HZ:
        raise BadInput(f"a sample rate of {sample_rate_hz} Hz is not one of sound")
    if not np.isfinite(samples).all():
        raise BadInput("the sound holds values that are not finite")


def to_mono(samples: Samples) -> Samples:
    """Average the channels; shape (frames,)."""
    mono: Samples = samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float32)
    return mono


def to_channels(samples: Samples, channels: int) -> Samples:
    """Return shape (frames, channels): mono is copied to all, and more are averaged down."""
    wide = samples[:, None] if samples.ndim == 1 else samples
    if wide.shape[1] == channels:
        return wide
    return np.repeat(to_mono(samples)[:, None], channels, axis=1)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Bring sound to another sample rate by a polyphase filter, along the first axis.

    Examples
    --------
    >>> resample(np.zeros(48000, np.float32), 48000, 22050).shape
    (22050,)
    """
    if from_hz == to_hz or not samples.size:
        return samples
    common = gcd(from_hz, to_hz)
    up, down = to_hz // common, from_hz // common
    resampled: Samples = resample_poly(samples, up, down, axis=0).astype(np.float32, copy=False)
    return resampled
