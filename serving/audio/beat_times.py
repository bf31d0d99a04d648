"""Beats to the millisecond: tracked frames are moved onto the onsets that they stand for."""

import numpy as np
from scipy.linalg import solveh_banded
from scipy.ndimage import gaussian_filter1d, median_filter

from serving.audio.features import ATTACKS_PER_S, ENVELOPE_PER_S, Envelope
from serving.audio.samples import Floats, Samples

# From stiff to loose: how much a change of tempo costs against leaving an onset.
STIFFNESS = (1e6, 1e4, 300.0, 30.0, 3.0)
CLOSE_S = 0.005  # an onset further off than twice this counts less
ASTRAY_S, ASTRAY_BEATS = 0.008, 9  # onsets off to one side by this, for so long: tempo moved
REACHES_S = (0.06, 0.035, 0.025)
# Flux rises this much before a note begins: 2 ms by soft attacks, 6 by hard ones. Each track's own
# lateness is measured on its attacks, up to about twice `LATENESS_SPREAD_S` from there.
LATENESS_S, LATENESS_SPREAD_S = 0.004, 0.008


def refine_beats(beats_s: Floats, envelope: Envelope) -> Floats:
    """Move beats onto onsets, along the stiffest tempo curve that follows them.

    Parameters
    ----------
    beats_s : float64, shape (beats,), at least 3
        Tracked to about 20 ms.

    Returns
    -------
    float64, shape (beats,)
        Rising; `beats_s` is left unchanged.

    Notes
    -----
    Each round takes the strongest onset near each beat, then smooths the times with a penalty on
    their second differences (E. T. Whittaker, "On a new method of graduation", 1923), weighted by
    the onsets' strength, so that beats without an onset follow their neighbours.
    """
    strength = gaussian_filter1d(_balanced(envelope), 1.5)
    times = smooth_times(beats_s, np.ones_like(beats_s))
    period = float(np.median(np.diff(times)))
    for reach in REACHES_S:
        onsets, weights = _onsets_near(times, strength, min(reach, 0.2 * period))
        times = smooth_times(onsets, weights)
    moved = times + measure_lateness(times, envelope.attacks)
    return moved if (np.diff(moved) > 0).all() else beats_s


def measure_lateness(times: Floats, attacks: Samples) -> float:
    """Return how much later than `times` attacks are, by the mean course of all around them.

    A single attack is off by milliseconds; their mean has its top where the sound sets in.
    """
    reach = round(2 * LATENESS_SPREAD_S * ATTACKS_PER_S)
    steps = LATENESS_S * ATTACKS_PER_S + np.arange(-reach, reach + 1)
    at = times[:, None] * ATTACKS_PER_S + steps
    course = np.interp(at, np.arange(attacks.size), attacks).mean(axis=0)
    course *= np.exp(-0.5 * ((steps / ATTACKS_PER_S - LATENESS_S) / LATENESS_SPREAD_S) ** 2)
    top = int(course[1:-1].argmax()) + 1
    if course[top] <= 0:
        return LATENESS_S
    before, highest, after = course[top - 1 : top + 2]
    bend = min(float(before - 2 * highest + after), -1e-9)
    between = float(np.clip((before - after) / (2 * bend), -0.5, 0.5))
    return float(steps[top] + between) / ATTACKS_PER_S


def _balanced(envelope: Envelope) -> Floats:
    """Sum the bands after bringing each to the same level."""
    levels = envelope.bands.mean(axis=1, keepdims=True)
    balanced: Floats = (envelope.bands / np.maximum(levels, 1e-3)).sum(axis=0).astype(np.float64)
    return balanced


def _onsets_near(times: Floats, strength: Floats, reach_s: float) -> tuple[Floats, Floats]:
    """Return the strongest onset near each time, between frames, and how clear it is."""
    reach = max(2, round(reach_s * ENVELOPE_PER_S))
    window = np.arange(-reach, reach + 1)
    middle = np.rint(times * ENVELOPE_PER_S).astype(int)
    at = np.clip(middle[:, None] + window, 1, strength.size - 2)
    near = strength[at] * np.exp(-0.5 * (window / (0.6 * reach)) ** 2)
    peak = at[np.arange(times.size), near.argmax(axis=1)]
    before, top, after = strength[peak - 1], strength[peak], strength[peak + 1]
    bend = np.minimum(before - 2 * top + after, -1e-9)
    between = np.clip((before - after) / (2 * bend), -0.5, 0.5)
    typical = max(float(np.median(top)), 1e-9)
    clear = np.clip(top / typical, 0, 1.5) * (before <= top) * (after <= top)
    return (peak + between) / ENVELOPE_PER_S, np.maximum(clear**2, 1e-3)


def smooth_times(times: Floats, weights: Floats) -> Floats:
    """Fit the stiffest curve from which the times do not stray to one side for long."""
    curve = times
    for stiffness in STIFFNESS:
        curve = _whittaker(times, weights, stiffness)
        for _ in range(2):  # what is far off counts less
            trust = 1 / (1 + ((times - curve) / (2 * CLOSE_S)) ** 2)
            curve = _whittaker(times, weights * trust, stiffness)
        astray = median_filter(times - curve, ASTRAY_BEATS, mode="nearest")
        if np.abs(astray).max() < ASTRAY_S:
            break
    return curve


def _whittaker(values: Floats, weights: Floats, stiffness: float) -> Floats:
    """Minimise weighted distance plus `stiffness` times the squared second differences."""
    count = values.size
    bands = np.zeros((3, count))
    bands[2] = weights
    for offset, row in enumerate(((1, 4, 1), (-2, -2), (1,))):
        for shift, factor in enumerate(row):
            bands[2 - offset, offset + shift : offset + shift + count - 2] += stiffness * factor
    smoothed: Floats = solveh_banded(bands, weights * values)
    return smoothed
