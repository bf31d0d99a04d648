"""An answer that is none is told from one that may be right, by the card alone."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.card import Boxes, Score
from serving.models.plausible import NONSENSE, NOT_FINITE, fault_of
from serving.photos.classify import RoomAnswer, to_answer
from serving.photos.quality.parts import PARTS
from serving.photos.quality.task import QualityAnswer
from tests.fakes import COLOURS, colour_card

CARD = colour_card()
QUALITY = colour_card(output=Score(parts=PARTS))
BOXES = colour_card(output=Boxes(labels=COLOURS, score_above=0.5))


def quality(score: float = 50.0, part: float = 50.0) -> QualityAnswer:
    return QualityAnswer(score, dict.fromkeys(PARTS, part), {}, None, "00")


def room(**scores: float) -> RoomAnswer:
    return RoomAnswer("red", 0.5, False, scores, "interior")


@given(st.lists(st.floats(-50, 50, width=32), min_size=3, max_size=3))
def test_whatever_a_finite_model_says_of_classes_may_be_right(logits: list[float]) -> None:

    assert fault_of(to_answer(np.array(logits, np.float32), CARD), CARD) is None


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (room(red=0.2, green=0.3, blue=0.5), None),
        (room(red=0.2, green=0.3, blue=math.nan), NOT_FINITE),
        (room(red=0.2, green=0.3, blue=math.inf), NOT_FINITE),
        (room(red=0.2, green=0.8), NONSENSE),
        (room(red=0.2, green=0.3, attic=0.5), NONSENSE),
        (room(red=0.9, green=0.9, blue=0.9), NONSENSE),
        (room(red=-0.5, green=0.5, blue=1.0), NONSENSE),
    ],
)
def test_classes(answer: RoomAnswer, fault: str | None) -> None:
    assert fault_of(answer, CARD) == fault


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (quality(), None),
        (quality(0, 100), None),
        (quality(100.5), NONSENSE),
        (quality(part=-1), NONSENSE),
        (quality(math.nan), NOT_FINITE),
    ],
)
def test_scores(answer: QualityAnswer, fault: str | None) -> None:
    assert fault_of(answer, QUALITY) == fault


def test_boxes_have_labels_of_the_card() -> None:
    assert fault_of({"boxes": [{"label": "red", "score": 0.7}]}, BOXES) is None
    assert fault_of({"boxes": [{"label": "attic", "score": 0.7}]}, BOXES) == NONSENSE
    assert fault_of({"boxes": [{"label": "red", "score": math.nan}]}, BOXES) == NOT_FINITE
