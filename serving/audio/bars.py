"""Where bars begin."""

from dataclasses import dataclass

import numpy as np

from serving.audio.features import FRAMES_PER_S
from serving.audio.metrical_level import near
from serving.audio.samples import Floats

METERS = (4, 3)
# A three must be heard this much clearer than a four; below the second, bars are not claimed.
THREE_MUST_LEAD, CLEAR = 1.25, 0.04
AT_THE_START_S, STARTS_WITH_BAR = 0.05, 0.03


@dataclass(frozen=True)
class Bars:
    """First beats of the bars in seconds, and how many beats a bar has (0: not found)."""

    downbeats_s: Floats
    beats_per_bar: int


def find_bars(beats_s: Floats, downbeat_probability: Floats, starts_s: float) -> Bars:
    """Choose the meter and the first beat under which the network's downbeats agree best.

    Parameters
    ----------
    downbeat_probability : float64, shape (frames,)
        At 50 frames a second; all zero when there was no network.
    starts_s : when the sound sets in; music often does so with a bar
    """
    if beats_s.size < 2 * min(METERS):
        return Bars(np.empty(0), 0)
    first = near(downbeat_probability, beats_s * FRAMES_PER_S, 2)
    ways = [(meter, place) for meter in METERS for place in range(meter)]
    begins = abs(beats_s[0] - starts_s) < AT_THE_START_S
    scores = [
        _agreement(first, meter, place) / (THREE_MUST_LEAD if meter == 3 else 1)
        + STARTS_WITH_BAR * (begins and place == 0)
        for meter, place in ways
    ]
    best = int(np.argmax(scores))
    if scores[best] < CLEAR:
        return Bars(np.empty(0), 0)
    meter, place = ways[best]
    return Bars(beats_s[place::meter], meter)


def _agreement(first: Floats, meter: int, place: int) -> float:
    """Say how much likelier the chosen beats are to begin a bar than the others."""
    chosen = np.zeros(first.size, bool)
    chosen[place::meter] = True
    return float(first[chosen].mean() - first[~chosen].mean())
