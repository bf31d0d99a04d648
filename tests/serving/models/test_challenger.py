"""A version beside the champion is asked in time, whatever its process does."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.models.challenger import Challengers
from serving.models.fallback import Fallback, Reason
from serving.models.local import Loaded
from serving.models.predictor import Prediction, Prepared, prepare
from serving.models.slot_address import SlotAddress
from serving.photos.classify import ROOM_CLASSIFIER
from tests.fakes import RED, StubSession, colour_card, photo
from tests.slot_host import PATIENT_S, SHORT_S, WAYS_TO_BREAK, SlotHost


def challenger(version: str = "2") -> Loaded:
    return Loaded(colour_card(), version, "challenger", "c" * 64, session=StubSession(0, 0))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SlotHost]:
    host = SlotHost(tmp_path, ROOM_CLASSIFIER, challenger())
    yield host
    host.close()


@pytest.fixture
def challengers(host: SlotHost) -> Iterator[Challengers]:
    asked = Challengers(lambda *_: host.address, PATIENT_S)
    yield asked
    asked.close()


def red() -> Prepared:
    prepared = prepare(ROOM_CLASSIFIER, photo(RED), challenger())
    assert isinstance(prepared, Prepared)
    return prepared


def reason_of(challengers: Challengers, beside: bool = False) -> str:
    said = challengers.ask(ROOM_CLASSIFIER, challenger(), red(), beside).result(10)
    return str(said.reason) if isinstance(said, Fallback) else "answered"


def test_it_answers_in_its_own_name(challengers: Challengers) -> None:
    said = challengers.ask(ROOM_CLASSIFIER, challenger(), red()).result(10)
    assert isinstance(said, Prediction)
    assert (said.version, said.slot, said.answer.room_type) == ("2", "challenger", "red")
    assert said.seconds is not None
    assert said.prepared is not None


@pytest.mark.parametrize(("mode", "reason"), WAYS_TO_BREAK.items())
def test_no_way_to_break_takes_longer_than_the_deadline(
    challengers: Challengers, host: SlotHost, mode: str, reason: str
) -> None:
    assert reason_of(challengers) == "answered"
    host.mode, challengers.deadline_s = mode, SHORT_S if reason == "deadline" else PATIENT_S
    began = time.monotonic()
    assert reason_of(challengers) == reason
    assert time.monotonic() - began < 10, "a loaded machine is slow, a hang is longer"


def test_after_three_failures_nobody_waits_until_it_has_answered_beside_others(
    challengers: Challengers, host: SlotHost
) -> None:
    assert reason_of(challengers) == "answered"
    host.mode = "500"
    assert [reason_of(challengers) for _ in range(5)] == ["error"] * 3 + ["open"] * 2
    asked = host.asked
    assert reason_of(challengers) == "open"
    assert host.asked == asked, "no caller's photo is sent"
    host.mode = "right"
    assert reason_of(challengers) == "open"
    assert [reason_of(challengers, beside=True) for _ in range(3)] == ["answered"] * 3
    assert reason_of(challengers) == "answered"


def test_a_process_that_falls_silent_makes_each_caller_wait_at_most_once(
    challengers: Challengers, host: SlotHost
) -> None:
    assert reason_of(challengers) == "answered"
    host.mode, challengers.deadline_s = "hang", SHORT_S
    asked, began = host.asked, time.monotonic()
    first = challengers.ask(ROOM_CLASSIFIER, challenger(), red())
    while host.asked == asked and not first.done():
        time.sleep(0.01)
    challengers.deadline_s = PATIENT_S
    second = challengers.ask(ROOM_CLASSIFIER, challenger(), red())
    assert str(first.result(10).reason) == "deadline"  # type: ignore[union-attr] # it hangs
    said = second.result(10)
    assert isinstance(said, Fallback)
    assert said.reason == "open", "it was not let wait until its own deadline"
    assert SHORT_S <= time.monotonic() - began < PATIENT_S
    assert reason_of(challengers) == "open"


def test_one_slow_answer_among_others_keeps_nobody_away(
    challengers: Challengers, host: SlotHost
) -> None:
    assert reason_of(challengers) == "answered"
    host.mode, challengers.deadline_s = "hang", 2.0
    asked = host.asked
    slow = challengers.ask(ROOM_CLASSIFIER, challenger(), red())
    while host.asked == asked:
        time.sleep(0.01)
    host.mode, challengers.deadline_s = "right", PATIENT_S
    assert reason_of(challengers) == "answered"
    assert str(slow.result(10).reason) == "deadline"  # type: ignore[union-attr] # it hangs
    assert reason_of(challengers) == "answered"


def test_what_answers_too_late_for_callers_does_not_let_them_wait_again(
    challengers: Challengers, host: SlotHost
) -> None:
    host.mode, challengers.deadline_s = "slow", SHORT_S
    assert [reason_of(challengers) for _ in range(3)] == ["deadline", "open", "open"]
    assert [reason_of(challengers, beside=True) for _ in range(4)] == ["answered"] * 4
    assert reason_of(challengers) == "open"


def test_another_version_in_the_slot_begins_with_a_clean_slate(
    challengers: Challengers, host: SlotHost
) -> None:
    assert reason_of(challengers) == "answered"
    host.mode = "500"
    assert [reason_of(challengers) for _ in range(4)] == ["error"] * 3 + ["open"]
    host.mode, host.model = "right", challenger("3")
    said = challengers.ask(ROOM_CLASSIFIER, challenger("3"), red()).result(10)
    assert isinstance(said, Prediction)
    assert said.version == "3"


def test_a_process_that_has_not_begun_is_no_fault_of_the_version(tmp_path: Path) -> None:
    nowhere = SlotAddress("http://slot", tmp_path / "nobody.sock")
    asked = Challengers(lambda *_: nowhere, PATIENT_S)
    assert reason_of(asked) == Reason.STARTING
    asked.close()


def test_a_version_that_comes_again_may_take_its_time_to_begin_again(
    challengers: Challengers, host: SlotHost
) -> None:
    assert reason_of(challengers) == "answered"
    host.mode = "close"
    assert reason_of(challengers) == "error"
    host.close()
    challengers.keep({(ROOM_CLASSIFIER.name, "challenger")})
    assert reason_of(challengers) == "unavailable", "its process ended while it was to answer"
    challengers.keep({(ROOM_CLASSIFIER.name, "champion")})
    assert reason_of(challengers) == "starting"


def test_who_found_no_place_does_not_blame_the_version(host: SlotHost) -> None:
    host.mode, host.slow_s = "slow", 2.5
    asked = Challengers(lambda *_: host.address, deadline_s=4.0, at_once=1)
    waiting = [asked.ask(ROOM_CLASSIFIER, challenger(), red()) for _ in range(3)]
    first, *others = [one.result(10) for one in waiting]
    assert isinstance(first, Prediction)
    assert [str(one.reason) for one in others] == ["busy"] * 2  # type: ignore[union-attr]
    asked.close()


def test_a_process_that_is_not_ready_yet_has_missed_nothing(
    challengers: Challengers, host: SlotHost
) -> None:
    host.loading, challengers.deadline_s = True, SHORT_S
    assert [reason_of(challengers) for _ in range(3)] == [Reason.STARTING] * 3
    assert reason_of(challengers) == Reason.STARTING, "nobody waits for it any more"
    assert host.asked == 0
    host.loading, challengers.deadline_s = False, PATIENT_S
    host.ended.set()
    assert [reason_of(challengers, beside=True) for _ in range(3)] == ["answered"] * 3
    assert reason_of(challengers) == "answered"
