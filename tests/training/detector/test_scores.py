import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.perception.detect import Detection
from training.detector.agreement import Taught
from training.detector.scores import (
    Judged,
    average_precision,
    best_threshold,
    judge,
    label_figures,
    mean_ap,
)


def box(label: str, score: float, left: float) -> Detection:
    return Detection(label, score, (left, 0.0, left + 10, 10.0))


def test_a_thing_is_found_once_and_a_copy_is_wrong() -> None:
    truth = Taught(size=(9, 99), agreed=(box("bed", 1, 0),), unsure=())
    judged = judge([box("bed", 0.9, 1), box("bed", 0.8, 0), box("sofa", 0.7, 0)], truth)
    assert judged.right == (True, False, False)
    assert judged.there == {"bed": 1}


def test_what_may_be_there_counts_for_nothing() -> None:
    truth = Taught(size=(9, 99), agreed=(), unsure=(box("bed", 0.2, 0),))
    judged = judge([box("bed", 0.9, 1), box("sofa", 0.8, 0)], truth)
    assert (judged.labels, judged.right) == (("sofa",), (False,)), "the sofa is in no doubt"


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40), st.integers(0, 5)
)
def test_average_precision_is_the_area_by_definition(
    said: list[tuple[float, bool]], missed: int
) -> None:
    scores, right = (np.array(column) for column in zip(*said, strict=True))
    there = int(right.sum()) + missed
    if not there:
        assert np.isnan(average_precision(scores, right, there))
        return
    order = np.argsort(-scores, kind="stable")
    points = [
        (right[order][:k].sum() / there, right[order][:k].mean()) for k in range(1, len(said) + 1)
    ]
    levels = sorted({recall for recall, _ in points if recall})
    area = sum(
        (level - before) * max(precision for recall, precision in points if recall >= level)
        for before, level in zip([0.0, *levels], levels, strict=False)
    )
    assert average_precision(scores, right, there) == pytest.approx(area)


def test_labels_weigh_the_same_and_rare_ones_are_left_out() -> None:
    often = Judged(("bed",) * 4, (0.9, 0.8, 0.7, 0.6), (True,) * 4, {"bed": 4, "sofa": 1})
    assert mean_ap([often]) == 0.5
    assert mean_ap([often], least=2) == 1.0
    assert label_figures([often], 0.75, 2)["bed"]["recall"] == 0.5


def test_the_threshold_is_where_most_is_right() -> None:
    judged = [Judged(("bed",) * 4, (0.9, 0.7, 0.5, 0.3), (True, True, False, False), {"bed": 2})]
    assert best_threshold(judged) == 0.7


def test_an_empty_room_left_empty_is_worth_all() -> None:
    nothing = judge([], Taught(size=(9, 9), agreed=(), unsure=()))
    assert nothing.worth(0.5) == 1.0
    claimed = judge([box("bed", 0.9, 0)], Taught(size=(9, 9), agreed=(), unsure=()))
    assert (claimed.worth(0.5), claimed.worth(0.95)) == (0.0, 1.0)
