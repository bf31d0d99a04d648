import numpy as np

from training.loop.report import share_compared

NOTHING = np.full(10, np.nan)


def test_a_champion_is_compared_on_the_rows_that_an_evaluation_judges() -> None:
    few = NOTHING.copy()
    few[[2, 5]] = 0.9  # one that costs much judges two of ten
    assert share_compared(few, np.ones(10)) == 1
    assert share_compared(np.ones(10), few) == 0.2


def test_without_a_common_row_nothing_is_compared() -> None:
    assert share_compared(np.ones(10), NOTHING) == 0
    assert share_compared(NOTHING, NOTHING) == 0
