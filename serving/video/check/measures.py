"""Figures of finished frames and sound beside those planned: cheap enough for every film."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, zip_longest

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput

Floats = NDArray[np.float64]
Luma = NDArray[np.uint8]

BLACK = 18  # luma: 16 is black in video range; encoders are off by one or two
_BLUR = (5, 5)
_FULL_SCALE, _CLIPPED_RUN = 0.999, 3
_QUIETEST_DB = -120.0


@dataclass(frozen=True, eq=False)
class FrameFigures:
    """A film's frames beside those that were planned; shape (frames,), of the frames both have.

    Changes and errors are means over the picture of absolute differences of luma.

    Parameters
    ----------
    lag : frames
    seen, planned : how many frames there are
    dark, planned_dark : share of black pixels, 0..1
    contrast, planned_contrast : standard deviation of the luma
    error : of each frame against the planned one, both blurred: fine patterns, and the edges of
        what a transition moves, are not quite the same in a picture that is drawn smaller
    change, planned_change : from the frame before; 0 for the first
    drift, planned_drift : from the frame `lag` frames before; 0 for the first ones
    """

    lag: int
    seen: int
    planned: int
    dark: Floats
    planned_dark: Floats
    contrast: Floats
    planned_contrast: Floats
    error: Floats
    change: Floats
    planned_change: Floats
    drift: Floats
    planned_drift: Floats


def measure_frames(seen: Iterable[Luma], planned: Iterable[Luma], lag: int = 15) -> FrameFigures:
    """Measure frames as they come; `lag` small ones are kept, whatever the film's length.

    Parameters
    ----------
    seen : uint8 luma planes, shape (height, width), video range 16..235, all of one size
    planned : the same, smaller: a frame is brought to their size before it is looked at
    lag : half a second of frames is enough for a slow camera to move and short against a clip
    """
    rows: list[tuple[float, ...]] = []
    seen_before, planned_before = _Before(lag), _Before(lag)
    frames = wanted = 0
    for frame, plan in zip_longest(seen, planned):
        frames, wanted = frames + (frame is not None), wanted + (plan is not None)
        if frame is None or plan is None:
            continue
        small = _shrink(frame, plan)
        dark = [float((luma <= BLACK).mean()) for luma in (small, plan)]
        before = zip(seen_before.compare(small), planned_before.compare(plan), strict=True)
        error = _difference(cv2.blur(small, _BLUR), cv2.blur(plan, _BLUR))
        contrast = [float(luma.std()) for luma in (small, plan)]
        rows.append((*dark, *contrast, error, *chain(*before)))
    columns = np.array(rows, np.float64).reshape(-1, 9).T
    return FrameFigures(lag, frames, wanted, *columns)


class _Before:
    """The last few frames."""

    def __init__(self, lag: int) -> None:
        self._kept: deque[Luma] = deque(maxlen=lag)

    def compare(self, frame: Luma) -> tuple[float, float]:
        """Return the change from the last frame and from the oldest kept, and keep this one."""
        kept = self._kept
        change = _difference(frame, kept[-1]) if kept else 0.0
        drift = _difference(frame, kept[0]) if len(kept) == kept.maxlen else 0.0
        kept.append(frame)
        return change, drift


def _shrink(frame: Luma, plan: Luma) -> Luma:
    if any(side.ndim != 2 or side.dtype != np.uint8 or not side.size for side in (frame, plan)):
        raise BadInput(f"expected uint8 luma planes, got {frame.dtype} of {frame.shape}")
    size = (plan.shape[1], plan.shape[0])
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def _difference(one: cv2.typing.MatLike, other: cv2.typing.MatLike) -> float:
    return float(cv2.norm(one, other, cv2.NORM_L1)) / one.size


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
