"""Music cut to a film: trimmed and looped at bar lines, faded, ducked under a voice, mixed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import uniform_filter1d

from serving.audio.limiter import follow
from serving.audio.samples import Floats, Samples, to_channels, to_mono
from serving.errors import BadInput

CROSSFADE_S = 0.03
FEWEST_LOOP_S = 0.25
VOICE_FLOOR_DB = -40.0  # below a voice's own peak: breath and room
DUCK_AHEAD_S, DUCK_RELEASE_DB_PER_S, VOICE_WINDOW_S = 0.08, 24.0, 0.03
ENVELOPE_PER_S = 200


@dataclass(frozen=True)
class Piece:
    """A stretch of the source that is played, in frames, and where in the result it begins."""

    start: int
    stop: int
    at: int


def plan_pieces(frames: int, length: int, bars: Sequence[int]) -> list[Piece]:
    """Say what is played so that exactly `length` frames come out.

    Parameters
    ----------
    frames : of the source
    length : wanted
    bars : frames at which bars begin, rising; the music is looped from the last to the first of
        them. With fewer than two, all of it is looped.

    Examples
    --------
    >>> plan_pieces(100, 150, [10, 50, 90])
    [Piece(start=0, stop=90, at=0), Piece(start=10, stop=70, at=90)]
    """
    if length <= frames:
        return [Piece(0, length, 0)]
    inside = [bar for bar in bars if 0 <= bar <= frames]
    first, last = (inside[0], inside[-1]) if len(inside) > 1 else (0, frames)
    if last - first < 1:
        raise BadInput("the music is too short to be looped")
    pieces = [Piece(0, last, 0)]
    while (at := pieces[-1].at + pieces[-1].stop - pieces[-1].start) < length:
        pieces.append(Piece(first, min(last, first + length - at), at))
    return pieces


def fit_length(
    samples: Samples,
    sample_rate_hz: int,
    length: int,
    bars_s: Floats,
    crossfade_s: float = CROSSFADE_S,
) -> Samples:
    """Trim the music, or loop it at bar lines, to exactly `length` frames.

    Parameters
    ----------
    samples : float32, shape (frames,) or (frames, channels)
        Left unchanged.
    bars_s : float64, shape (bars,)
        Where bars begin (or, where bars are not known, every fourth beat).
    crossfade_s : around each seam; equal in power, so that loudness stays

    Raises
    ------
    BadInput
        When there is less than a quarter second of music to loop.
    """
    if length > len(samples) and len(samples) < FEWEST_LOOP_S * sample_rate_hz:
        raise BadInput("there is less than a quarter second of music: too short to be looped")
    bars = [round(float(at_s) * sample_rate_hz) for at_s in bars_s]
    pieces = plan_pieces(len(samples), length, bars)
    fitted = np.concatenate([samples[piece.start : piece.stop] for piece in pieces])
    for before, after in pairwise(pieces):
        _crossfade(fitted, samples, before, after, round(crossfade_s * sample_rate_hz))
    return fitted


def _crossfade(fitted: Samples, source: Samples, before: Piece, after: Piece, wanted: int) -> None:
    """Blend over a seam of `fitted`, half before and half after, as far as the source reaches."""
    half = min(
        wanted // 2, len(source) - before.stop, after.start, after.stop - after.start,
        before.stop - before.start,
    )  # fmt: skip
    ahead = 0
    if half < wanted // 2:  # no music past the end: fade while the next piece already plays
        half, ahead = 0, min(wanted, before.stop - before.start, after.start)
    span = 2 * half or ahead
    if span < 2:
        return
    lead = half or ahead  # frames of the blend before the seam
    out = source[before.stop - lead : before.stop - lead + span]
    into = source[after.start - lead : after.start - lead + span]
    angle = (np.arange(span, dtype=np.float32) + 0.5) / span * np.float32(np.pi / 2)
    shape = (-1,) + (1,) * (source.ndim - 1)
    blend = out * np.cos(angle).reshape(shape) + into * np.sin(angle).reshape(shape)
    fitted[after.at - lead : after.at - lead + span] = blend


def move_times(times_s: Floats, pieces: Sequence[Piece], sample_rate_hz: int) -> Floats:
    """Return where times of the source (its beats) fall in the result, rising."""
    moved = []
    for piece in pieces:
        start, stop = piece.start / sample_rate_hz, piece.stop / sample_rate_hz
        kept = times_s[(times_s >= start) & (times_s < stop)]
        moved.append(kept - start + piece.at / sample_rate_hz)
    joined: Floats = np.concatenate(moved)
    return joined


def fade(samples: Samples, sample_rate_hz: int, in_s: float, out_s: float) -> Samples:
    """Fade in and out along a quarter cosine; a fade longer than the sound is shortened.

    Examples
    --------
    >>> [round(float(value), 2) for value in fade(np.ones(4, np.float32), 1, 0, 4)]
    [1.0, 0.87, 0.5, 0.0]
    """
    gain = np.ones(len(samples), np.float32)
    for seconds, order in ((in_s, 1), (out_s, -1)):
        count = min(len(samples), round(seconds * sample_rate_hz))
        if count > 1:
            ramp = np.sin(np.linspace(0, np.pi / 2, count, dtype=np.float32))
            gain[::order][:count] *= ramp
    faded: Samples = samples * gain.reshape((-1,) + (1,) * (samples.ndim - 1))
    return faded


def duck(music: Samples, voice: Samples, sample_rate_hz: int, depth_db: float = 12.0) -> Samples:
    """Turn music down by `depth_db` where a voice speaks, a little before it, and back after it.

    Parameters
    ----------
    music, voice : float32, shape (frames,) or (frames, channels)
        At the same rate; left unchanged. Past the voice's end nothing speaks.
    """
    step = max(1, sample_rate_hz // ENVELOPE_PER_S)
    power = to_mono(voice).astype(np.float64)[: len(music)] ** 2
    if not power.size or not power.max() > 0:
        return music
    smooth = uniform_filter1d(power, max(1, round(VOICE_WINDOW_S * sample_rate_hz)))[::step]
    level_db = 10 * np.log10(np.maximum(smooth, 1e-20) / smooth.max())
    wanted = np.zeros(-(-len(music) // step))
    wanted[: level_db.size] = np.where(level_db > VOICE_FLOOR_DB, depth_db, 0.0)
    curve = follow(wanted, sample_rate_hz // step, DUCK_AHEAD_S, DUCK_RELEASE_DB_PER_S)
    fine = np.interp(np.arange(len(music)), np.arange(curve.size) * step, curve)
    gain = (10 ** (-fine / 20)).astype(np.float32)
    ducked: Samples = music * gain.reshape((-1,) + (1,) * (music.ndim - 1))
    return ducked


@dataclass(frozen=True)
class Track:
    """A sound in a mix: its level, and when it begins."""

    samples: Samples
    gain_db: float = 0.0
    at_s: float = 0.0


def mix(tracks: Sequence[Track], sample_rate_hz: int, length: int, channels: int = 2) -> Samples:
    """Add tracks up to exactly `length` frames, shape (length, channels); nothing is clipped.

    Examples
    --------
    >>> one = Track(np.ones(3, np.float32)); two = Track(np.ones(1, np.float32), at_s=1.0)
    >>> mix([one, two], 1, 4, 1).ravel().tolist()
    [1.0, 2.0, 1.0, 0.0]
    """
    total = np.zeros((length, channels), np.float32)
    for track in tracks:
        wide = to_channels(track.samples, channels)
        start = round(track.at_s * sample_rate_hz)
        if start < 0:
            raise BadInput("a track cannot begin before the film")
        kept = wide[: max(0, length - start)]
        total[start : start + len(kept)] += kept * np.float32(10 ** (track.gain_db / 20))
    return total
