"""Samples as the network reads them: measured features, targets, and which of them count."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TypeVar

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.image import decode
from serving.photos.quality.compression import header_severity
from serving.photos.quality.features import feature_names, measure_features
from serving.photos.quality.light import measure_light
from serving.photos.quality.parts import CAUSES
from serving.photos.quality.views import make_views
from training.data.objects import read_photo
from training.photo_quality.samples import Sample, draw, draw_light

Floats = NDArray[np.float32]
Work = TypeVar("Work")
LIGHT_FROM = feature_names().index("luma_p0.5")
MAX_PIXELS = 100_000_000
_LARGE_SHARE = 0.45  # of the samples from photos of large sources, however few they are
_LARGE_BYTES = 80_000  # a file from which a photo counts as large


@dataclass(frozen=True)
class Measurements:
    """Rows of samples.

    Attributes
    ----------
    features : float32 (n, features)
    targets : float32 (n, causes)
    whole : bool (n,); False where only light was measured, and the other features are zeros
    """

    features: Floats
    targets: Floats
    whole: NDArray[np.bool_]


def measure_samples(uris: Sequence[str], count: int, seed: int, workers: int) -> Measurements:
    """Draw `count` samples of these photos and measure them whole; the same for the same seed.

    Small files are the rule in the data and the exception in use: nearly half of the samples are
    of large ones, where there are any.
    """
    rng = np.random.default_rng(seed)
    files = pd.Series({uri: len(read_photo(uri)) for uri in uris})
    large, small = (
        list(files.index[mask]) for mask in (files >= _LARGE_BYTES, files < _LARGE_BYTES)
    )
    chosen = [
        str(rng.choice((large if rng.random() < _LARGE_SHARE else small) or list(files.index)))
        for _ in range(count)
    ]
    rows = _in_processes(_measure_one, [(seed + n, uri) for n, uri in enumerate(chosen)], workers)
    return _stack([row for part in rows for row in part], whole=True)


def measure_light_samples(
    uris: Sequence[str], per_photo: int, seed: int, workers: int
) -> Measurements:
    """Draw samples of every photo and measure their light alone."""
    work = [(seed + n, uri, per_photo) for n, uri in enumerate(uris)]
    rows = _in_processes(_measure_lights, work, workers)
    return _stack([row for part in rows for row in part], whole=False)


def join(one: Measurements, other: Measurements) -> Measurements:
    """Return the rows of both."""
    return Measurements(
        np.concatenate([one.features, other.features]),
        np.concatenate([one.targets, other.targets]),
        np.concatenate([one.whole, other.whole]),
    )


_Row = tuple[Floats, list[float]]


def _measure_one(work: tuple[int, str]) -> list[_Row]:
    seed, uri = work
    rng = np.random.default_rng(seed)
    data = read_photo(uri)
    sample = draw(decode(data, MAX_PIXELS), header_severity(data), rng)
    features = measure_features(sample.photo, make_views(sample.photo))
    return [(np.fromiter(features.values(), np.float32), sample.values())]


def _measure_lights(work: tuple[int, str, int]) -> list[_Row]:
    seed, uri, count = work
    rng = np.random.default_rng(seed)
    photo = decode(read_photo(uri), MAX_PIXELS, min_side=224)
    return [_light_row(draw_light(photo, rng)) for _ in range(count)]


def _light_row(sample: Sample) -> _Row:
    row = np.zeros(len(feature_names()), np.float32)
    row[LIGHT_FROM:] = list(measure_light(make_views(sample.photo).overview).values())
    return row, sample.values()


def _in_processes(
    measure: Callable[[Work], list[_Row]], work: Sequence[Work], workers: int
) -> list[list[_Row]]:
    """Spawned, because OpenCV's threads do not survive a fork."""
    if workers < 2:
        return [measure(item) for item in work]
    with ProcessPoolExecutor(workers, get_context("spawn"), _one_thread) as pool:
        return list(pool.map(measure, work, chunksize=16))


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _stack(rows: list[_Row], whole: bool) -> Measurements:
    features = np.array([row for row, _ in rows], np.float32).reshape(-1, len(feature_names()))
    targets = np.array([row for _, row in rows], np.float32).reshape(-1, len(CAUSES))
    return Measurements(features, targets, np.full(len(rows), whole))
