"""The weights that a version had before are kept beside its row, for processes that start."""

import time

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session as Database

from registry.slot_rows import Stored, remove_slot, set_traffic, write_slot
from serving.db.tables import Slot
from serving.models.slots import Published, read_slots

_TASK, _SLOT = "room-classifier", "challenger"
_TOGETHER_S = 2.5


class Row:
    """A version beside the champion, changed as the publisher changes it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def publish(self, version: str, weight: float) -> None:
        stored = Stored(version, version * 64, "c" * 64)
        with Database(self._engine) as database, database.begin():
            write_slot(
                database, _TASK, _SLOT, stored, mode="canary", weight=weight, salt=f"{version}-a"
            )

    def set(self, weight: float, mode: str = "canary", version: str = "2") -> None:
        with Database(self._engine) as database, database.begin():
            set_traffic(database, _TASK, _SLOT, mode, weight, f"{version}-a", 100.0)

    def remove(self) -> None:
        with Database(self._engine) as database, database.begin():
            remove_slot(database, _TASK, _SLOT)

    def stop(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(Slot).values(stopped="bad", mode="off", weight=0))

    def read(self) -> Published:
        return read_slots(self._engine)[_TASK, _SLOT]

    def holds(self) -> list[float]:
        """Return the weights that hold from now on, one after the other."""
        row = self.read()
        last = max(row.raises(_TOGETHER_S))
        moments = last - _TOGETHER_S, last
        return [row.at(moment, _TOGETHER_S).weight for moment in moments]


@pytest.fixture
def row(engine: Engine) -> Row:
    return Row(engine)


def test_a_new_version_answers_nobody_at_first(row: Row) -> None:
    row.publish("2", 5)
    assert row.holds() == [0, 5]


def test_a_raised_weight_is_kept_with_the_one_before(row: Row) -> None:
    row.publish("2", 5)
    row.set(25)
    assert [weight for weight, _ in row.read().earlier] == [0, 5]
    assert row.holds() == [0, 25]  # the first has not held long enough yet either


def test_a_shadow_that_is_to_answer_had_no_weight(row: Row) -> None:
    row.publish("2", 25)
    row.set(25, mode="shadow")
    row.set(25)
    assert [weight for weight, _ in row.read().earlier] == [0, 25, 0]


@pytest.mark.parametrize("ended", ["another version", "the slot was emptied", "it was stopped"])
def test_what_another_version_had_or_one_that_was_taken_away_does_not_count(
    row: Row, ended: str
) -> None:
    row.publish("2", 50)
    if ended == "the slot was emptied":
        row.remove()
    if ended == "it was stopped":
        row.stop()
    row.publish("3", 50)
    assert [weight for weight, _ in row.read().earlier] == [0]


def test_when_a_weight_ended_is_told_by_this_processs_clock(row: Row) -> None:
    before = time.monotonic()
    row.publish("2", 5)
    ((_, ended),) = row.read().earlier
    # what reading took is the only difference, beside the clocks' resolution
    assert before - 0.1 < ended <= time.monotonic() + 0.1
