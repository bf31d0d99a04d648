"""The log: one line per event that names what it is about, and never a secret."""

import io
import json
import logging
import string
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving import logs, traces
from serving.logs import ContextThreads, open_logs, redact

log = logging.getLogger("tests.logs")
KEY = "vls_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


pytestmark = pytest.mark.usefixtures("logs_as_before")


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Lines:
    """Log as a process does; what was logged, line by line."""
    stream = io.StringIO()
    open_logs(stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_carries_what_was_bound_and_what_was_added(lines: Lines) -> None:
    with logs.bound(job_id="j-1", attempt=2):
        log.info("made %d of %d", 3, 4, extra={"type": "classify_photos"})
    log.warning("outside")
    made, outside = lines()
    assert made["event"] == "made 3 of 4"
    assert (made["job_id"], made["attempt"], made["type"]) == ("j-1", 2, "classify_photos")
    assert (made["level"], made["logger"]) == ("info", "tests.logs")
    assert made["timestamp"].endswith("Z")
    assert "job_id" not in outside


def test_threads_log_on_behalf_of_who_gave_them_the_work(lines: Lines) -> None:
    with ContextThreads(2) as pool:
        for name in ("a", "b"):
            with logs.bound(job_id=name):
                pool.submit(log.info, "in a thread").result()
        pool.submit(log.info, "for nobody").result()
    ours = [
        line for line in lines() if line["logger"] == log.name
    ]  # others of this process log too
    assert [line.get("job_id") for line in ours] == ["a", "b", None]


def test_frameworks_log_through_the_same_door() -> None:
    framework, elsewhere = logging.getLogger("tests.framework"), io.StringIO()
    framework.addHandler(logging.StreamHandler(elsewhere))
    framework.propagate = False
    stream = io.StringIO()
    open_logs(stream=stream)
    framework.warning("from a framework")
    assert json.loads(stream.getvalue())["logger"] == "tests.framework"
    assert not elsewhere.getvalue()


def test_http_clients_are_quiet_about_each_request(lines: Lines) -> None:
    logging.getLogger("httpx").info("HTTP Request: POST https://backend/webhooks")
    logging.getLogger("httpx").warning("trouble")
    assert [line["event"] for line in lines()] == ["trouble"]


def test_the_server_writes_no_line_per_request(lines: Lines) -> None:
    logging.getLogger("uvicorn.access").info('127.0.0.1 - "GET /health HTTP/1.1" 200')
    logging.getLogger("uvicorn.error").warning("trouble")
    assert [line["event"] for line in lines()] == ["trouble"]


def test_a_terminal_gets_a_form_for_people_without_secrets() -> None:
    terminal = Terminal()
    open_logs(stream=terminal)
    with logs.bound(job_id="j-1"):
        log.info("with %s", KEY)
    assert "j-1" in terminal.getvalue()
    assert KEY not in terminal.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(terminal.getvalue())


def test_a_line_names_its_trace(lines: Lines) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    with traces.span("work", f"00-{trace_id}-b7ad6b7169203331-01"):
        log.info("traced")
    log.info("not traced")
    traced, other = lines()
    assert traced["trace_id"] == trace_id
    assert "trace_id" not in other


SECRETS = {
    "key": (f"the key {KEY} is unknown", KEY),
    "key header": ("X-API-Key: hunter2hunter2", "hunter2hunter2"),
    "webhook secret": ("signed by whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8"),
    "webhook signature": ("v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= sent", "K5oZ"),
    "database": ("no route to postgresql+psycopg://studio:hunter2@db:5432/studio", "hunter2"),
    "password with an at": ("postgresql://studio:hun@ter2@db/studio", "ter2"),
    "conninfo": ("connection failed: host=db password=hunter2 user=studio", "hunter2"),
    "s3 url": (
        "GET https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA/2026&X-Amz-Signature=0abc12",
        "0abc12",
    ),
    "link": ("GET /internal/jobs/7/page?expires=17&signature=c2lnbmVk", "c2lnbmVk"),
    "bearer": ("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc", "eyJhbGci"),
}


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_leaves_the_process(lines: Lines, name: str) -> None:
    said, secret = SECRETS[name]
    log.info(said)
    log.info("with an argument: %s", said)
    log.info("beside", extra={"said": said, "deep": {"list": [said]}})
    try:
        raise ValueError(said)  # noqa: TRY301 - to have a traceback
    except ValueError:
        log.exception("broke")
    for line in lines():
        assert secret not in json.dumps(line)
    assert "ValueError" in lines()[-1]["exception"]


@pytest.mark.parametrize("name", ["api_key", "X-API-Key", "webhook_secrets", "password", "token"])
def test_what_is_named_a_secret_is_hidden_whatever_it_is(lines: Lines, name: str) -> None:
    log.info("at", extra={name: "plain", "headers": {name: "deep"}})
    (line,) = lines()
    assert line[name] == "[hidden]"
    assert line["headers"][name] == "[hidden]"


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:3000/internal/jobs?listing=a@b.example",
        "postgresql://postgres:@/studio?host=/run/studio",
        "basic training of the token classifier",
        "no signature in listings/42/kitchen.jpg",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@given(
    st.text(alphabet=string.ascii_letters + string.digits + "-_", min_size=16, max_size=60),
    st.text(max_size=40),
    st.text(max_size=40),
)
def test_a_key_is_hidden_wherever_it_stands(secret: str, before: str, after: str) -> None:
    for kind in ("vls_", "whsec_"):
        text = f"{before} {kind}{secret} {after}"
        hidden = redact(text)
        assert f"{kind}{secret}" not in hidden
        assert redact(hidden) == hidden, "once is enough"


def test_the_end_of_a_thread_is_a_line_too(lines: Lines) -> None:
    def end() -> None:
        raise RuntimeError(f"with {KEY}")

    thread = threading.Thread(target=end, name="reaper")
    thread.start()
    thread.join()
    (line,) = lines()
    assert line["level"] == "critical"
    assert "reaper" in line["event"]
    assert "RuntimeError" in line["exception"]
    assert KEY not in line["exception"]
