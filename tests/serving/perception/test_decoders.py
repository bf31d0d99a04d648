"""Every family says the same box in its own way."""

import numpy as np
import pytest

from serving.card import Boxes, FramedInput, Label
from serving.perception.decoders import count_places, decode_boxes, specs_of

FRAME = FramedInput(height=64, width=96)
LABELS = (Label(name="bed"), Label(name="sofa"), Label(name="sink"))
BOX = (20.0, 10.0, 60.0, 40.0)
STRIDES = (8, 16)
PLACE = 3 * 12 + 4  # of the cell of the first grid in row 3 and column 4, that begins at (32, 24)
ALL = 8 * 12 + 4 * 6


def boxes(family: str, *arrays: str, strides: tuple[int, ...] = STRIDES) -> Boxes:
    stated = {"family": family, "arrays": arrays, "strides": strides}
    return Boxes.model_validate({"labels": LABELS, "score_above": 0.3} | stated)


def say_yolov8() -> dict[str, np.ndarray]:
    array = np.zeros((7, ALL), np.float32)
    array[:, PLACE] = (40, 25, 40, 30, 0.1, 0.7, 0.2)
    return {"a": array}


def say_yolox() -> dict[str, np.ndarray]:
    array = np.zeros((ALL, 8), np.float32)
    array[PLACE, :4] = ((40 - 32) / 8, (25 - 24) / 8, np.log(40 / 8), np.log(30 / 8))
    array[PLACE, 4:] = (0.7, 0, 1, 0)
    return {"a": array}


def say_nanodet() -> dict[str, np.ndarray]:
    scores, distances = np.zeros((ALL, 3), np.float32), np.zeros((ALL, 4, 8), np.float32)
    scores[PLACE, 1] = 0.7
    for side, apart in enumerate((32 - 20, 24 - 10, 60 - 32, 40 - 24)):
        lower = int(apart / 8)
        share = apart / 8 - lower
        odds = np.full(8, 1e-9)
        odds[lower], odds[lower + 1] = max(1 - share, 1e-9), max(share, 1e-9)
        distances[PLACE, side] = np.log(odds)
    return {"a": scores, "b": distances.reshape(ALL, 32)}


def say_fastestdet() -> dict[str, np.ndarray]:
    array = np.zeros((8, 8, 12), np.float32)
    sides = [np.log(part / (1 - part)) for part in (40 / 96, 30 / 64)]
    array[:, 3, 5] = (0.7, np.arctanh(0.0), np.arctanh(1 / 8), *sides, 0.0, 0.7, 0.0)
    return {"a": array}


@pytest.mark.parametrize(
    ("given", "outputs", "at"),
    [
        (boxes("yolov8", "a"), say_yolov8(), PLACE),
        (boxes("yolox", "a"), say_yolox(), PLACE),
        (boxes("nanodet-plus", "a", "b"), say_nanodet(), PLACE),
        (boxes("fastestdet", "a", strides=(8,)), say_fastestdet(), PLACE + 1),
    ],
    ids=lambda one: one.family if isinstance(one, Boxes) else "",
)
def test_a_family_is_read(given: Boxes, outputs: dict[str, np.ndarray], at: int) -> None:
    corners, scores = decode_boxes(outputs, given, FRAME)
    np.testing.assert_allclose(corners[at], BOX, atol=1e-3)
    assert scores[at].argmax() == 1
    assert scores[at, 1] == pytest.approx(0.7, abs=1e-5)
    for spec in specs_of(given, FRAME):
        assert outputs[spec.name].shape == spec.shape[1:]


def test_grids_that_do_not_end_with_the_frame_go_beyond_it() -> None:
    assert count_places((416, 416), (8, 16, 32, 64)) == 3598, "as NanoDet-Plus has them"
    assert count_places((416, 416), (8, 16, 32)) == 3549, "as YOLOX has them"
