"""The reference backend counts each event once and shows the latest state."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from stack.backend.app import Desk
from stack.backend.events import Verifier
from stack.backend.inbox import Inbox
from stack.backend.sandbox import Sandbox
from stack.backend.server import running
from stack.processes import free_port
from tests.stack.senders import JOB, NEW, NOON, OLD, Client, payload, signed, take_in


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
        (["--secret", "whsec_"], "secret 1 has 0 bytes"),
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
