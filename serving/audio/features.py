"""What beats are heard by: the features of the beat network, and a fine onset envelope."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from scipy.fft import rfft

from serving.audio.samples import Floats, Samples

RATE_HZ = 22_050
# BeatNet's: 20 ms hops of 64 ms windows, 24 bands an octave from 30 Hz
FRAME_HOP, FRAME_SIZE, BANDS_PER_OCTAVE, LOWEST_HZ = 441, 1411, 24, 30.0
FRAMES_PER_S = RATE_HZ / FRAME_HOP
ENVELOPE_HOP, ENVELOPE_SIZE, ENVELOPE_LAG = 64, 512, 4
ENVELOPE_PER_S = RATE_HZ / ENVELOPE_HOP
# About 1 ms, and the 8 ms before and after a moment that are compared. Longer reaches hear the next
# sound too, shorter ones the single swings of a bass: 8 to 20 give the same times to 0.2 ms.
ATTACK_HOP, ATTACK_REACH = 22, 8
ATTACKS_PER_S = RATE_HZ / ATTACK_HOP
ATTACK_FLOOR = 1e-3  # -30 dB under the loud parts: what is softer counts as silence
FEATURES = 272
BAND_EDGES_HZ = (0.0, 200.0, 2_000.0, 12_000.0)
_CHUNK = 2_048  # frames at a time, so that memory stays small however long the music


@dataclass(frozen=True, eq=False)
class Weights:
    """By what metrical levels and ways to count bars are chosen; fitted to a network's output."""

    level: Floats
    bars: Floats


class BeatModel(Protocol):
    """A network that hears beats, and how its evidence is weighed."""

    @property
    def weights(self) -> Weights:
        """Return the weights that were fitted to what it says."""
        ...

    def __call__(self, features: Samples) -> Samples | None:
        """Map features (frames, 272) to probabilities (frames, 3): beat, downbeat, neither.

        None: it hears nothing; onsets alone decide, and no bars are found.
        """
        ...


class OnsetsAlone:
    """Stands where a network would, to see what onsets alone say."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights

    def __call__(self, features: Samples) -> None:
        """Hear nothing."""
        del features


@dataclass(frozen=True)
class Envelope:
    """How strongly new sound sets in; float32, never negative.

    Attributes
    ----------
    bands : shape (3, frames), at `ENVELOPE_PER_S`
        Sees every new sound, but places a hard one some milliseconds early.
    attacks : shape (moments,), at `ATTACKS_PER_S`
        Sees only what gets louder, at its time.
    """

    bands: Samples
    attacks: Samples

    @property
    def total(self) -> Samples:
        """The bands' sum, shape (frames,)."""
        total: Samples = self.bands.sum(axis=0)
        return total


def network_features(mono: Samples) -> Samples:
    """Return what the beat network listens to, at 50 frames a second.

    Parameters
    ----------
    mono : float32, shape (samples,)
        At 22,050 Hz.

    Returns
    -------
    float32, shape (frames, 272)
        Log magnitudes in 136 bands, then their rises since the frame before.

    Notes
    -----
    Source: M. Heydari, F. Cwitkowitz, Z. Duan, "BeatNet: CRNN and particle filtering for online
    joint beat, downbeat and meter tracking", ISMIR 2021, on madmom's filterbank.
    """
    filters, window = _filterbank(), np.hanning(FRAME_SIZE).astype(np.float32)
    count = -(-mono.size // FRAME_HOP)
    padded = np.pad(mono, (FRAME_SIZE // 2, FRAME_SIZE))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SIZE)[::FRAME_HOP][:count]
    levels = np.empty((count, filters.shape[1]), np.float32)
    for at in range(0, count, _CHUNK):
        spectrum = np.abs(rfft(frames[at : at + _CHUNK] * window, axis=1))
        levels[at : at + _CHUNK] = np.log10(spectrum[:, : len(filters)] @ filters + 1)
    rises = np.maximum(0, np.diff(levels, axis=0, prepend=levels[:1]))
    return np.hstack([levels, rises])


def _filterbank() -> Samples:
    """Return triangles of unit area on a logarithmic scale, shape (bins, bands)."""
    bins_hz = np.arange(FRAME_SIZE // 2) * RATE_HZ / FRAME_SIZE
    steps = np.arange(np.floor(np.log2(LOWEST_HZ / 440) * BANDS_PER_OCTAVE), 200)
    wanted_hz = 440 * 2 ** (steps / BANDS_PER_OCTAVE)
    wanted_hz = wanted_hz[(wanted_hz >= LOWEST_HZ) & (wanted_hz <= 17_000)]
    right = np.clip(np.searchsorted(bins_hz, wanted_hz), 1, bins_hz.size - 1)
    nearer_left = wanted_hz - bins_hz[right - 1] < bins_hz[right] - wanted_hz
    centres = np.unique(right - nearer_left)
    filters = np.zeros((bins_hz.size, centres.size - 2), np.float32)
    for band, (low, middle, high) in enumerate(
        zip(centres, centres[1:], centres[2:], strict=False)
    ):
        if high - low < 2:
            middle, high = low, low + 1
        filters[low:middle, band] = np.linspace(0, 1, middle - low, endpoint=False)
        filters[middle:high, band] = np.linspace(1, 0, high - middle, endpoint=False)
    return np.asarray(filters / filters.sum(axis=0), np.float32)


def onset_envelope(mono: Samples) -> Envelope:
    """Return how strongly new sound sets in, every 2.9 ms, in three bands.

    Parameters
    ----------
    mono : float32, shape (samples,)
        At 22,050 Hz, peak about 1.

    Notes
    -----
    Compressed spectral flux after S. Böck, F. Krebs, M. Schedl, "Evaluating the online
    capabilities of onset detection methods", ISMIR 2012; the difference reaches `ENVELOPE_LAG`
    frames back and is booked half way, so that a step is found where it is.
    """
    window = np.hanning(ENVELOPE_SIZE).astype(np.float32)
    count = mono.size // ENVELOPE_HOP + 1
    padded = np.pad(mono, (ENVELOPE_SIZE // 2, ENVELOPE_SIZE))
    frames = np.lib.stride_tricks.sliding_window_view(padded, ENVELOPE_SIZE)[::ENVELOPE_HOP]
    frames = frames[:count]
    edges = [round(hz * ENVELOPE_SIZE / RATE_HZ) for hz in BAND_EDGES_HZ]
    bands = np.zeros((len(edges) - 1, count + ENVELOPE_LAG), np.float32)
    for at in range(0, count, _CHUNK):
        first = max(0, at - ENVELOPE_LAG)
        levels = np.log1p(20 * np.abs(rfft(frames[first : at + _CHUNK] * window, axis=1)))
        rises = np.maximum(0, levels[ENVELOPE_LAG:] - levels[:-ENVELOPE_LAG])
        for band, (low, high) in enumerate(pairwise(edges)):
            start = first + ENVELOPE_LAG
            bands[band, start : start + len(rises)] = rises[:, low:high].mean(axis=1)
    half = ENVELOPE_LAG // 2
    return Envelope(bands[:, half : half + count], attack_strength(mono))


def attack_strength(mono: Samples) -> Samples:
    """Return by how much the sound is louder right after every millisecond than right before it.

    Parameters
    ----------
    mono : float32, shape (samples,)
        At 22,050 Hz.

    Notes
    -----
    The difference of the mean logarithmic power of two neighbouring windows that do not overlap:
    for a sudden rise a triangle whose top is at the rise itself, however loud it is (the log
    energy's slope as in A. Klapuri, "Sound onset detection by applying psychoacoustic knowledge",
    ICASSP 1999).
    """
    count = mono.size // ATTACK_HOP
    if count <= 2 * ATTACK_REACH:
        return np.zeros(max(count, 1), np.float32)
    blocks = mono[: count * ATTACK_HOP].reshape(count, ATTACK_HOP)
    power = np.einsum("ij,ij->i", blocks, blocks).astype(np.float64)
    loud = max(float(np.percentile(power, 95)), 1e-12)
    sums = np.concatenate([[0.0], np.cumsum(np.log(power + ATTACK_FLOOR * loud))])
    rises = sums[2 * ATTACK_REACH :] - 2 * sums[ATTACK_REACH:-ATTACK_REACH]
    rises = (rises + sums[: -2 * ATTACK_REACH]) / ATTACK_REACH
    return np.pad(np.maximum(rises, 0), ATTACK_REACH).astype(np.float32)


def onset_activation(envelope: Envelope) -> Floats:
    """Turn the envelope into a stand-in for the network's beat probability, at 50 frames a second.

    What is loud for its surroundings counts, and low sounds count double.
    """
    strength = at_frames(np.array([2.0, 1.0, 1.0]) @ envelope.bands)
    reach = int(3 * FRAMES_PER_S)
    local = np.lib.stride_tricks.sliding_window_view(np.pad(strength, reach), 2 * reach + 1)
    activation: Floats = 0.9 * strength / np.maximum(local.max(axis=1), 1e-6)
    return activation


def at_frames(strength: Floats) -> Floats:
    """Bring onset strength from `ENVELOPE_PER_S` to 50 frames a second: the highest in each."""
    edges = np.arange(0, strength.size, ENVELOPE_PER_S / FRAMES_PER_S).astype(int)
    highest: Floats = np.maximum.reduceat(strength, edges)
    return highest
