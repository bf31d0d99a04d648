"""Figures of finished frames and sound, by which a film is checked: cheap enough for every film."""

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
    """One value per frame, shape (frames,).

    Parameters
    ----------
    mean : luma, 0..255
    dark : share of black pixels, 0..1
    difference : mean absolute change of luma from the frame before; 0 for the first
    detail : mean change of luma to the next pixel, right and below: what a shift by one pixel costs
    """

    mean: Floats
    dark: Floats
    difference: Floats
    detail: Floats


def measure_frames(frames: Iterable[Luma]) -> FrameFigures:
    """Measure frames as they come; only one is kept.

    Parameters
    ----------
    frames : uint8 luma planes, shape (height, width), video range 16..235, all of one size
    """
    rows, before = [], None
    for frame in frames:
        if frame.ndim != 2 or frame.dtype != np.uint8 or min(frame.shape) < 2 * SAMPLED:
            raise BadInput(f"expected a uint8 luma plane, got {frame.dtype} of {frame.shape}")
        here = np.ascontiguousarray(frame[:-1:SAMPLED, :-1:SAMPLED])
        right = np.ascontiguousarray(frame[:-1:SAMPLED, 1::SAMPLED])
        below = np.ascontiguousarray(frame[1::SAMPLED, :-1:SAMPLED])
        detail = (_change(here, right) + _change(here, below)) / 2
        change = 0.0 if before is None else _change(here, before)
        rows.append((here.mean(), (here <= BLACK).mean(), change, detail))
        before = here
    columns = np.array(rows, np.float64).reshape(-1, 4).T
    return FrameFigures(*columns)


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
    float, shape (frames,)
        Pixels of the film's frame, mean over the picture; within a transition the faster clip's.
    """
    moved = np.zeros(film.frames)
    frame = (film.width, film.height)
    for clip, start in zip(film.clips, film.starts, strict=True):
        size = frame if clip.fit == BACKDROP else sizes.get(clip.photo, frame)
        steps = _steps(clip, size, frame)
        span = slice(start + 1, start + 1 + steps.size)
        moved[span] = np.maximum(moved[span], steps)
    return moved


def _steps(clip: Clip, photo: Size, frame: Size) -> Floats:
    windows = plan_windows(clip.motion, clip.frames, photo, frame)
    grid = np.array([(x, y) for x in (0.15, 0.5, 0.85) for y in (0.15, 0.5, 0.85)])
    shift = np.diff(windows, axis=0)[:, None]
    moved = (shift[..., :2] + grid * shift[..., 2:]) / windows[1:, None, 2:] * np.array(frame)
    steps: Floats = np.hypot(moved[..., 0], moved[..., 1]).mean(axis=1)
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
