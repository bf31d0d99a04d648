"""Which of the metrical levels is the beat: one is chosen among the tempo and its relatives."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from serving.audio.beat_states import decode_beats
from serving.audio.features import (
    ENVELOPE_PER_S,
    FRAMES_PER_S,
    Envelope,
    at_frames,
    onset_activation,
)
from serving.audio.harmony import harmony_evidence, sum_spectra
from serving.audio.samples import Floats, Samples

SLOWEST_BPM, FASTEST_BPM = 55.0, 215.0
RELATIVES = (1.0, 1 / 2, 2.0, 2 / 3, 3 / 2, 3 / 4, 4 / 3, 1 / 3, 3.0)
TEMPO_SLACK = 0.1  # how far tempo may wander from a candidate's
SAME_TEMPO = 0.04
FEWEST_BEATS = 4
USUAL_BPM = 115.0
NETWORK_SHARE = 0.7  # against plain onsets; alone it is often off by half a beat
LOW_BLUR = 1.0  # frames: what a player is early or late by
FINE = ENVELOPE_PER_S / FRAMES_PER_S
AT_ONCE = 1.5  # frames: sound that sets in earlier does so with the file
LOOP_SLACK_BEATS = 0.15  # how far a loop's length may be from whole bars
LEVEL_EVIDENCE = 73  # how much speaks for a level, in the order of `weigh`


@dataclass(frozen=True)
class Heard:
    """What was heard of a piece, all at 50 frames a second but the envelope.

    Attributes
    ----------
    beat : probability that a frame is a beat, of the network where there is one
    downbeat : probability that it is the first of a bar; zero without a network
    mixed : `beat` mixed with plain onsets
    envelope : onset strength in bands
    spectra : running sums of the spectra, see `sum_spectra`
    recurrence : how alike the music's onsets are to themselves, by lag; 1 at lag 0
    low_recurrence : the same of kick and bass alone
    beat_recurrence, downbeat_recurrence : the same of `beat` and `downbeat`
    starts, ends : frames at which the sound sets in and ends
    """

    beat: Floats
    downbeat: Floats
    mixed: Floats
    envelope: Envelope
    spectra: Floats
    recurrence: Floats
    low_recurrence: Floats
    beat_recurrence: Floats
    downbeat_recurrence: Floats
    starts: float
    ends: float


@dataclass(frozen=True)
class Candidate:
    """A metrical level: its tempo, the frames of its beats, and what speaks for it.

    `is_loop` says that the beats lie evenly over a sound that lasts for whole bars of four.
    """

    bpm: float
    beats: NDArray[np.float64]
    evidence: Floats
    is_loop: bool


def gather(
    features: Samples,
    envelope: Envelope,
    network: Samples | None,
    sounding_s: tuple[float, float],
) -> Heard:
    """Put together what was heard; without a network, onsets stand in for it.

    `features` went into the network, and `network` is what it says. `sounding_s` is when the sound
    sets in and when it ends.
    """
    onsets = onset_activation(envelope)
    beat, downbeat = onsets, np.zeros_like(onsets)
    if network is not None:
        beat, downbeat = network[:, :2].sum(axis=1, dtype=float), network[:, 1].astype(float)
    count = min(beat.size, onsets.size)
    beat, downbeat, onsets = beat[:count], downbeat[:count], onsets[:count]
    mixed = NETWORK_SHARE * beat + (1 - NETWORK_SHARE) * onsets
    starts, ends = (at_s * FRAMES_PER_S for at_s in sounding_s)
    low = gaussian_filter1d(at_frames(envelope.bands[0].astype(float))[:count], LOW_BLUR)
    again = recurrence(onsets), recurrence(low), recurrence(beat), recurrence(downbeat)
    return Heard(beat, downbeat, mixed, envelope, sum_spectra(features), *again, starts, ends)


def recurrence(onsets: Floats) -> Floats:
    """Return the autocorrelation of onset strength, corrected for fewer terms at longer lags."""
    centred = onsets - onsets.mean()
    size = next_fast_len(2 * centred.size, real=True)
    raw = irfft(np.abs(rfft(centred, size)) ** 2, size)[: centred.size]
    terms = np.maximum(centred.size - np.arange(centred.size), centred.size / 4)
    scaled: Floats = raw / terms * centred.size / max(raw[0], 1e-12)
    return scaled


def choose_level(heard: Heard, weights: Floats) -> Candidate | None:
    """Return the level that is most likely the one that people tap to; None if there is none.

    `weights`, shape (73,), are fitted by benchmarks/fit_levels.py to what a network says.

    Notes
    -----
    A conditional logit over the candidates, in the manner of G. Percival, G. Tzanetakis,
    "Streamlined tempo estimation based on autocorrelation and cross-correlation with pulses",
    IEEE/ACM TASLP 22(12), 2014, which lets a learned classifier correct the octave.
    """
    candidates = list_candidates(heard)
    return max(candidates, key=lambda one: float(one.evidence @ weights), default=None)


def list_candidates(heard: Heard) -> list[Candidate]:
    """Track the beats at every tempo that is worth it: on the beat, half a beat off, as a loop."""
    found = []
    for rank, bpm in enumerate(list_tempi(heard)):
        path = decode_beats(
            heard.mixed, FRAMES_PER_S, bpm * (1 - TEMPO_SLACK), bpm * (1 + TEMPO_SLACK)
        )
        if path.frames.size < FEWEST_BEATS:
            continue
        tracked = path.frames.astype(np.float64)
        ways = [(tracked, 0), (shifted(tracked, 0.5, heard.mixed.size), 1)]
        followed = float(np.diff(tracked).mean())
        ways += [(grid, 2) for grid in as_loop((followed, 60 * FRAMES_PER_S / bpm), heard)]
        for beats, way in ways:
            if beats.size >= FEWEST_BEATS:
                measured = 60 * FRAMES_PER_S / float(np.diff(beats).mean())
                apart = [float(rank == 0), float(way == 1), float(way == 2)]
                evidence = weigh(beats, measured, path.likelihood, heard, apart)
                found.append(Candidate(measured, beats, evidence, way == 2))
    return found


def as_loop(lengths: tuple[float, ...], heard: Heard) -> list[Floats]:
    """Return the rigid grids that a loop would have, if the sound lasts for whole bars of four.

    `lengths` are the beat's, in frames: as followed, and as looked for. In a short loop what is
    followed gains or loses half a beat by a few samples, and would hide what was looked for.
    """
    lasts = heard.ends - heard.starts
    counts = []
    for length in lengths:
        bars = round(lasts / length / 4)
        whole = abs(lasts / length - 4 * bars) <= LOOP_SLACK_BEATS * min(4, bars)
        if bars and whole and bars not in counts:
            counts.append(bars)
    return [heard.starts + np.arange(4 * bars) * lasts / (4 * bars) for bars in counts]


def shifted(beats: Floats, share: float, frames: int) -> Floats:
    """Move beats on by a share of their length, filling up at the start."""
    if not share:
        return beats
    lengths = np.diff(beats, append=2 * beats[-1] - beats[-2])
    moved = np.concatenate([[beats[0] - share * lengths[0]], beats + share * lengths])
    kept: Floats = moved[(moved >= 0) & (moved < frames)]
    return kept


def list_tempi(heard: Heard) -> Iterator[float]:
    """Yield tempi in BPM: of the freely tracked beats, of the strongest recurrences, relatives."""
    seen: list[float] = []
    roots = []
    for probability in (heard.beat, heard.mixed):
        free = decode_beats(probability, FRAMES_PER_S, SLOWEST_BPM, FASTEST_BPM).frames
        if free.size >= 3:
            roots.append(60 * FRAMES_PER_S / float(np.diff(free).mean()))
    relatives = [root * ratio for root in roots[:1] for ratio in RELATIVES]
    relatives += [root * ratio for root in roots[1:] for ratio in (1.0, 0.5, 2.0)]
    for bpm in relatives + recurring_tempi(heard.recurrence):
        new = all(abs(bpm / other - 1) > SAME_TEMPO for other in seen)
        if new and SLOWEST_BPM <= bpm <= FASTEST_BPM:
            seen.append(bpm)
            yield bpm


def recurring_tempi(strength: Floats) -> list[float]:
    """Return the tempi of the four strongest recurrences."""
    low, high = int(60 * FRAMES_PER_S / FASTEST_BPM), int(60 * FRAMES_PER_S / SLOWEST_BPM) + 2
    peaks, _ = find_peaks(strength[:high])
    peaks = peaks[peaks >= low]
    best = peaks[np.argsort(-strength[peaks])][:4]
    return [60 * FRAMES_PER_S / float(lag) for lag in best]


def weigh(beats: Floats, bpm: float, likelihood: float, heard: Heard, apart: list[float]) -> Floats:
    """Return what speaks for a level, shape (73,), each entry about -2..2.

    The last 21 are what recurs, the network's and the onsets' evidence once more, times how far the
    tempo is from the usual one: what speaks for a fast level need not speak for a slow one.
    Where the sound sets in counts by itself if that is the file's start: it may be cut anywhere.
    """
    pitch = float(np.log2(bpm / USUAL_BPM))
    lag = 60 * FRAMES_PER_S / bpm
    on_start = 1 - 2 * min(0.5, float(np.abs(beats - heard.starts).min()) / lag)
    heard_at_tempo = [
        *(recurs(heard.recurrence, lag * beats_on) for beats_on in (1, 2, 3, 4, 8, 0.5)),
        *network_evidence(beats, heard),
        *onset_evidence(beats, heard.envelope),
    ]
    return np.array(
        [
            FRAMES_PER_S * likelihood / 4,
            pitch,
            pitch**2,
            *apart,
            on_start,
            on_start * (heard.starts < AT_ONCE),
            *heard_at_tempo,
            *harmony_evidence(beats, heard.spectra),
            *(recurs(heard.low_recurrence, lag * beats_on) for beats_on in (0.5, 1, 2, 3, 4)),
            *(recurs(heard.downbeat_recurrence, lag * beats_on) for beats_on in (2, 3, 4, 6, 8)),
            *thirds(beats, heard.envelope),
            *(pitch * one for one in heard_at_tempo),
        ]
    )


def network_evidence(beats: Floats, heard: Heard) -> list[float]:
    """Say how the network's probabilities lie on the beats, between them, and over bars."""
    halves, on = (beats[:-1] + beats[1:]) / 2, near(heard.beat, beats, 2)
    first = near(heard.downbeat, beats, 2)
    bars = [[first[place::beats_in].mean() for place in range(beats_in)] for beats_in in (3, 4)]
    spread = [max(bar) - float(np.mean(bar)) for bar in bars]
    share = float(heard.beat[np.rint(beats).astype(int).clip(0, heard.beat.size - 1)].sum())
    covered = share / max(float(heard.beat.sum()), 1e-9)
    return [on.mean(), near(heard.beat, halves, 2).mean(), evenness(on), *spread, covered]


def onset_evidence(beats: Floats, envelope: Envelope) -> list[float]:
    """Say how onsets lie on the beats, between them, and on every other one."""
    struck = np.stack([near(band, beats * FINE, 12) for band in envelope.bands])
    level = max(float(struck.sum(axis=0).mean()), 1e-9)
    lengths = np.diff(beats)
    parts = [
        np.stack([near(band, (beats[:-1] + lengths * part) * FINE, 12) for band in envelope.bands])
        for part in (0.25, 0.5, 0.75)
    ]
    low, rest = (
        [part[0].mean() / level for part in parts],
        [part[1:].sum(axis=0).mean() / level for part in parts],
    )
    colour = np.log((struck[0] + 0.02 * level) / (struck[2] + 0.02 * level))
    return [
        struck[0].mean() / level,
        evenness(struck[0] + struck[1]),
        evenness(struck[2]),
        float(min(2.0, abs(colour[::2].mean() - colour[1::2].mean()))),
        min(2.0, low[1]),
        min(2.0, rest[1]),
        min(2.0, (low[0] + low[2]) / 2),
        min(2.0, (rest[0] + rest[2]) / 2),
        float(min(2.0, envelope.total.mean() / level)),
    ]


def thirds(beats: Floats, envelope: Envelope) -> list[float]:
    """Say how strong onsets are after a third and two thirds of a beat, against those on beats."""
    total, lengths = envelope.total, np.diff(beats)
    level = max(float(near(total, beats * FINE, 12).mean()), 1e-9)
    between = [near(total, (beats[:-1] + lengths * part) * FINE, 12) for part in (1 / 3, 2 / 3)]
    return [min(2.0, float(each.mean()) / level) for each in between]


def recurs(strength: Floats, lag: float) -> float:
    """Return how much recurs after about `lag` frames; 0 where the music is shorter."""
    reach = max(1, round(0.015 * lag))
    around = strength[max(0, round(lag) - reach) : round(lag) + reach + 1]
    return float(around.max()) if around.size and lag < 0.9 * strength.size else 0.0


def near(signal: NDArray[np.floating], places: Floats, reach: int) -> Floats:
    """Return the highest value of a signal within `reach` of each place."""
    window = np.arange(-reach, reach + 1)
    at = np.clip(np.rint(places).astype(int)[:, None] + window, 0, signal.size - 1)
    highest: Floats = signal[at].max(axis=1).astype(np.float64)
    return highest


def evenness(strength: Floats) -> float:
    """Compare every other value with those between: 1 when they are alike, 0 when one is nothing.

    Examples
    --------
    >>> evenness(np.array([1.0, 0.5, 1.0, 0.5]))
    0.5
    """
    one, other = float(strength[::2].mean()), float(strength[1::2].mean())
    return min(one, other) / max(one, other, 1e-9)
