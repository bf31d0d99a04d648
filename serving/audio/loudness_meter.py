"""Loudness and true peak, as broadcasters measure them."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, resample_poly

from serving.audio.samples import Floats, Samples, to_channels

BLOCK_S, HOP_S = 0.4, 0.1
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0
OVERSAMPLING = 4
_OFFSET_DB = -0.691
# Shelf and high-pass of ITU-R BS.1770: frequency, quality, gain (B. De Man, 2018)
_SHELF = (1681.974450955533, 0.7071752369554196, 3.999843853973347)
_HIGH_PASS = (38.13547087602444, 0.5003270373238773)
_CHUNK = 2**18


def integrated_lufs(samples: Samples, sample_rate_hz: int) -> float:
    """Return the integrated loudness; -inf for silence or for less than 0.4 s.

    Parameters
    ----------
    samples : float32, shape (frames,) or (frames, channels)
        Mono counts as one channel. Left unchanged.

    Notes
    -----
    Source: ITU-R BS.1770-4, mean square of K-weighted sound in 400 ms blocks, gated at -70 LUFS
    and 10 LU under the mean. Channels weigh alike, as left and right do.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 997 * np.arange(96000) / 48000).astype(np.float32)
    >>> round(integrated_lufs(tone, 48000), 1)
    -3.0
    """
    power = block_powers(samples, sample_rate_hz)
    loud = power[power > _to_power(ABSOLUTE_GATE_LUFS)]
    if not loud.size:
        return float("-inf")
    gate = _to_power(to_lufs(float(loud.mean())) + RELATIVE_GATE_LU)
    return to_lufs(float(loud[loud > gate].mean()))


def block_powers(samples: Samples, sample_rate_hz: int) -> Floats:
    """Return the K-weighted mean squares of blocks of 400 ms, every 100 ms, channels summed."""
    hop = round(HOP_S * sample_rate_hz)
    squares = np.zeros(len(samples) // hop)
    wide = samples[:, None] if samples.ndim == 1 else samples
    for channel in range(wide.shape[1]):
        weighted = k_weight(wide[:, channel], sample_rate_hz)[: squares.size * hop]
        squares += (weighted.reshape(-1, hop) ** 2).mean(axis=1)
    parts = round(BLOCK_S / HOP_S)
    if squares.size < parts:
        return np.empty(0)
    blocks: Floats = np.convolve(squares, np.full(parts, 1 / parts), "valid")
    return blocks


def k_weight(channel: NDArray[np.floating], sample_rate_hz: int) -> Floats:
    """Filter one channel as the ear and head do."""
    hz, quality, gain_db = _SHELF
    k = np.tan(np.pi * hz / sample_rate_hz)
    high = 10 ** (gain_db / 20)
    side = high**0.4996667741545416 * k / quality
    scale = 1 + k / quality + k * k
    shelf = (
        np.array([high + side + k * k, 2 * (k * k - high), high - side + k * k]) / scale,
        np.array([1, 2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale]),
    )
    hz, quality = _HIGH_PASS
    k = np.tan(np.pi * hz / sample_rate_hz)
    scale = 1 + k / quality + k * k
    low_cut = np.array([1, 2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale])
    weighted: Floats = lfilter([1, -2, 1], low_cut, lfilter(*shelf, channel.astype(np.float64)))
    return weighted


def true_peak_dbtp(samples: Samples) -> float:
    """Return the highest value between the samples, four times oversampled; -inf for silence.

    Examples
    --------
    >>> true_peak_dbtp(np.zeros(100, np.float32))
    -inf
    """
    peak = float(peak_curve(samples).max(initial=0.0))
    return 20 * float(np.log10(peak)) if peak > 0 else float("-inf")


def peak_curve(samples: Samples) -> Samples:
    """Return, for every sample, the highest magnitude of any channel on or up to the next one."""
    wide = to_channels(samples, 1) if samples.ndim == 1 else samples
    curve = np.zeros(len(wide), np.float32)
    margin = 64
    for start in range(0, len(wide), _CHUNK):
        first, stop = max(0, start - margin), min(len(wide), start + _CHUNK + margin)
        fine = np.abs(resample_poly(wide[first:stop], OVERSAMPLING, 1, axis=0)).max(axis=1)
        highest = fine.reshape(-1, OVERSAMPLING).max(axis=1)
        kept = slice(start - first, start - first + min(_CHUNK, len(wide) - start))
        curve[start : start + _CHUNK] = highest[kept]
    return curve


def to_lufs(power: float) -> float:
    """Turn a K-weighted mean square into LUFS."""
    return _OFFSET_DB + 10 * float(np.log10(power)) if power > 0 else float("-inf")


def _to_power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_DB) / 10))
