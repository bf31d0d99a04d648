"""Where bars begin."""

from dataclasses import dataclass

import numpy as np

from serving.audio.features import FRAMES_PER_S
from serving.audio.harmony import changes_at, likeness_after
from serving.audio.metrical_level import FINE, Heard, near, recurs
from serving.audio.samples import Floats

METERS = (4, 3)
AT_THE_START_S = 0.05
# A way to count bars that is less likely than this is not claimed; by chance one in seven is right.
CLEAR = 0.35
BAR_EVIDENCE = 9  # how much speaks for a way to count bars, in the order of `weigh_bars`


@dataclass(frozen=True)
class Bars:
    """First beats of the bars in seconds, and how many beats a bar has (0: not found)."""

    downbeats_s: Floats
    beats_per_bar: int


NO_BARS = Bars(np.empty(0), 0)


def find_bars(beats_s: Floats, heard: Heard, weights: Floats) -> Bars:
    """Choose the meter and the first beat that are most likely; none without a network.

    Notes
    -----
    A conditional logit over the seven ways to count three or four from any beat.
    """
    if beats_s.size < 2 * min(METERS) or not heard.downbeat.any():
        return NO_BARS
    odds = weigh_bars(beats_s * FRAMES_PER_S, heard) @ weights
    likely = np.exp(odds - odds.max())
    best = int(likely.argmax())
    if likely[best] < CLEAR * likely.sum():
        return NO_BARS
    meter, place = list_ways()[best]
    return Bars(beats_s[place::meter], meter)


def list_ways() -> list[tuple[int, int]]:
    """Return every meter with every beat that may be the first of a bar."""
    return [(meter, place) for meter in METERS for place in range(meter)]


def weigh_bars(beats: Floats, heard: Heard) -> Floats:
    """Return what speaks for every way, shape (7, 9).

    In this order: how much likelier the network's downbeats, kick and bass, and changes of harmony
    are on a bar's first beat than on others; whether it is where the sound sets in; whether bars
    have three beats, and for these by how much more recurs after three beats than after four, of
    all onsets, of kick and bass, of downbeats, and of harmony.
    """
    lag = float(np.median(np.diff(beats)))
    first = near(heard.downbeat, beats, 2)
    low = standardised(near(heard.envelope.bands[0], beats * FINE, 12))
    harmony = standardised(changes_at(beats, heard.spectra))
    heard_again = heard.recurrence, heard.low_recurrence, heard.downbeat_recurrence
    in_three = [recurs(again, 3 * lag) - recurs(again, 4 * lag) for again in heard_again]
    three, four = likeness_after(beats, heard.spectra, (3, 4))
    in_three.append(three - four)
    begins = abs(beats[0] - heard.starts) < AT_THE_START_S * FRAMES_PER_S
    rows = [
        [
            *(agreement(each, meter, place) for each in (first, low, harmony)),
            float(begins and place == 0),
            float(meter == 3),
            *(float(meter == 3) * each for each in in_three),
        ]
        for meter, place in list_ways()
    ]
    return np.array(rows)


def standardised(values: Floats) -> Floats:
    """Bring values to mean 0 and deviation 1, where they differ at all."""
    scaled: Floats = (values - values.mean()) / max(float(values.std()), 1e-6)
    return scaled


def agreement(strength: Floats, meter: int, place: int) -> float:
    """Say how much more the chosen beats have than the others."""
    chosen = np.zeros(strength.size, bool)
    chosen[place::meter] = True
    return float(strength[chosen].mean() - strength[~chosen].mean())
