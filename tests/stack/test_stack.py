import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from serving.settings import Settings
from stack.processes import Program, Stack, StackFailed, free_port
from stack.programs import ROOT, environment, postgres

pytestmark = pytest.mark.slow


def wait_for(happened: Callable[[], bool], timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.1)


def server(port: int) -> Program:
    """A real HTTP server that answers 200 on every path that is a file of its folder."""
    command = f"{sys.executable} -m http.server {port} --bind 127.0.0.1"
    return Program("pages", command, health=f"http://127.0.0.1:{port}/", port=port)


def below(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def alive(processes: list[psutil.Process]) -> list[str]:
    _, left = psutil.wait_procs(processes, timeout=10)
    return [words(p) for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_what_dies_comes_back_and_the_end_is_the_end_of_all(tmp_path: Path) -> None:
    settings, port = Settings(studio_home=tmp_path), free_port()
    stack = Stack(settings, [*postgres(settings), server(port)], environment(settings))
    with stack.running() as supervisor:
        everything = below(supervisor.pid)
        (pages,) = (process for process in everything if "http.server" in words(process))
        (postmaster,) = (process for process in everything if "bin/postgres -D" in words(process))
        pages.kill()
        postmaster.kill()
        wait_for(lambda: answers(port) and "RUNNING" in stack.control("status", "postgres"))
        everything += below(supervisor.pid)
    assert not alive(everything)


# starts a server in a session of its own, where signals to a process group do not find it
PARENT = (
    "import subprocess, sys; "
    "subprocess.Popen([sys.executable, *sys.argv[1:]], start_new_session=True).wait()"
)


@pytest.mark.parametrize("process_tree", [False, True], ids=["alone", "with children"])
def test_a_supervisor_that_is_killed_comes_back_with_everything(
    tmp_path: Path, process_tree: bool
) -> None:
    settings, port = Settings(studio_home=tmp_path), free_port()
    pages = in_a_session_of_its_own(server(port)) if process_tree else server(port)
    stack = Stack(settings, [*postgres(settings), pages], environment(settings))
    with stack.running() as supervisor:
        first = below(supervisor.pid)
        first[0].kill()
        # not the supervisor itself: whoever waits for a child takes its end from who started it
        assert not alive(first[1:]), "an orphan would hold the port"
        wait_for(lambda: supervisor.pid != first[0].pid and answers(port))
        wait_for(lambda: "RUNNING" in stack.control("status", "postgres"))
        second = below(supervisor.pid)
    assert not alive(second)


def in_a_session_of_its_own(pages: Program) -> Program:
    """The server as MLflow and Dagster start theirs: below a parent, where no signal finds it."""
    words = [sys.executable, "-c", PARENT, *shlex.split(pages.command)[1:]]
    return replace(pages, command=shlex.join(words), process_tree=True)


@pytest.mark.parametrize("generation", [0, 1, 2], ids=["process_tree", "parent", "server"])
def test_whichever_parent_is_killed_the_server_comes_back_on_its_port_and_ends_with_the_stack(
    settings: Settings, generation: int
) -> None:
    port = free_port()
    stack = Stack(settings, [in_a_session_of_its_own(server(port))])
    with stack.running() as supervisor:
        everything = below(supervisor.pid)
        family = [process for process in everything if "http.server" in words(process)]
        family[generation].kill()
        assert not alive(family[2:]), "an orphan would hold the port for ever"
        wait_for(lambda: answers(port) and "RUNNING" in stack.control("status", "pages"))
        everything += below(supervisor.pid)
    assert not alive(everything)
    assert not listened_on(port)


RUN = """
import sys
from pathlib import Path
from serving.settings import Settings
from stack.processes import Stack
from tests.stack.test_stack import in_a_session_of_its_own, server
pages = in_a_session_of_its_own(server(int(sys.argv[2])))
stack = Stack(Settings(studio_home=Path(sys.argv[1])), [pages])
with stack.running() as supervisor:
    print(supervisor.pid, flush=True)
    supervisor.wait()
"""


@pytest.mark.parametrize("with_leash", [False, True])
def test_nothing_is_left_of_a_stack_that_was_killed_and_the_next_one_has_its_ports(
    settings: Settings, with_leash: bool
) -> None:
    port = free_port()
    env = {"DATABASE_URL": str(settings.database_url), "PYTHONPATH": str(ROOT)}
    stack = subprocess.Popen(
        [sys.executable, "-c", RUN, str(settings.home()), str(port)],
        env=os.environ | env,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert stack.stdout is not None
    lines = iter(stack.stdout.readline, "")
    supervisor = int(next(line for line in lines if line.strip().isdigit()))
    everything = below(supervisor)
    process_tree = next(process for process in everything if "stack.process_tree" in words(process))
    if with_leash:  # nobody is left who would end the server
        os.kill(supervisor, signal.SIGSTOP)
        process_tree.kill()
        os.kill(supervisor, signal.SIGKILL)
    stack.kill()
    if not with_leash:
        assert not alive(everything)
        assert not listened_on(port)
    said: list[str] = []
    pages = in_a_session_of_its_own(server(port))
    with Stack(settings, [pages], say=said.append).running():
        assert answers(port)
    assert any("an earlier start had left" in line for line in said) is with_leash
    assert not alive(everything)
    assert not listened_on(port)


def listened_on(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def test_a_port_that_a_stranger_holds_is_named_with_its_holder(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        said = rf"pages: port {port} is taken by process {os.getpid()} .*or choose another"
        with pytest.raises(StackFailed, match=said), Stack(settings, [server(port)]).running():
            pass
        assert listened_on(port), "a stranger is left alone"


def test_a_home_whose_studio_runs_is_not_started_twice(settings: Settings) -> None:
    first, second = free_port(), free_port()
    with Stack(settings, [server(first)]).running():
        again = Stack(settings, [server(second)])
        with pytest.raises(StackFailed, match=r"runs from .* already"), again.running():
            pass
        assert answers(first)


def test_a_supervisor_that_was_told_to_end_stays_away(tmp_path: Path) -> None:
    settings = Settings(studio_home=tmp_path)
    stack = Stack(settings, postgres(settings), environment(settings))
    with stack.running() as supervisor:
        stack.control("shutdown")
        supervisor.wait()
        assert supervisor.ended()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_program_that_never_answers_is_named_and_nothing_stays_behind(tmp_path: Path) -> None:
    settings = Settings(studio_home=tmp_path)
    sleeper = Program(
        "sleeper", f"{sys.executable} -c 'import time; time.sleep(99)'",
        health=f"http://127.0.0.1:{free_port()}/",
    )  # fmt: skip
    stack = Stack(settings, [*postgres(settings), sleeper], environment(settings))
    with pytest.raises(StackFailed, match="sleeper does not answer"), stack.running(wait_s=15):
        pass
    home = str(tmp_path)
    left = [
        p for p in psutil.process_iter(["cmdline"]) if home in " ".join(p.info["cmdline"] or ())
    ]
    assert not left


def test_demo_goes_through_a_job_its_callback_and_its_page_with_good_and_bad_photos(
    tmp_path: Path,
) -> None:
    photos = tmp_path / "my photos"
    photos.mkdir()
    for sample in sorted((ROOT / "datasets" / "sample_listing").glob("*.jpg"))[:2]:
        (photos / sample.name).write_bytes(sample.read_bytes())
    (photos / "broken.jpg").write_bytes(b"\xff\xd8 not much of a picture")
    done = subprocess.run(
        [sys.executable, "-m", "stack", "demo", "--photos", str(photos), "--out", str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "2 photos classified" in done.stdout
    assert (tmp_path / "film.mp4").stat().st_size > 100_000
    assert "1 could not be read" in done.stdout
    assert "called back: classification-complete, signature verified" in done.stdout
    report = (tmp_path / "report.html").read_text()
    assert report.count("data:image/jpeg;base64,") == 2
    assert "BadImage" in report
    page = (tmp_path / "job.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 2
    assert "Bad image" in page
    assert re.search(r"classification complete.*?delivered", page, re.DOTALL)
    assert "signature=" not in page, "what the page points to is gone"


def test_demo_says_what_is_wrong_with_an_empty_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stack", "demo", "--photos", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "there is no photo" in done.stderr


def test_one_ctrl_c_ends_the_whole_studio(tmp_path: Path) -> None:
    ports = {name: str(free_port()) for name in ("GATEWAY_PORT", "DAGSTER_PORT", "MLFLOW_PORT")}
    with (tmp_path / "dev.log").open("w") as log:
        dev = subprocess.Popen(
            [sys.executable, "-m", "stack", "dev"],
            env=os.environ | ports | {"STUDIO_HOME": str(tmp_path / "home")},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        said = tmp_path / "dev.log"
        wait_for(lambda: "Ctrl-C ends everything" in said.read_text(), timeout_s=180)
        for name, port in ports.items():
            assert f"http://127.0.0.1:{port}" in said.read_text(), name
        everything = below(dev.pid)
        assert len(everything) > 8
        servers = [process for process in everything if "api grpc" in words(process)]
        assert len(servers) == 1, "pages and daemon ask the one code server"
        dev.send_signal(signal.SIGINT)
        assert dev.wait(60) == 0
    finally:
        dev.kill()
    assert not alive(everything)
