"""A look-ahead limiter that holds the true peak under a ceiling."""

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.signal import fftconvolve

from serving.audio.samples import Floats, Samples

LOOK_AHEAD_S = 0.005
RELEASE_DB_PER_S = 60.0  # slow enough that low notes are not bent


def limit(
    samples: Samples,
    peaks: Samples,
    sample_rate_hz: int,
    ceiling_dbtp: float,
    release_db_per_s: float = RELEASE_DB_PER_S,
) -> Samples:
    """Turn the sound down where it would pass the ceiling, all channels alike.

    Parameters
    ----------
    samples : float32, shape (frames,) or (frames, channels)
        Left unchanged.
    peaks : float32, shape (frames,)
        Its `peak_curve`.

    Notes
    -----
    The wanted attenuation in dB is held for the look-ahead, released at a steady rate and averaged
    over the look-ahead, which never falls under what is wanted at a sample.

    Examples
    --------
    >>> limit(np.full(8000, 2, np.float32), np.full(8000, 2, np.float32), 8000, 0.0).max().round(4)
    np.float32(1.0)
    """
    wanted_db = 20 * np.log10(np.maximum(peaks, 1e-9)) - ceiling_dbtp
    if not wanted_db.size or wanted_db.max() <= 0:
        return samples
    attenuation_db = follow(
        np.maximum(wanted_db, 0), sample_rate_hz, LOOK_AHEAD_S, release_db_per_s
    )
    gain = (10 ** (-attenuation_db / 20)).astype(np.float32)
    limited: Samples = samples * (gain if samples.ndim == 1 else gain[:, None])
    return limited


def follow(
    wanted_db: Floats, sample_rate_hz: int, ahead_s: float, release_db_per_s: float
) -> Floats:
    """Return a smooth curve that reaches every wanted value in time and falls back steadily.

    Examples
    --------
    >>> curve = follow(np.array([0.0] * 50 + [6.0] + [0.0] * 49), 100, 0.1, 60.0)
    >>> bool(curve[50] > 5.99), bool(curve[25] < 0.01)
    (True, True)
    """
    reach = max(1, round(ahead_s * sample_rate_hz))
    held = maximum_filter1d(np.asarray(wanted_db, np.float64), 2 * reach + 1)
    slope = np.arange(held.size) * (release_db_per_s / sample_rate_hz)
    falling = np.maximum(0, np.maximum.accumulate(held + slope) - slope)
    window = np.hanning(2 * reach + 3)[1:-1]
    padded = np.pad(falling, reach, mode="edge")
    smooth: Floats = fftconvolve(padded, window / window.sum(), "valid")
    return np.maximum(smooth, 0)
