"""How upscalers are judged, and that those of others go the same way."""

from typing import cast

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from serving.card import ArraySpec, Picture
from serving.image import Image
from training.candidate import Provenance, Uncalibrated
from training.upscaler.evaluation import (
    KERNELS,
    TRIALS,
    UpscalerEvaluation,
    figures_of,
    judged_rows,
    middle,
    try_photo,
)
from training.upscaler.outside import CONTRACTS
from training.upscaler.recipe import EDSR_WEIGHTS, UPSCALING_EDSR
from training.upscaler.samples import shrink

NOBODY = Provenance("1", (), "own", "-")


def photo(height: int = 96, width: int = 128) -> Image:
    """Bars at an angle, which kernels blur."""
    rows, columns = np.mgrid[:height, :width]
    bars = 127.5 + 120 * np.sin(rows / 2.1 + columns / 3.3)
    return np.stack([bars, bars[::-1], np.full_like(bars, 90.0)], axis=-1).astype(np.uint8)


def trials_of(quality: float) -> list[float]:
    """Gains of who knows a share of what was lost."""
    whole = photo()
    gains = []
    for way, (kernel, compression) in TRIALS.items():
        small = shrink(whole, kernel, compression)
        plain = KERNELS["bicubic"](small).astype(np.float64)
        made = np.rint(plain + quality * (whole - plain)).astype(np.uint8)

        def enlarge(_: Image, made: Image = made) -> Image:
            return made

        gains.append(try_photo(0, way, whole, small, enlarge).gain)
    return gains


def test_a_gain_is_over_the_better_of_the_kernels() -> None:
    assert max(trials_of(0.0)) <= 1e-6
    assert min(trials_of(0.5)) > 2
    assert min(trials_of(0.9)) > min(trials_of(0.5))


def test_figures_tell_each_way_and_source_apart() -> None:
    whole = photo()
    small = shrink(whole, "area")
    trials = [
        try_photo(place, way, whole, small, KERNELS["lanczos" if place else "bicubic"])
        for place in (0, 1)
        for way in TRIALS
    ]
    figures = figures_of(trials, cast("NDArray[np.str_]", np.array(["houses", "listings"])))
    assert {f"slice/way/{way}/gain" for way in TRIALS} <= set(figures)
    assert figures["slice/source/listings/gain"] == pytest.approx(
        0 if trials[4].psnr["lanczos"] >= trials[4].psnr["bicubic"] else trials[4].gain
    )
    assert figures["test/gain.low"] <= figures["test/gain"] <= 1e-9
    assert figures["test/worst_gain"] == pytest.approx(min(trial.gain for trial in trials))


def test_large_photos_are_judged_first_and_by_their_middle() -> None:
    rows = pd.DataFrame(
        {"sha256": ["a", "b", "c"], "width": [400, 2000, 400], "height": [300, 1000, 300]}
    )
    assert judged_rows(rows, 2).tolist() == [0, 1]
    assert judged_rows(rows, 1).tolist() == [1]
    whole = photo(301, 801)
    assert middle(whole, 200).shape == (200, 200, 3)
    assert middle(photo(301, 101)).shape == (300, 100, 3)


def test_networks_of_others_state_their_scale_and_reach() -> None:
    (spec,) = EDSR_WEIGHTS.input.arrays
    assert spec == ArraySpec(name="input_1", dtype="float32", shape=("n", 540, 960, 3))
    assert UPSCALING_EDSR.made_by is EDSR_WEIGHTS
    assert [one.scale for one in CONTRACTS.values()] == [2, 2, 4]
    nobody = Uncalibrated(b"", "fp32", EDSR_WEIGHTS.input, "unheard-of", NOBODY)
    with pytest.raises(TypeError, match="unheard-of"):
        UpscalerEvaluation().calibrate(nobody, cast("object", None))  # type: ignore[arg-type]
    assert Picture(scale=2).scale == 2
