"""The most likely beats under probabilities heard frame by frame: a hidden Markov model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.audio.samples import Floats

# madmom's: how much tempo may change from beat to beat, and the part of a beat that sounds as one
TEMPO_STIFFNESS, BEAT_PARTS = 100.0, 16


@dataclass(frozen=True)
class BeatPath:
    """Frames of the beats, and the mean log-likelihood of a frame."""

    frames: NDArray[np.int64]
    likelihood: float


def decode_beats(
    probability: Floats, frames_per_s: float, slowest_bpm: float, fastest_bpm: float
) -> BeatPath:
    """Find the beats that explain the probabilities best, tempo changing only a little at each.

    Parameters
    ----------
    probability : float64, shape (frames,)
        Of a beat, 0..1.

    Notes
    -----
    Viterbi decoding of the bar-pointer model's efficient state space: F. Krebs, S. Böck, G. Widmer,
    "An efficient state-space model for joint tempo and meter tracking", ISMIR 2015.
    A state is a tempo (beat length in frames) and a place in the beat.
    """
    shortest = max(2, int(np.floor(60 * frames_per_s / fastest_bpm)))
    lengths = np.arange(shortest, int(np.ceil(60 * frames_per_s / slowest_bpm)) + 1)
    ends = np.cumsum(lengths)
    first, last = ends - lengths, ends - 1
    change = np.exp(-TEMPO_STIFFNESS * np.abs(lengths[None] / lengths[:, None] - 1))
    with np.errstate(divide="ignore"):
        change = np.log(change / change.sum(axis=1, keepdims=True))
    places = np.concatenate([np.arange(n) / n for n in lengths])
    on_beat = np.flatnonzero(places < 1 / BEAT_PARTS)
    heard = np.clip(probability, 1e-3, 1 - 1e-3)
    off_score = np.log((1 - heard) / (BEAT_PARTS - 1))
    on_gain = np.log(heard) - off_score
    score = np.zeros(places.size)
    came_from = np.empty((heard.size, lengths.size), np.int16)
    columns = np.arange(lengths.size)
    for frame in range(heard.size):
        arrivals = score[last][:, None] + change
        best = arrivals.argmax(axis=0)
        came_from[frame] = best
        entering = arrivals[best, columns]
        score[1:] = score[:-1].copy()
        score[first] = entering
        score[on_beat] += on_gain[frame]
    frames = _walk_back(came_from, int(score.argmax()), first, last)
    total = float(score.max() + off_score.sum())
    return BeatPath(frames, total / max(1, heard.size))


def _walk_back(
    came_from: NDArray[np.int16], state: int, first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the frames at which the best path enters a beat."""
    tempo = int(np.searchsorted(last, state))
    frame, beats = len(came_from) - 1, []
    place = state - int(first[tempo])
    while frame - place >= 0:
        frame -= place
        beats.append(frame)
        tempo = int(came_from[frame, tempo])
        frame -= 1
        place = int(last[tempo] - first[tempo])
    return np.array(beats[::-1], np.int64)
