import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from stack.backend.app import Desk
from stack.backend.events import Event, Verifier
from stack.backend.inbox import Inbox
from stack.backend.sandbox import Sandbox, Switches
from stack.backend.server import running
from stack.processes import free_port

OLD, NEW = "whsec_b2xkIHNlY3JldCBvZiB0ZXN0cw==", "whsec_bmV3IHNlY3JldCBvZiB0ZXN0cw=="
JOB = "0b51bd4e-6c8c-4f2e-a3ff-2f7d2f2a9c11"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def payload(
    event: str = "video-complete",
    status: str = "completed",
    job: str = JOB,
    attempt: int = 1,
    at: datetime = NOON,
    **more: object,
) -> bytes:
    data = {"job_id": job, "type": "render_video", "status": status, "attempt": attempt}
    said = {"type": event, "timestamp": at.isoformat(), "data": data | {"listing_id": None} | more}
    return json.dumps(said).encode()


def signed(
    body: bytes, webhook_id: str, secret: str = OLD, at: datetime | None = None
) -> dict[str, str]:
    at = at or datetime.now(UTC)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body.decode()),
    }


def take_in(inbox: Inbox, webhook_id: str, body: bytes) -> str:
    return inbox.record(webhook_id, body, Event.model_validate_json(body))


class Client:
    """Posts as the studio does, and looks as people do."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=5, trust_env=False)

    def post(
        self, webhook_id: str = "msg_1", event: str = "video-complete", **said: object
    ) -> httpx.Response:
        body = payload(event, **said)  # type: ignore[arg-type]
        return self.http.post(f"/webhooks/{event}", content=body, headers=signed(body, webhook_id))

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.http.get("/deliveries").json()["counts"]
        return counts

    def job(self, job_id: str = JOB) -> dict[str, Any]:
        job: dict[str, Any] = self.http.get(f"/jobs/{job_id}").json()
        return job

    def trouble(self, **switches: object) -> None:
        self.http.put("/sandbox", json=switches).raise_for_status()


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    inbox = Inbox(tmp_path / "inbox.sqlite")
    yield inbox
    inbox.close()


@pytest.fixture
def client(inbox: Inbox) -> Iterator[Client]:
    with running(Desk(Verifier([OLD, NEW]), inbox, Sandbox())) as url:
        client = Client(url)
        yield client
        client.http.close()


def test_an_event_that_comes_again_counts_once(client: Client) -> None:
    outcomes = [client.post().json()["outcome"] for _ in range(3)]
    assert outcomes == ["applied", "duplicate", "duplicate"]
    counts = client.counts()
    assert (counts["received"], counts["recorded"], counts["duplicates"]) == (3, 1, 2)
    assert client.job()["status"] == "completed"


def test_the_same_event_many_times_at_once_counts_once(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(lambda _: client.post().json()["outcome"], range(40)))
    assert outcomes == {"applied": 1, "duplicate": 39}


def test_what_was_received_is_known_after_a_restart(tmp_path: Path) -> None:
    for outcome in ("applied", "duplicate"):
        inbox = Inbox(tmp_path / "inbox.sqlite")
        assert take_in(inbox, "msg_1", payload()) == outcome
        inbox.close()


def test_an_effect_that_fails_leaves_the_id_unknown_so_that_the_event_comes_again(
    inbox: Inbox, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "inbox.sqlite")
    other.execute(
        "CREATE TRIGGER full BEFORE INSERT ON jobs BEGIN SELECT raise(ABORT, 'disk full'); END"
    )
    with pytest.raises(sqlite3.IntegrityError, match="disk full"):
        take_in(inbox, "msg_1", payload())
    other.execute("DROP TRIGGER full")
    other.close()
    assert take_in(inbox, "msg_1", payload()) == "applied"


def test_progress_that_comes_after_the_end_changes_nothing(client: Client) -> None:
    client.post("msg_end", result={"object": "films/1.mp4"})
    late = client.post(
        "msg_late", event="video-progress", status="processing", progress={"share": 0.5},
        at=NOON + timedelta(seconds=1),
    )  # fmt: skip
    assert (late.status_code, late.json()) == (200, {"outcome": "out_of_order"})
    job = client.job()
    assert (job["status"], job["result"]) == ("completed", {"object": "films/1.mp4"})
    assert client.counts()["out_of_order"] == 1


SAID = st.tuples(
    st.integers(0, 4),
    st.sampled_from(["processing", "completed", "failed", "cancelled"]),
    st.integers(0, 5),
)


@given(st.lists(SAID, min_size=1, max_size=8), st.randoms())
def test_whatever_the_order_the_latest_attempt_and_its_end_stand(
    said: list[tuple[int, str, int]], order: Random
) -> None:
    def rank(item: tuple[int, str, int]) -> tuple[int, bool, int]:
        return item[0], item[1] != "processing", item[2]

    inbox = Inbox(Path(":memory:"))
    arriving = list(enumerate(said))
    order.shuffle(arriving)
    for number, (attempt, status, second) in arriving:
        at = NOON + timedelta(seconds=second)
        body = payload("x", status, attempt=attempt, at=at)
        take_in(inbox, f"msg_{number}", body)
    stands = inbox.job(UUID(JOB))
    assert stands is not None
    best = max(map(rank, said))
    at = datetime.fromisoformat(stands["timestamp"])
    found = (stands["attempt"], stands["status"], int((at - NOON).total_seconds()))
    assert rank(found) == best
    assert found in said
    inbox.close()


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_either_secret_is_accepted_while_one_is_replaced(client: Client, secret: str) -> None:
    body = payload()
    answer = client.http.post(
        "/webhooks/video-complete", content=body, headers=signed(body, "msg_1", secret)
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "1"},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,not base64"},
        {"webhook-signature": "v1,é"},
        {"webhook-signature": "v1a,AAAA"},
        {"webhook-signature": Webhook("whsec_b3RoZXI=").sign("msg_1", NOON, payload().decode())},
    ],
)
def test_a_delivery_that_is_not_genuine_is_refused(client: Client, change: dict[str, str]) -> None:
    body = payload()
    changed = signed(body, "msg_1") | change
    headers = {name.encode(): value.encode() for name, value in changed.items()}
    answer = client.http.post("/webhooks/video-complete", content=body, headers=headers)
    assert answer.status_code == 401
    counts = client.counts()
    assert (counts["rejected"], counts["recorded"]) == (1, 0)


@pytest.mark.parametrize("off", [timedelta(minutes=-6), timedelta(minutes=6)])
def test_a_delivery_signed_minutes_ago_or_ahead_is_refused(client: Client, off: timedelta) -> None:
    body = payload()
    headers = signed(body, "msg_1", at=datetime.now(UTC) + off)
    assert (
        client.http.post("/webhooks/video-complete", content=body, headers=headers).status_code
        == 401
    )


def test_a_body_that_was_changed_on_its_way_is_refused(client: Client) -> None:
    headers = signed(payload(), "msg_1")
    for body in (payload(attempt=2), payload() + b" ", b"\xff\xfe"):
        answer = client.http.post("/webhooks/video-complete", content=body, headers=headers)
        assert answer.status_code == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"not JSON", payload(event="clip-complete")])
def test_a_genuine_delivery_that_is_no_event_of_that_name_is_refused_for_good(
    client: Client, body: bytes
) -> None:
    answer = client.http.post(
        "/webhooks/video-complete", content=body, headers=signed(body, "msg_1")
    )
    assert answer.status_code == 422
    assert client.counts()["not_understood"] == 1


def test_a_field_that_we_add_one_day_breaks_nobody(client: Client) -> None:
    assert client.post(newer={"what": "ever"}).status_code == 200


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


def test_the_page_shows_jobs_and_escapes_what_others_wrote(client: Client) -> None:
    client.post("msg_1", listing_id="<script>alert(1)</script>")
    page = client.http.get("/")
    assert f"jobs/{JOB}" in page.text
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text


def test_an_unknown_job_is_404_and_forgetting_forgets(client: Client) -> None:
    client.post()
    assert client.http.get("/jobs").json()["counts"] == {"completed": 1}
    assert client.http.get(f"/jobs/{uuid4()}").status_code == 404
    assert client.http.delete("/deliveries").status_code == 204
    assert client.http.get("/jobs").json() == {"counts": {}, "jobs": []}
    assert client.counts()["received"] == 0


def command(*words: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "stack.backend", *words],
        env=os.environ | {"PYTHONSAFEPATH": "1"} | (env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_killed_after_its_answer_the_process_still_knows_the_event(tmp_path: Path) -> None:
    port = free_port()
    words = ("--port", str(port), "--data", str(tmp_path), "--fail-percent", "0", "--seed", "7")
    outcomes = []
    for number in (signal.SIGKILL, signal.SIGTERM):
        process = command(*words, env={"WEBHOOK_SECRETS": json.dumps([OLD])})
        try:
            assert process.stdout is not None
            assert str(port) in process.stdout.readline()
            client = Client(f"http://127.0.0.1:{port}")
            wait_for_health(client)
            assert client.http.get("/sandbox").json()["seed"] == 7
            outcomes.append(client.post().json()["outcome"])
            client.http.close()
        finally:
            process.send_signal(number)
            process.communicate(timeout=10)
    assert outcomes == ["applied", "duplicate"]


def wait_for_health(client: Client) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            client.http.get("/health").raise_for_status()
        except httpx.ConnectError:
            assert time.monotonic() < until
            time.sleep(0.1)
        else:
            return


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give --secret"),
        (["--secret", "whsec_"], "secret 1 is not 'whsec_' and base64"),
        (["--secret", OLD, "--fail-percent", "400"], "fail_percent"),
    ],
)
def test_a_command_line_that_cannot_work_says_why(words: list[str], said: str) -> None:
    process = command(*words, env={"WEBHOOK_SECRETS": "[]"})
    _, told = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said in told
    assert OLD not in told


def test_threads_end_with_the_server(inbox: Inbox) -> None:
    with running(Desk(Verifier([OLD]), inbox, Sandbox())):
        assert "backend" in {thread.name for thread in threading.enumerate()}
    assert "backend" not in {thread.name for thread in threading.enumerate()}
