"""Curves that a model proposes change a photo's tones, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from serving.card import Curves, ModelCard, PhotoInput
from serving.errors import ModelUnavailable
from serving.image import PhotoFile
from serving.models.comparison import compare
from serving.photos.enhance.enhance import Origin, enhance
from serving.photos.enhance.finish import FINISHER, FinishAnswer, finish
from serving.photos.enhance.presets import plan
from tests.serving.photos.enhance.pictures import room
from tests.serving.photos.enhance.test_file import saved

POINTS, SIDE = 9, 32
STILL = np.repeat(np.linspace(0, 1, POINTS, dtype=np.float32)[:, None], 3, axis=1)
BRIGHTER = np.clip(1.5 * STILL, 0, 1)
CARD = ModelCard(
    task="photo-finisher",
    input=PhotoInput(height=SIDE, width=SIDE, mean=(127.5,) * 3, std=(127.5,) * 3),
    output=Curves(points=POINTS), licence="own", backbone="none", precision="fp32",
    data_version="1",
)  # fmt: skip


def read(curves: np.ndarray) -> FinishAnswer:
    return FINISHER.read({"curves": curves}, CARD, (10, 10))


def test_levels_follow_the_curves_of_their_channel() -> None:
    photo = np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (70, 1, 3))
    warmer = BRIGHTER.copy()
    warmer[:, 2] = STILL[:, 2]
    made = finish(photo, warmer)
    assert made[0, 100].tolist() == [150, 150, 100]
    assert made[0, 200].tolist() == [255, 255, 200]
    assert finish(photo, warmer, 0.5)[0, 100].tolist() == [125, 125, 100]


def test_a_photo_that_needs_nothing_stays_itself() -> None:
    photo = room()
    assert finish(photo, STILL) is photo
    assert finish(photo, BRIGHTER, 0.0) is photo
    done = enhance(photo, plan("learned", None), Origin(curves=STILL))
    assert "finish" in done.left


def test_tones_are_left_where_no_model_looked() -> None:
    done = enhance(room(), plan("learned", None), Origin())
    assert done.left["finish"] == "no model has looked at it"
    assert "finish" in enhance(room(), plan("learned", None), Origin(curves=BRIGHTER)).applied


@given(arrays(np.float32, (POINTS, 3), elements=st.floats(-2, 3, width=32)))
def test_an_answer_never_falls_and_stays_within_what_levels_can_be(curves: np.ndarray) -> None:
    said = read(curves).curves.array()
    assert said.shape == (POINTS, 3)
    assert said.min() >= 0
    assert said.max() <= 1
    assert (np.diff(said, axis=0) >= 0).all()


def test_a_photo_fills_the_models_square() -> None:
    photo = PhotoFile(saved(room()), 10**8)
    assert FINISHER.prepare(photo, CARD)["pixels"].shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize(
    "outputs",
    [
        {"curves": np.zeros((1, POINTS + 1, 3), np.float32)},
        {"curves": np.full((1, POINTS, 3), np.nan, np.float32)},
        {"tones": np.zeros((1, POINTS, 3), np.float32)},
    ],
    ids=["length", "numbers", "name"],
)
def test_what_are_no_such_curves_is_refused(outputs: dict[str, np.ndarray]) -> None:
    FINISHER.check({"curves": np.zeros((2, POINTS, 3), np.float32)}, CARD)
    with pytest.raises(ModelUnavailable):
        FINISHER.check(outputs, CARD)


def test_versions_are_compared_by_their_curves() -> None:
    same = compare(FINISHER, CARD, read(BRIGHTER), read(BRIGHTER + np.float32(0.01)))
    other = compare(FINISHER, CARD, read(BRIGHTER), read(0.5 * BRIGHTER))
    assert (same.agrees, other.agrees) == (True, False)
