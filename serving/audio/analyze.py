"""What a film needs to know of its music, from the samples alone."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy.signal import find_peaks

from serving.audio.beat_times import LATENESS_S
from serving.audio.beats import NO_BEATS, Beats, track_beats
from serving.audio.features import (
    ENVELOPE_PER_S,
    FRAMES_PER_S,
    RATE_HZ,
    BeatModel,
    Envelope,
    network_features,
    onset_envelope,
)
from serving.audio.loudness_meter import integrated_lufs, true_peak_dbtp
from serving.audio.metrical_level import near
from serving.audio.samples import (
    Floats,
    Samples,
    check_samples,
    remove_offset,
    resample,
    to_mono,
)
from serving.audio.sections import (
    CURVE_PER_S,
    MOST_UNITS,
    SHORTEST_UNITS,
    Moment,
    Section,
    energy_curve,
    find_sections,
    suggest_moments,
    to_unit,
)
from serving.audio.waveform import Peaks, waveform_peaks

VERSION = 7  # part of the key under which answers are kept
SILENT = 1e-4  # -80 dBFS
FAINT = 0.003  # of the peak, -50 dB: what is softer is the noise of a room or of a recorder
AUDIBLE = 0.01  # of the peak: where sound sets in and ends
# Less silence than this is none: a soft first note, or the last one's fading. Some codecs' delay is
# 21 ms and more, which is silence before a loop and no part of it.
FIRST_EDGE_S, LAST_EDGE_S = 0.02, 0.03
LEAD_S = 0.5  # how much silence before the sound is left for tracking beats
ONSET_GAP_S = 0.05
PEAKS = 1000
UNIT_S = 2.0  # what sections are made of where there is no beat
SHORT_S = 3.0  # about a bar
_NO_ENVELOPE = Envelope(np.zeros((3, 1), np.float32), np.zeros(1, np.float32))
GROUPS, FLOOR = 4, 1e-5  # bands, from low to high, and 50 dB under the loudest


@dataclass(frozen=True)
class Analysis:
    """What was found in a piece of music; times in seconds.

    Attributes
    ----------
    sound_starts_s, sound_ends_s : before and after which there is silence, or next to it
    tempo_bpm, beats_s, downbeats_s, beats_per_bar, clarity : see `Beats`
    onsets_s : every sound that sets in
    energy : loudness over time, 0..1, ten values a second
    sections, moments : how it goes, and where to cut
    lufs, true_peak_dbtp : None for silence, and loudness for less than 0.4 s
    notes : what a person should know of this answer
    """

    duration_s: float
    sound_starts_s: float
    sound_ends_s: float
    sample_rate_hz: int
    channels: int
    tempo_bpm: float | None
    beats_s: Floats
    downbeats_s: Floats
    beats_per_bar: int
    clarity: float
    onsets_s: Floats
    energy: Floats
    sections: tuple[Section, ...]
    moments: tuple[Moment, ...]
    peaks: Peaks
    lufs: float | None
    true_peak_dbtp: float | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers; times to a tenth of a millisecond."""
        plain = {
            name: [round(float(value), 4) for value in getattr(self, name)]
            for name in ("beats_s", "downbeats_s", "onsets_s", "energy")
        }
        rounded = {
            name: None if (value := getattr(self, name)) is None else round(float(value), 4)
            for name in (
                "duration_s",
                "sound_starts_s",
                "sound_ends_s",
                "tempo_bpm",
                "clarity",
                "lufs",
                "true_peak_dbtp",
            )
        }
        return {
            **rounded,
            **plain,
            "sample_rate_hz": self.sample_rate_hz,
            "channels": self.channels,
            "beats_per_bar": self.beats_per_bar,
            "energy_per_s": CURVE_PER_S,
            "sections": [asdict(section) for section in self.sections],
            "moments": [asdict(moment) for moment in self.moments],
            "peaks": self.peaks.to_json(),
            "notes": list(self.notes),
        }


def analyze(samples: Samples, sample_rate_hz: int, model: BeatModel | None = None) -> Analysis:
    """Find tempo, beats, bars, sections, loudness and peaks of a piece of music.

    Parameters
    ----------
    samples : float32, shape (frames,) or (frames, channels)
        Left unchanged.
    model : the beat network; without one no beats are looked for

    Raises
    ------
    BadInput
        When the sound is not finite float32, or its sample rate is none.

    Notes
    -----
    Silence, and sound without a beat, are answers: `tempo_bpm` is None and `notes` say why.
    """
    check_samples(samples, sample_rate_hz)
    samples = remove_offset(samples)
    mono = to_centred_mono(samples)
    peak = float(np.abs(mono).max(initial=0.0))
    duration = mono.size / sample_rate_hz
    sound = _listen(mono, sample_rate_hz, peak, model)
    sections = _sections(sound, duration)
    lufs = integrated_lufs(samples, sample_rate_hz)
    starts, ends = find_sound(mono, sample_rate_hz)
    return Analysis(
        duration_s=duration,
        sound_starts_s=starts,
        sound_ends_s=ends,
        sample_rate_hz=sample_rate_hz,
        channels=1 if samples.ndim == 1 else samples.shape[1],
        tempo_bpm=sound.beats.tempo_bpm,
        beats_s=sound.beats.beats_s,
        downbeats_s=sound.beats.downbeats_s,
        beats_per_bar=sound.beats.beats_per_bar,
        clarity=sound.beats.clarity,
        onsets_s=find_onsets(sound.envelope, duration),
        energy=to_unit(energy_curve(mono, sample_rate_hz)),
        sections=sections,
        moments=_moments(sound, sections),
        peaks=waveform_peaks(samples, PEAKS),
        lufs=lufs if np.isfinite(lufs) else None,
        true_peak_dbtp=true_peak_dbtp(samples) if peak >= SILENT else None,
        notes=_notes(peak < SILENT, duration, sound.beats, model is not None),
    )


@dataclass(frozen=True)
class _Sound:
    """What was heard: power in four bands, shape (frames, 4), at 50 frames a second, and beats."""

    powers: Floats
    envelope: Envelope
    beats: Beats


def _listen(mono: Samples, sample_rate_hz: int, peak: float, model: BeatModel | None) -> _Sound:
    """Hear the music at the rate and level that the network was taught on."""
    if peak < SILENT:
        return _Sound(np.zeros((1, GROUPS)), _NO_ENVELOPE, NO_BEATS)
    music = to_network_sound(mono, sample_rate_hz)
    features, envelope = network_features(music), onset_envelope(music)
    beats = _beats_of_sound(music, (features, envelope), model)
    powers = (10 ** features[:, : features.shape[1] // 2].astype(np.float64) - 1) ** 2
    groups = [group.mean(axis=1) for group in np.array_split(powers, GROUPS, axis=1)]
    return _Sound(np.stack(groups, axis=1), envelope, beats)


def to_centred_mono(samples: Samples) -> Samples:
    """Mix to one channel whose mean is nothing: a constant is no sound."""
    mono = to_mono(samples)
    centred: Samples = mono - (mono.mean() if mono.size else 0)
    return centred


def to_network_sound(mono: Samples, sample_rate_hz: int) -> Samples:
    """Bring sound to the rate and the level that the network was taught on."""
    music = resample(mono, sample_rate_hz, RATE_HZ)
    level: Samples = music / max(np.abs(music).max(), np.float32(SILENT))
    return level


def _beats_of_sound(
    music: Samples, whole: tuple[Samples, Envelope], model: BeatModel | None
) -> Beats:
    """Track beats as if there were little silence before and none after.

    `whole` is the features and the envelope of all of `music`, used where nothing is cut off.
    """
    sound, cut_s, sounding_s = trim_silence(music)
    if sound.size < music.size:
        whole = network_features(sound), onset_envelope(sound)
    beats = track_beats(*whole, sounding_s, model)
    return replace(beats, beats_s=beats.beats_s + cut_s, downbeats_s=beats.downbeats_s + cut_s)


def trim_silence(music: Samples) -> tuple[Samples, float, tuple[float, float]]:
    """Leave off silence: how long it lasts must not change the tempo.

    The first attack needs some before it, so that up to `LEAD_S` is left.

    Returns
    -------
    what is left, how many seconds of the start are not in it, and when sound sets in and ends in it
    """
    starts, ends = find_sounding(music)
    cut = round(max(0.0, starts - LEAD_S) * RATE_HZ)
    sound = music[cut : round(ends * RATE_HZ)]
    return sound, cut / RATE_HZ, (starts - cut / RATE_HZ, ends - cut / RATE_HZ)


def find_sound(mono: Samples, sample_rate_hz: int) -> tuple[float, float]:
    """Return when sound begins and when it ends, in seconds; (0, 0) for silence."""
    level = np.abs(mono)
    loud = np.flatnonzero(level > max(FAINT * float(level.max(initial=0.0)), SILENT))
    if not loud.size:
        return 0.0, 0.0
    return int(loud[0]) / sample_rate_hz, (int(loud[-1]) + 1) / sample_rate_hz


def find_sounding(music: Samples) -> tuple[float, float]:
    """Return when sound sets in and when it ends, in seconds, at `RATE_HZ` and a peak of 1.

    Each end is judged by itself: silence before a loop must not shorten its last note.
    """
    loud = np.flatnonzero(np.abs(music) > AUDIBLE)
    first, end = int(loud[0]), int(loud[-1]) + 1
    first = 0 if first < FIRST_EDGE_S * RATE_HZ else first
    end = music.size if music.size - end < LAST_EDGE_S * RATE_HZ else end
    return first / RATE_HZ, end / RATE_HZ


def _sections(sound: _Sound, duration_s: float) -> tuple[Section, ...]:
    """Part the music at bars, at every fourth beat, or every two seconds, as far as is known."""
    beats = sound.beats
    starts = beats.downbeats_s if beats.downbeats_s.size else beats.beats_s[::4]
    if starts.size < SHORTEST_UNITS:
        starts = np.arange(0, max(duration_s, 1e-3), UNIT_S)
    starts = starts[:: -(-starts.size // MOST_UNITS)]
    frames = np.unique((starts * FRAMES_PER_S).astype(int).clip(0, len(sound.powers) - 1))
    frames[0] = 0
    sums = np.add.reduceat(sound.powers, frames, axis=0)
    means = sums / np.diff(np.append(frames, len(sound.powers)))[:, None]
    floor = max(float(means.max()), 1e-12) * FLOOR
    levels_db = 10 * np.log10(np.maximum(means, floor))
    return tuple(find_sections(levels_db, frames / FRAMES_PER_S, duration_s))


def _moments(sound: _Sound, sections: Sequence[Section]) -> tuple[Moment, ...]:
    """Suggest section borders and the strongest bars, or beats where there are no bars."""
    beats = sound.beats
    accents = beats.downbeats_s if beats.downbeats_s.size else beats.beats_s
    strengths = near(sound.envelope.total, accents * ENVELOPE_PER_S, 10)
    loudest = max(float(strengths.max(initial=0.0)), 1e-9)
    return tuple(suggest_moments(sections, accents, strengths / loudest))


def find_onsets(envelope: Envelope, duration_s: float) -> Floats:
    """Return the times at which sounds set in, at least 50 ms apart."""
    strength = envelope.total
    rise = max(0.1 * float(np.percentile(strength, 99)), 0.02)
    peaks, _ = find_peaks(strength, prominence=rise, distance=round(ONSET_GAP_S * ENVELOPE_PER_S))
    times: Floats = peaks / ENVELOPE_PER_S + LATENESS_S
    return times[times < duration_s]


def _notes(silent: bool, duration_s: float, beats: Beats, looked: bool) -> tuple[str, ...]:
    """Say what is missing from the answer, and why."""
    if silent:
        return ("the sound is silent",)
    if not looked:
        return ("no model that hears beats was there",)
    if beats.tempo_bpm is None:
        short = duration_s < SHORT_S
        return ("too short for a tempo" if short else "no steady beat was found",)
    return () if beats.downbeats_s.size else ("bars were not found",)
