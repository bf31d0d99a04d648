"""Memory is handed out in order, never more than there is, and given back."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.budget import Budget
from serving.errors import Busy, TooLarge


def test_who_waits_in_vain_is_told_to_come_back() -> None:
    budget = Budget(100, wait_s=0.01)
    with budget.hold(60):
        with pytest.raises(Busy), budget.hold(60):
            pass
        assert budget.held == 60
    assert budget.held == 0


def test_more_than_all_there_is_is_refused_at_once() -> None:
    with pytest.raises(TooLarge), Budget(100).hold(101):
        pass


def test_something_large_is_not_overtaken_for_ever() -> None:
    budget = Budget(100)
    first = budget.ask(60)
    large = budget.ask(100)
    small = budget.ask(10)
    assert first.done()
    assert not large.done()
    assert not small.done()
    budget.release(60)
    assert large.done()
    assert not small.done()
    budget.release(100)
    assert small.done()


def test_who_gives_up_lets_the_next_pass() -> None:
    budget = Budget(100)
    budget.ask(60)
    large = budget.ask(100)
    small = budget.ask(10)
    budget.give_up(large, 100)
    assert small.done()
    assert budget.held == 70


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_no_more_is_held_than_there_is_and_all_is_given_back(sizes: list[int]) -> None:
    budget, most = Budget(60), []

    def work(size: int) -> None:
        with budget.hold(size):
            most.append(budget.held)

    threads = [threading.Thread(target=work, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) <= 60
    assert len(most) == len(sizes)
    assert budget.held == 0
