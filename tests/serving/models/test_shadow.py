"""What nobody waits for is asked in turn, or dropped and counted."""

import threading
import time
from collections.abc import Iterator

import pytest

from serving import metrics
from serving.models.shadow import ShadowQueue


def dropped(reason: str) -> float:
    labels = {"task": "rooms", "reason": reason}
    return metrics.REGISTRY.get_sample_value("studio_shadow_dropped_total", labels) or 0.0


class Gate:
    """Holds the queue's thread until it is opened."""

    def __init__(self, queue: ShadowQueue) -> None:
        self.opened, self.entered, self.asked = threading.Event(), threading.Event(), 0
        queue.put("rooms", self._wait, 0)
        assert self.entered.wait(10)

    def _wait(self) -> None:
        self.entered.set()
        self.opened.wait(10)

    def count(self) -> None:
        self.asked += 1


@pytest.fixture
def queue() -> Iterator[ShadowQueue]:
    queue = ShadowQueue(max_bytes=100, max_items=3, threads=1)
    yield queue
    queue.close()


def test_what_is_too_much_is_dropped_and_all_are_counted(queue: ShadowQueue) -> None:
    before, gate = dropped("full"), Gate(queue)
    taken = [queue.put("rooms", gate.count, 30) for _ in range(6)]
    assert taken == [True, True, True, False, False, False]
    gate.opened.set()
    assert queue.drain(10)
    assert (gate.asked, dropped("full") - before) == (3, 3)


def test_a_photo_larger_than_all_that_may_wait_is_asked_about(queue: ShadowQueue) -> None:
    gate = Gate(queue)
    assert queue.put("rooms", gate.count, 10_000)
    assert not queue.put("rooms", gate.count, 1), "with it, more waits than may"
    gate.opened.set()
    assert queue.drain(10)
    assert gate.asked == 1
    assert queue.put("rooms", gate.count, 1), "its bytes wait no more"


def test_a_question_that_breaks_ends_nothing(queue: ShadowQueue) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    before, gate = dropped("error"), Gate(queue)
    gate.opened.set()
    queue.put("rooms", fail, 1)
    queue.put("rooms", gate.count, 1)
    assert queue.drain(10)
    assert (gate.asked, dropped("error") - before) == (1, 1)


def test_what_waits_at_the_end_is_dropped_and_counted() -> None:
    queue = ShadowQueue(100, threads=1)
    before, gate = dropped("closed"), Gate(queue)
    for _ in range(2):
        queue.put("rooms", gate.count, 1)
    queue.close(wait_s=0)
    gate.opened.set()
    assert not queue.put("rooms", gate.count, 1)
    assert (gate.asked, dropped("closed") - before) == (0, 3)


@pytest.mark.parametrize("threads", [1, 2])
def test_most_of_the_time_is_left_to_callers(threads: int) -> None:
    queue = ShadowQueue(100, threads=threads)
    moments: list[float] = []

    def work() -> None:
        moments.append(time.monotonic())
        time.sleep(0.02)
        moments.append(time.monotonic())

    queue.put("rooms", work, 1)
    assert queue.drain(10)
    queue.put("rooms", work, 1)
    assert queue.drain(10)
    queue.close()
    began, ended, next_one = moments[:3]
    assert next_one - ended >= min(3 * (ended - began), 0.25) * 0.99, "or a quarter of a second"


def test_others_are_asked_while_one_hangs() -> None:
    queue = ShadowQueue(100)
    gate = Gate(queue)
    queue.put("rooms", gate.count, 1)
    until = time.monotonic() + 10
    while not gate.asked and time.monotonic() < until:
        time.sleep(0.01)
    asked = gate.asked
    gate.opened.set()
    queue.close()
    assert asked == 1
