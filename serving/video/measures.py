"""Figures of finished frames and sound, by which a film is checked: cheap enough for every film."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.video.film import BACKDROP, Clip, Film
from serving.video.motion import Size, plan_windows

Floats = NDArray[np.float64]
Luma = NDArray[np.uint8]

SAMPLED = 4  # one pixel of 4 x 4: 130,000 of a 1080p frame say as much, at a tenth of the cost
BLACK = 18  # luma: 16 is black in video range; encoders are off by one or two
_FULL_SCALE, _CLIPPED_RUN = 0.999, 3
_QUIETEST_DB = -120.0


@dataclass(frozen=True, eq=False)
class FrameFigures:
    """One value per frame, shape (frames,); two for `detail`.

    Parameters
    ----------
    dark : share of black pixels, 0..1
    difference : mean absolute change of luma from the frame before; 0 for the first
    drift : the same from the frame `lag` frames before; 0 for the first ones
    detail : shape (frames, 2), mean change of luma to the next pixel, at the right and below: what
        a shift by one pixel changes
    lag : frames
    """

    dark: Floats
    difference: Floats
    drift: Floats
    detail: Floats
    lag: int

    def cut(self, frames: int) -> "FrameFigures":
        """Return the figures of the first `frames` only."""
        return FrameFigures(
            self.dark[:frames],
            self.difference[:frames],
            self.drift[:frames],
            self.detail[:frames],
            self.lag,
        )


def measure_frames(frames: Iterable[Luma], lag: int = 15) -> FrameFigures:
    """Measure frames as they come; samples of `lag` frames are kept, whatever the film's length.

    Parameters
    ----------
    frames : uint8 luma planes, shape (height, width), video range 16..235, all of one size
    lag : half a second of frames is enough for a slow camera to move and short against a clip
    """
    rows = []
    before: deque[Luma] = deque(maxlen=lag)
    for frame in frames:
        if frame.ndim != 2 or frame.dtype != np.uint8 or min(frame.shape) < 2 * SAMPLED:
            raise BadInput(f"expected a uint8 luma plane, got {frame.dtype} of {frame.shape}")
        here = np.ascontiguousarray(frame[:-1:SAMPLED, :-1:SAMPLED])
        right = np.ascontiguousarray(frame[:-1:SAMPLED, 1::SAMPLED])
        below = np.ascontiguousarray(frame[1::SAMPLED, :-1:SAMPLED])
        difference = _change(here, before[-1]) if before else 0.0
        drift = _change(here, before[0]) if len(before) == lag else 0.0
        dark = float((here <= BLACK).mean())
        rows.append((dark, difference, drift, _change(here, right), _change(here, below)))
        before.append(here)
    table = np.array(rows, np.float64).reshape(-1, 5)
    return FrameFigures(table[:, 0], table[:, 1], table[:, 2], table[:, 3:], lag)


def _change(one: Luma, other: Luma) -> float:
    return float(cv2.norm(one, other, cv2.NORM_L1)) / one.size


def expect_motion(film: Film, sizes: Mapping[str, Size]) -> Floats:
    """Say how far each frame's picture should have moved since the frame before.

    Parameters
    ----------
    film : the plan
    sizes : (width, height) of the photos by name; those missing count as the frame's size

    Returns
    -------
    float, shape (frames, 2)
        Pixels of the film's frame sideways and up or down, mean over the picture; within a
        transition the faster clip's.
    """
    moved = np.zeros((film.frames, 2))
    frame = (film.width, film.height)
    for clip, start in zip(film.clips, film.starts, strict=True):
        size = frame if clip.fit == BACKDROP else sizes.get(clip.photo, frame)
        steps = _steps(clip, size, frame)
        span = slice(start + 1, start + 1 + len(steps))
        moved[span] = np.maximum(moved[span], steps)
    return moved


def _steps(clip: Clip, photo: Size, frame: Size) -> Floats:
    windows = plan_windows(clip.motion, clip.frames, photo, frame)
    grid = np.array([(x, y) for x in (0.15, 0.5, 0.85) for y in (0.15, 0.5, 0.85)])
    shift = np.diff(windows, axis=0)[:, None]
    moved = (shift[..., :2] + grid * shift[..., 2:]) / windows[1:, None, 2:] * np.array(frame)
    steps: Floats = np.abs(moved).mean(axis=1)
    return steps


@dataclass(frozen=True, eq=False)
class SoundFigures:
    """Levels of a track in windows, shape (windows,).

    Parameters
    ----------
    seconds : length of the track
    window_s : length of a window
    rms_db : in dBFS, of the loudest channel; -120 for digital silence
    clipped : number of runs of at least 3 samples at full scale
    """

    seconds: float
    window_s: float
    rms_db: Floats
    clipped: NDArray[np.int64]


def measure_sound(
    samples: NDArray[np.float32], rate_hz: int, window_s: float = 0.1
) -> SoundFigures:
    """Measure a decoded track.

    Parameters
    ----------
    samples : shape (samples, channels), full scale is 1
    rate_hz : samples per second
    window_s : at least one sample
    """
    if samples.ndim != 2 or rate_hz <= 0:
        raise BadInput(f"expected samples of shape (n, channels), got {samples.shape}")
    length = max(1, round(window_s * rate_hz))
    windows = -(-len(samples) // length)
    padded = np.zeros((windows * length, samples.shape[1]))
    padded[: len(samples)] = samples
    power = (padded.reshape(windows, length, -1) ** 2).mean(axis=1).max(axis=1, initial=0.0)
    rms_db = 10 * np.log10(np.maximum(power, 10 ** (_QUIETEST_DB / 10)))
    clipped = np.bincount(_clipped_runs(samples) // length, minlength=windows)
    return SoundFigures(len(samples) / rate_hz, length / rate_hz, rms_db, clipped[:windows])


def _clipped_runs(samples: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the first sample of every run at full scale, over all channels."""
    starts: list[NDArray[np.int64]] = []
    for channel in samples.T:
        full = np.concatenate([[False], np.abs(channel) >= _FULL_SCALE, [False]])
        edges = np.flatnonzero(np.diff(full))
        first, end = edges[::2], edges[1::2]
        starts.append(first[end - first >= _CLIPPED_RUN].astype(np.int64))
    return np.concatenate(starts) if starts else np.zeros(0, np.int64)
