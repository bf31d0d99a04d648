"""A version beside the champion is asked in time, whatever its process does."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.models.challenger import Challengers, Fallback, Reason
from serving.models.local import Loaded
from serving.models.predictor import Prediction, Prepared, prepare
from serving.models.slot_address import SlotAddress
from serving.photos.classify import ROOM_CLASSIFIER
from tests.fakes import RED, StubSession, colour_card, photo
from tests.slot_host import WAYS_TO_BREAK, SlotHost

_DEADLINE_S = 0.4


def challenger(version: str = "2") -> Loaded:
    return Loaded(colour_card(), version, "challenger", "c" * 64, session=StubSession(0, 0))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SlotHost]:
    host = SlotHost(tmp_path, ROOM_CLASSIFIER, challenger())
    yield host
    host.close()


@pytest.fixture
def challengers(host: SlotHost) -> Iterator[Challengers]:
    asked = Challengers(lambda *_: host.address, _DEADLINE_S)
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
    host.mode = mode
    began = time.monotonic()
    assert reason_of(challengers) == reason
    assert time.monotonic() - began < _DEADLINE_S + 2, "a loaded machine is slow, a hang is longer"


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


def test_what_answers_too_late_for_callers_does_not_let_them_wait_again(
    challengers: Challengers, host: SlotHost
) -> None:
    host.mode = "slow"
    assert [reason_of(challengers) for _ in range(3)] == ["deadline"] * 3
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
    asked = Challengers(lambda *_: nowhere, _DEADLINE_S)
    assert reason_of(asked) == Reason.STARTING
    asked.close()


def test_who_found_no_place_does_not_blame_the_version(host: SlotHost) -> None:
    host.mode = "hang"
    asked = Challengers(lambda *_: host.address, _DEADLINE_S, at_once=2)
    waiting = [asked.ask(ROOM_CLASSIFIER, challenger(), red()) for _ in range(5)]
    reasons = [str(one.result(10).reason) for one in waiting]  # type: ignore[union-attr] # all hang
    assert sorted(reasons) == ["busy"] * 3 + ["deadline"] * 2
    asked.close()


def test_a_process_that_is_not_ready_yet_has_missed_nothing(
    challengers: Challengers, host: SlotHost
) -> None:
    host.loading = True
    assert [reason_of(challengers) for _ in range(3)] == [Reason.STARTING] * 3
    assert reason_of(challengers) == Reason.STARTING, "nobody waits for it any more"
    assert host.asked == 0
    host.loading = False
    host.ended.set()
    assert [reason_of(challengers, beside=True) for _ in range(3)] == ["answered"] * 3
    assert reason_of(challengers) == "answered"
