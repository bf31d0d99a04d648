"""How well beats were found: compared with the true ones, within 70 ms.

Source: M. Davies, N. Degara, M. Plumbley, "Evaluation methods for musical audio beat tracking
algorithms", Queen Mary University of London, 2009; accuracy of tempo as in F. Gouyon et al., "An
experimental comparison of audio tempo induction algorithms", IEEE TASLP 14(5), 2006.
"""

from dataclasses import dataclass

import numpy as np

from synthetic.music.tracks import Times, Track

TOLERANCE_S = 0.07
_SAME_TEMPO = 0.04  # of the true one
_OCTAVES = (1, 2, 0.5, 3, 1 / 3)


@dataclass(frozen=True)
class Score:
    """What one tracker made of one track.

    Attributes
    ----------
    exact, octave : whether its tempo is the true one (Acc1), or that times 2, 3, 1/2 or 1/3 (Acc2)
    offset_ms, distance_ms : medians, signed and not; NaN unless more than half of it was found
    """

    exact: bool
    octave: bool
    f_measure: float
    offset_ms: float
    distance_ms: float


def score(bpm: float | None, beats: Times, track: Track) -> Score:
    """Compare what was found with the truth; `beats` in seconds."""
    ratio = (bpm or 0) / track.bpm
    exact = abs(ratio - 1) < _SAME_TEMPO
    octave = any(abs(ratio / factor - 1) < _SAME_TEMPO for factor in _OCTAVES)
    offsets = match(beats, track.beats)
    f_measure = 2 * offsets.size / max(1, beats.size + track.beats.size)
    if f_measure <= 0.5:
        return Score(exact, octave, f_measure, np.nan, np.nan)
    middle, distance = np.median(offsets) * 1e3, np.median(np.abs(offsets)) * 1e3
    return Score(exact, octave, f_measure, float(middle), float(distance))


def match(beats: Times, truth: Times) -> Times:
    """Pair every beat with at most one true one within 70 ms; return how late each is, in s.

    Examples
    --------
    >>> match(np.array([0.01, 0.5, 1.2]), np.array([0.0, 0.5, 1.0])).round(2).tolist()
    [0.01, 0.0]
    """
    offsets, at = [], 0
    for beat in beats:
        while at < truth.size and truth[at] < beat - TOLERANCE_S:
            at += 1
        if at < truth.size and abs(beat - truth[at]) <= TOLERANCE_S:
            offsets.append(beat - truth[at])
            at += 1
    return np.array(offsets)
