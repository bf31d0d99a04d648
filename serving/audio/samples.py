"""Sound as arrays: what is accepted, mono, and another sample rate."""

from math import gcd

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from serving.errors import BadInput

Samples = NDArray[np.float32]
Floats = NDArray[np.float64]

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4_000, 384_000
# Correlations of channels: below the first, their difference is clearly louder than their sum;
# below the second, one is the other with its poles swapped.
OPPOSITE, MIRRORED = -0.2, -0.9
LEAST_OFFSET = 0.002  # -54 dBFS; the mean of much music is a tenth of it


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
    """Average the channels so that opposite ones add up instead of cancelling; shape (frames,).

    Examples
    --------
    >>> to_mono(np.array([[1, -1], [-0.5, 0.5]], np.float32)).tolist()
    [1.0, -0.5]
    """
    if samples.ndim == 1:
        return samples
    if samples.shape[1] == 1 or not len(samples):
        return samples[:, 0]
    signs = polarities(samples, OPPOSITE)
    if signs.min(initial=1) > 0:
        return np.asarray(samples.mean(axis=1, dtype=np.float32))
    return np.asarray((samples * signs).mean(axis=1, dtype=np.float32))


def polarities(samples: Samples, opposite: float) -> Samples:
    """Return -1 for each channel that goes against the loudest one, +1 for the others.

    Parameters
    ----------
    samples : float32, shape (frames, channels)
    opposite : correlation below which a channel counts as going against, -1..0
    """
    centred = samples - samples.mean(axis=0, dtype=np.float64).astype(np.float32)
    products = (centred.T @ centred).astype(np.float64)
    energies = np.diag(products)
    loudest = int(energies.argmax())
    levels = np.sqrt(np.maximum(energies * energies[loudest], 1e-30))
    return np.where(products[loudest] / levels < opposite, -1, 1).astype(np.float32)


def remove_offset(samples: Samples) -> Samples:
    """Take a constant (DC) that a recorder added out of each channel; others are left as they are.

    Examples
    --------
    >>> remove_offset(np.full(3, 0.25, np.float32)).tolist()
    [0.0, 0.0, 0.0]
    """
    if not len(samples):
        return samples
    offset = samples.mean(axis=0, dtype=np.float64)
    if np.abs(offset).max() < LEAST_OFFSET:
        return samples
    return np.asarray(samples - offset, np.float32)


def turn_opposite(samples: Samples) -> Samples:
    """Turn round a stereo channel that is wired the wrong way: alone, a loudspeaker plays nothing.

    Only a channel that is all but the other's mirror image is turned; wide stereo is kept.
    """
    if samples.ndim == 1 or samples.shape[1] == 1 or not len(samples):
        return samples
    signs = polarities(samples, MIRRORED)
    return samples if signs.min() > 0 else samples * signs


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
