"""How an upscaler is judged: by photos made half as large, beside the kernels that cost nothing."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from serving.card import Picture
from serving.image import Image, PhotoFile
from serving.models.upscaling import HeldUpscaler
from serving.perception.upscale import UPSCALER, upscale
from training.candidate import Candidate, Report, Uncalibrated
from training.loop.fidelity import psnr, ssim
from training.loop.held import hold
from training.loop.intervals import bootstrap, flatten
from training.loop.loaders import read_image, read_source
from training.recipe import Dataset, Rows
from training.upscaler.config import UpscalerConfig
from training.upscaler.network import SCALE
from training.upscaler.outside import CONTRACTS
from training.upscaler.samples import LARGE_PX, Way, shrink

_JUDGED = 60  # photos, the large ones first
_MOST_SIDE = 512  # px of a large photo that are looked at, its middle
_ON_CARD = ("test/psnr", "test/ssim", "test/gain", "test/cpu_ms_per_megapixel")
# how a photo was made half as large, and at which quality it was compressed then
TRIALS: Mapping[str, tuple[Way, int | None]] = {
    "area": ("area", None),
    "bicubic": ("bicubic", None),
    "jpeg90": ("area", 90),
    "jpeg75": ("bicubic", 75),
}
Enlarge = Callable[[Image], Image]


def by_kernel(how: int) -> Enlarge:
    """Return what OpenCV does with one of its kernels."""

    def enlarge(small: Image) -> Image:
        return np.asarray(cv2.resize(small, None, fx=SCALE, fy=SCALE, interpolation=how), np.uint8)

    return enlarge


KERNELS: Mapping[str, Enlarge] = {
    "bicubic": by_kernel(cv2.INTER_CUBIC),
    "lanczos": by_kernel(cv2.INTER_LANCZOS4),
}


@dataclass(frozen=True)
class Trial:
    """What became of one photo in one way.

    Attributes
    ----------
    place : of the photo's row
    way : a name of TRIALS
    psnr, ssim : of each enlarged picture against the photo, by who enlarged it
    cpu_s, pixels : of the judged one: what it took for how many pixels
    """

    place: int
    way: str
    psnr: Mapping[str, float]
    ssim: Mapping[str, float]
    cpu_s: float
    pixels: int

    @property
    def gain(self) -> float:
        """By how many dB it is better than the best kernel."""
        return self.psnr["model"] - max(self.psnr[name] for name in KERNELS)


class UpscalerEvaluation:
    """The steps of `training.recipe.Evaluation`."""

    def calibrate(self, exported: Uncalibrated, rows: Rows) -> Candidate:
        """State the scale and the reach on the card."""
        scale, reach = _contract_of(exported)
        card = exported.card(UPSCALER.name, Picture(scale=scale), {"reach": float(reach)})
        candidate = Candidate(exported.model, card, float("nan"))
        scores = self.score(candidate, rows.validation, rows.dataset)
        return Candidate(exported.model, card, float(np.nanmean(scores)))

    def score(
        self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset
    ) -> NDArray[np.float64]:
        """Return for the photos that are judged the mean PSNR of all ways, in dB; else NaN."""
        del dataset
        return _scores(rows, list(try_rows(candidate, rows)))

    def source(self, row: Mapping[str, Any]) -> PhotoFile:
        """Return the row's photo."""
        return read_source(row)

    def evaluate(self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset) -> Report:
        """Measure on photos that nothing was learned from."""
        del dataset
        trials = list(try_rows(candidate, rows))
        scores = _scores(rows, trials)
        figures = figures_of(trials, rows["source"].to_numpy(str))
        judged = scores[np.isfinite(scores)]
        figures |= flatten(
            {"test/psnr": bootstrap(lambda some: float(judged[some].mean()), len(judged))}
        )
        table = rows[["uri", "label", "source"]].assign(psnr=scores)
        least = table[table["psnr"].notna()].sort_values("psnr", kind="stable").head(50)
        return Report(figures, scores, mistakes=least, on_card=_ON_CARD)


def figures_of(trials: list[Trial], sources: NDArray[np.str_]) -> dict[str, float]:
    """Return what all trials together say, each way of shrinking, and each source."""
    gains = np.array([trial.gain for trial in trials])
    figures = flatten({"test/gain": bootstrap(lambda some: float(gains[some].mean()), len(gains))})
    for name in KERNELS:
        figures[f"test/{name}_psnr"] = float(np.mean([trial.psnr[name] for trial in trials]))
        figures[f"test/{name}_ssim"] = float(np.mean([trial.ssim[name] for trial in trials]))
    figures["test/ssim"] = float(np.mean([trial.ssim["model"] for trial in trials]))
    figures["test/worst_gain"] = float(gains.min())
    for way in TRIALS:
        some = gains[[trial.way == way for trial in trials]]
        figures[f"slice/way/{way}/gain"] = float(some.mean())
    of_trial = np.array([sources[trial.place] for trial in trials])
    for source in sorted(set(of_trial)):
        figures[f"slice/source/{source}/gain"] = float(gains[of_trial == source].mean())
    cpu_s, pixels = (sum(getattr(trial, name) for trial in trials) for name in ("cpu_s", "pixels"))
    figures["test/cpu_ms_per_megapixel"] = 1e9 * cpu_s / pixels
    return figures


def try_rows(candidate: Candidate, rows: pd.DataFrame) -> Iterator[Trial]:
    """Shrink the photos that are judged in every way, and enlarge them as serving does."""
    model = HeldUpscaler(hold(candidate))

    def enlarge(small: Image) -> Image:
        return upscale(small, 2, model)

    for place in tqdm(judged_rows(rows), "upscale", leave=False, unit="photo"):
        photo = middle(read_image(rows["uri"].iloc[place]))
        for way, (kernel, quality) in TRIALS.items():
            yield try_photo(int(place), way, photo, shrink(photo, kernel, quality), enlarge)


def try_photo(place: int, way: str, photo: Image, small: Image, enlarge: Enlarge) -> Trial:
    """Return how near to a photo each comes by enlarging what was shrunk."""
    started = time.process_time()
    made = {"model": enlarge(small)}
    cpu_s = time.process_time() - started
    made |= {name: kernel(small) for name, kernel in KERNELS.items()}
    return Trial(
        place,
        way,
        {name: psnr(picture, photo) for name, picture in made.items()},
        {name: ssim(picture, photo) for name, picture in made.items()},
        cpu_s,
        small.shape[0] * small.shape[1],
    )


def judged_rows(rows: pd.DataFrame, count: int = _JUDGED) -> NDArray[np.intp]:
    """Return places of the rows that are judged, the same for the same photos: large ones first."""
    small = (rows["width"] * rows["height"]).to_numpy(float) < LARGE_PX
    order = np.lexsort((rows["sha256"].to_numpy(str), small))
    return np.sort(order[:count])


def middle(photo: Image, most: int = _MOST_SIDE) -> Image:
    """Return the middle of a photo, of even sides no longer than `most` px."""
    height, width = (min(most, side) // SCALE * SCALE for side in photo.shape[:2])
    top, left = (photo.shape[0] - height) // 2, (photo.shape[1] - width) // 2
    return np.ascontiguousarray(photo[top : top + height, left : left + width])


def _scores(rows: pd.DataFrame, trials: list[Trial]) -> NDArray[np.float64]:
    scores = np.full(len(rows), np.nan)
    for place in {trial.place for trial in trials}:
        some = [trial.psnr["model"] for trial in trials if trial.place == place]
        scores[place] = np.mean(some)
    return scores


def _contract_of(exported: Uncalibrated) -> tuple[int, int]:
    """Return by how much a model enlarges, and how far it sees."""
    known = CONTRACTS.get(exported.architecture)
    if known is not None:
        return known.scale, known.reach
    config = exported.config
    if not isinstance(config, UpscalerConfig):
        raise TypeError(f"nobody says by how much '{exported.architecture}' enlarges")
    return SCALE, config.depth + 2
