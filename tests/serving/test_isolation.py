"""A crash, a hang or a hunger of foreign code ends only the process that it runs in."""

import os
import signal
import threading
import time
from collections.abc import Mapping

import psutil
import pytest

from serving.errors import BadImage
from serving.image import decode
from serving.image.opening import _RARE
from serving.isolation import Allocate, Died, IsolatedCalls, Reply
from tests.fakes import GREEN, png

HERE = "tests.serving.test_isolation"


def handle(request: Mapping[str, object], data: memoryview, allocate: Allocate) -> Reply:
    """Do what a decoder might, in the process of its own."""
    if request["do"] == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if request["do"] == "eat":
        try:
            return {"bytes": len(bytearray(2 << 30))}
        except MemoryError:
            return {"refused": True}
    if request["do"] == "wait":
        time.sleep(float(str(request["s"])))
    room = allocate(len(data))
    room[:] = bytes(data)[::-1]
    return {"pid": os.getpid()}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> IsolatedCalls:
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    return IsolatedCalls(HERE, processes=2)


def test_a_result_comes_back_through_shared_memory_from_one_process(calls: IsolatedCalls) -> None:
    pids = set()
    for _ in range(3):
        reply, room = calls.call({"do": "turn"}, b"abc", 1 << 20)
        assert room is not None
        assert bytes(room) == b"cba"
        pids.add(reply["pid"])
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_a_crash_is_told_and_the_next_call_is_answered(calls: IsolatedCalls) -> None:
    with pytest.raises(Died, match="SIGSEGV"):
        calls.call({"do": "crash"}, b"abc", 1 << 20)
    assert calls.call({"do": "turn"}, b"abc", 1 << 20)[1] is not None


def test_more_memory_than_was_foreseen_is_not_given(calls: IsolatedCalls) -> None:
    assert calls.call({"do": "eat"}, b"abc", 1 << 20)[0] == {"refused": True}


def test_a_process_that_the_system_ended_says_nothing_of_the_file(calls: IsolatedCalls) -> None:
    calls.call({"do": "turn"}, b"abc", 1 << 20)
    answers = []
    caller = threading.Thread(
        target=lambda: answers.append(calls.call({"do": "wait", "s": 1.5}, b"abc", 1 << 20))
    )
    caller.start()
    time.sleep(0.3)
    for child in psutil.Process().children():
        if HERE in child.cmdline():
            child.kill()
    caller.join()
    assert answers


def test_a_photo_that_brings_its_decoder_down_is_a_bad_image_and_others_are_read(
    monkeypatch: pytest.MonkeyPatch, calls: IsolatedCalls
) -> None:
    def crash(_: object, data: bytes, memory: int) -> object:
        return calls.call({"do": "crash"}, data, memory)

    with monkeypatch.context() as patch:
        patch.setattr(_RARE, "call", crash)
        with pytest.raises(BadImage, match="PNG cannot be decoded"):
            decode(png(GREEN), 10**6)
    assert decode(png(GREEN), 10**6).shape == (40, 60, 3)
