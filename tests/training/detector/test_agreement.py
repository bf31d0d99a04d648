import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.perception.detect import Detection
from training.detector.agreement import agree


def found(*said: tuple[str, float, float]) -> list[Detection]:
    """Boxes of 10x10 by label, confidence and left edge."""
    return [Detection(label, score, (left, 0.0, left + 10, 10.0)) for label, score, left in said]


def test_what_one_says_alone_is_doubtful_and_not_background() -> None:
    some = found(("bed", 0.9, 0), ("sofa", 0.9, 50))
    others = found(("bed", 0.5, 1), ("chair", 0.9, 50))
    agreed, unsure = agree(some, others, 0.5, 0.4)
    assert agreed == (Detection("bed", 0.7, (0.5, 0.0, 10.5, 10.0)),)
    assert [one.label for one in unsure] == ["sofa", "chair"]


def test_a_pair_that_is_too_unsure_is_doubtful() -> None:
    agreed, unsure = agree(found(("bed", 0.3, 0)), found(("bed", 0.4, 0)), 0.5, 0.4)
    assert not agreed
    assert len(unsure) == 2


def test_the_surest_pair_is_taken_first() -> None:
    agreed, unsure = agree(
        found(("bed", 0.5, 0), ("bed", 0.9, 2)), found(("bed", 0.8, 2)), 0.3, 0.4
    )
    assert [one.confidence for one in agreed] == [0.85]
    assert unsure == (Detection("bed", 0.5, (0.0, 0.0, 10.0, 10.0)),)


SAID = st.lists(
    st.tuples(st.sampled_from(["bed", "sofa"]), st.floats(0.1, 1), st.floats(0, 40)), max_size=8
)


@given(SAID, SAID)
def test_each_box_is_in_one_pair_or_in_the_rest_whoever_is_asked_first(
    some: list[tuple[str, float, float]], others: list[tuple[str, float, float]]
) -> None:
    agreed, unsure = agree(found(*some), found(*others), 0.5, 0.4)
    assert 2 * len(agreed) + len(unsure) == len(some) + len(others)
    again, _ = agree(found(*others), found(*some), 0.5, 0.4)
    assert np.isclose(
        sum(one.confidence for one in agreed), sum(one.confidence for one in again), atol=0.51
    )
