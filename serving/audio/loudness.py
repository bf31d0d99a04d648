"""Music brought to a loudness that holds after encoding."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from serving.audio.limiter import limit
from serving.audio.loudness_meter import integrated_lufs, peak_curve, true_peak_dbtp
from serving.audio.samples import Samples, check_samples

# Encodes and decodes again at the same rate and length: what a listener will hear.
RoundTrip = Callable[[Samples], Samples]

TARGET_LUFS, CEILING_DBTP = -14.0, -1.0
TOLERANCE_LU = 0.3  # the promise is 0.5
MARGIN_DB = 0.1
ROUNDS = 12
# A peaky source stays turned down between its peaks: then the limiter lets go sooner.
RELEASES, EATEN_LU = (60.0, 240.0, 1000.0, 4000.0), 1.0
MOST_GAIN_DB, MOST_STEP_DB = 90.0, 24.0
LOWEST_CEILING_DBTP = -20.0


@dataclass(frozen=True)
class Level:
    """Integrated loudness and true peak; -inf for silence."""

    lufs: float
    dbtp: float


@dataclass(frozen=True)
class Normalised:
    """The sound to encode, and its levels before, and after as decoded.

    Attributes
    ----------
    reached : whether `after` is within half a LU of the target and under the ceiling
    note : why it is not, or why nothing was done; empty otherwise
    rounds : how often it was encoded
    """

    samples: Samples
    before: Level
    after: Level
    gain_db: float
    reached: bool
    note: str
    rounds: int


def normalise(
    samples: Samples,
    sample_rate_hz: int,
    round_trip: RoundTrip,
    target_lufs: float = TARGET_LUFS,
    ceiling_dbtp: float = CEILING_DBTP,
) -> Normalised:
    """Bring sound to a loudness with its true peak under a ceiling, both as decoded.

    Parameters
    ----------
    samples : float32, shape (frames,) or (frames, channels)
        Left unchanged.
    round_trip : encodes and decodes; called up to 12 times

    Raises
    ------
    BadInput
        When the sound is not finite float32.

    Notes
    -----
    An encoder moves loudness a little and true peaks up to several dB, so gain and the limiter's
    ceiling are corrected by what comes back until both hold. Silence, and what is shorter than the
    0.4 s that loudness is defined on, is returned as it is.
    """
    check_samples(samples, sample_rate_hz)
    before = Level(integrated_lufs(samples, sample_rate_hz), true_peak_dbtp(samples))
    if not np.isfinite(before.lufs):
        note = "silent, or shorter than 0.4 s: it has no loudness and is left as it is"
        return Normalised(samples, before, before, 0.0, False, note, 0)
    peaks, tried = peak_curve(samples), list[Normalised]()
    gain_db, ceiling, release = target_lufs - before.lufs, ceiling_dbtp - MARGIN_DB, RELEASES[0]
    for number in range(1, ROUNDS + 1):
        factor = np.float32(10 ** (gain_db / 20))
        louder = limit(samples * factor, peaks * factor, sample_rate_hz, ceiling, release)
        decoded = round_trip(louder)
        after = Level(integrated_lufs(decoded, sample_rate_hz), true_peak_dbtp(decoded))
        off, over = target_lufs - after.lufs, after.dbtp - ceiling_dbtp
        reached = abs(off) <= TOLERANCE_LU and over <= 0
        note = "" if reached else "the loudness cannot be reached under the ceiling"
        tried.append(Normalised(louder, before, after, gain_db, reached, note, number))
        if reached:
            break
        gain_db = min(MOST_GAIN_DB, gain_db + next_step(off, tried))
        ceiling = next_ceiling(ceiling, over, ceiling_dbtp - MARGIN_DB)
        release = RELEASES[min(number, len(RELEASES) - 1)] if off > EATEN_LU else release
    if tried[-1].reached:
        return tried[-1]
    best = min(tried, key=lambda one: _miss(one, target_lufs, ceiling_dbtp))
    return replace(best, rounds=len(tried))


def next_step(off_lu: float, tried: list[Normalised]) -> float:
    """Return how much more gain is due: more than is missing when the limiter eats most of it."""
    if not np.isfinite(off_lu):
        return MOST_STEP_DB
    slope = 1.0
    if len(tried) > 1:
        gained = tried[-1].after.lufs - tried[-2].after.lufs
        given = tried[-1].gain_db - tried[-2].gain_db
        if abs(given) > 0.05:
            slope = float(np.clip(gained / given, 0.15, 1.0))
    return float(np.clip(off_lu / slope, -MOST_STEP_DB, MOST_STEP_DB))


def next_ceiling(ceiling: float, over_db: float, highest: float) -> float:
    """Lower the limiter's ceiling by what came back too high; take half of what was spare."""
    if over_db > 0:
        return max(LOWEST_CEILING_DBTP, ceiling - over_db - MARGIN_DB / 2)
    spare = max(0.0, -over_db - 3 * MARGIN_DB)
    return min(highest, ceiling + spare / 2)


def _miss(one: Normalised, target_lufs: float, ceiling_dbtp: float) -> float:
    """Say how bad a result is: a passed ceiling is worse than a missed loudness."""
    off = abs(target_lufs - one.after.lufs) if np.isfinite(one.after.lufs) else 100.0
    return off + 10 * max(0.0, one.after.dbtp - ceiling_dbtp)
