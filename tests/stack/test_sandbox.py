"""The reference backend makes the trouble that it is told to, and no other."""

import time
from collections import Counter

import httpx
import pytest

from stack.backend.app import Desk
from stack.backend.events import Verifier
from stack.backend.inbox import Inbox
from stack.backend.sandbox import Sandbox, Switches
from stack.backend.server import running
from tests.stack.senders import OLD, Client, payload, signed


def test_failing_answers_as_it_is_told_to(client: Client) -> None:
    client.trouble(fail_percent=100, fail_status=429, retry_after_s=7)
    answer = client.post()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert client.counts()["recorded"] == 0


def test_gone_is_410(client: Client) -> None:
    client.trouble(gone_percent=100, retry_after_s=7)
    answer = client.post()
    assert answer.status_code == 410
    assert "retry-after" not in answer.headers


def test_an_outage_ends_by_itself(client: Client) -> None:
    client.trouble(outage_s=0.3)
    assert client.post().status_code == 500
    time.sleep(0.35)
    assert client.post().status_code == 200


@pytest.mark.parametrize("close_at", ["before", "halfway"])
@pytest.mark.parametrize("recorded", [0, 100])
def test_closing_early_loses_the_answer_and_the_event_only_if_told_to(
    client: Client, close_at: str, recorded: int
) -> None:
    client.trouble(close_percent=100, close_at=close_at, recorded_percent=recorded)
    with pytest.raises(httpx.RemoteProtocolError):
        client.post()
    assert client.counts()["recorded"] == recorded / 100
    client.trouble()
    assert client.post().json() == {"outcome": "duplicate" if recorded else "applied"}


@pytest.mark.parametrize("recorded", [0, 100])
def test_hanging_lasts_as_long_as_it_is_told_to(client: Client, recorded: int) -> None:
    client.trouble(hang_percent=100, hang_s=0.3, recorded_percent=recorded)
    started = time.monotonic()
    assert client.post().json() == {"outcome": "applied"}
    assert 0.3 <= time.monotonic() - started < 3
    client.http.timeout = httpx.Timeout(0.1)
    with pytest.raises(httpx.ReadTimeout):
        client.post("msg_2")
    client.http.timeout = httpx.Timeout(5)
    time.sleep(0.4)
    assert client.counts()["recorded"] == 1 + recorded / 100


def test_slow_answers_are_late_but_good(client: Client) -> None:
    client.trouble(slow_s=0.2)
    started = time.monotonic()
    assert client.post().json() == {"outcome": "applied"}
    assert time.monotonic() - started >= 0.2


def test_a_duplicate_comes_by_itself_and_counts_once(client: Client) -> None:
    client.trouble(duplicate_percent=100)
    assert client.post().json() == {"outcome": "applied"}
    until = time.monotonic() + 5
    while client.counts()["duplicates"] < 1:
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.1)
    assert client.counts()["duplicates"] == 1, "a duplicate makes no further ones"


def test_trouble_can_be_for_some_events_only(client: Client) -> None:
    client.trouble(fail_percent=100, events=["video-progress"])
    assert client.post("msg_1", event="video-progress", status="processing").status_code == 503
    assert client.post("msg_2").status_code == 200


def test_reset_puts_the_switches_as_they_were_at_the_start(inbox: Inbox) -> None:
    first = Switches(fail_percent=5, outage_s=60)
    with running(Desk(Verifier([OLD]), inbox, Sandbox(first))) as url:
        http = httpx.Client(base_url=url)
        assert http.get("/sandbox").json()["fail_percent"] == 5
        assert http.put("/sandbox", json={"slow_s": 1}).json()["fail_percent"] == 0
        assert http.delete("/sandbox").json()["fail_percent"] == 5
        http.close()
        body = payload(event="x")
        answer = httpx.post(f"{url}/webhooks/x", content=body, headers=signed(body, "msg_1"))
        assert answer.status_code == 200, "the outage of the start is not begun again"


@pytest.mark.parametrize(
    "switches",
    [
        {"fail_percent": 101},
        {"fail_percent": 60, "hang_percent": 50},
        {"fail_status": 200},
        {"fail_precent": 3},
        {"close_at": "never"},
    ],
)
def test_switches_that_make_no_sense_are_refused(
    client: Client, switches: dict[str, object]
) -> None:
    assert client.http.put("/sandbox", json=switches).status_code == 422
    assert client.http.get("/sandbox").json()["fail_percent"] == 0


def test_the_same_seed_makes_the_same_trouble_in_any_order() -> None:
    switches = Switches(fail_percent=30, hang_percent=20, close_percent=10, seed=3)
    ids = [f"msg_{number}" for number in range(300)]

    def met(order: list[str], seed: int = 3) -> dict[str, object]:
        sandbox = Sandbox(switches.model_copy(update={"seed": seed}))
        return {id: sandbox.meet(id, "x") for id in order}

    assert met(ids) == met(ids[::-1])
    assert met(ids) != met(ids, seed=4)


def test_percentages_are_kept() -> None:
    sandbox = Sandbox(Switches(fail_percent=30, hang_percent=20, close_percent=10))
    kinds = Counter(sandbox.meet(f"msg_{number}", "x").kind for number in range(4000))
    shares = {kind: count / 40 for kind, count in kinds.items()}
    assert shares == pytest.approx({"fail": 30, "hang": 20, "close": 10, "none": 40}, abs=3)


def test_a_delivery_in_trouble_is_not_in_trouble_for_ever() -> None:
    sandbox = Sandbox(Switches(fail_percent=50))
    assert len({sandbox.meet("msg_1", "x").kind for _ in range(30)}) == 2
