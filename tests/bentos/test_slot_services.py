"""Each version beside the champion has a process of its own, and what ends one ends it alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from pydantic import TypeAdapter
from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session as Database

from bentos.slot_service import read_published, write_published
from bentos.slot_services import Launcher, LauncherRuns, asks_here, only_launcher
from serving.db.tables import Slot
from serving.models.routing import CHALLENGER, CHAMPION
from serving.models.slot_address import NoAddress, slot_address, slot_socket
from serving.models.slots import Mode, Published
from serving.models.wire import ArrayBytes, Item
from serving.settings import Settings
from serving.storage.objects import Storage
from tests import faulty_models as faulty
from tests.fakes import BLUE, RED, SIDE, TASK, colour_model, picture, publish
from tests.faulty_graphs import bright

_Body = TypeAdapter(dict[str, list[Item]])


def wait_for(happened: Callable[[], bool], timeout_s: float = 90) -> None:
    until = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.02)


class Processes:
    """Starts processes that do nothing, on a clock that is turned by hand."""

    def __init__(self, folder: Path) -> None:
        self.now, self.command = 0.0, ["sleep", "600"]
        self.started: list[subprocess.Popen[bytes]] = []
        self.launcher = Launcher(folder, self.start, lambda: self.now)

    def start(self, published: Published) -> subprocess.Popen[bytes]:
        del published
        self.started.append(subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.command]))
        return self.started[-1]

    def run(self, *rows: Published) -> None:
        """Tell of these rows, and look until the ones that were to end have ended."""
        self.launcher.want({(row.task, row.slot): row for row in rows})
        self.launcher.look()
        wait_for(self.settled)

    def settled(self) -> bool:
        self.launcher.look()
        return all(child.ending is None for child in self.launcher._children.values())

    @property
    def alive(self) -> int:
        return sum(process.poll() is None for process in self.started)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path)
    yield processes
    for process in processes.started:
        process.kill()
        process.wait()


def row(slot: str = CHALLENGER, version: str = "2", **changes: Any) -> Published:  # noqa: ANN401
    return Published(TASK, slot, version, "a" * 64, "b" * 64, **changes)


@pytest.mark.parametrize(
    ("one", "runs"),
    [
        (row(), 1),
        (row(mode=Mode.SHADOW, weight=0.0), 1),
        (row("arm-b"), 1),
        (row(mode=Mode.OFF), 0),
        (row(stopped="it answered NaN"), 0),
        (row(CHAMPION), 0),
        (row("arm-../../elsewhere"), 0),
        (row("arm-" + "long" * 30), 0),
    ],
    ids=["canary", "shadow", "arm", "off", "stopped", "champion", "elsewhere", "too long"],
)
def test_a_version_has_a_process_while_it_is_asked(
    processes: Processes, one: Published, runs: int
) -> None:
    processes.run(one)
    assert processes.alive == runs
    processes.run(one)
    assert len(processes.started) == runs
    processes.run()
    assert processes.alive == 0
    assert processes.launcher.idle


def test_another_version_has_another_process_and_another_weight_has_not(
    processes: Processes,
) -> None:
    processes.run(row(weight=1.0))
    processes.run(row(weight=5.0, mode=Mode.SHADOW))
    assert len(processes.started) == 1
    processes.run(row(version="3"))
    assert (len(processes.started), processes.alive) == (2, 1)


def test_a_version_that_was_promoted_answers_in_its_old_slot_a_while_longer(
    processes: Processes,
) -> None:
    processes.run(row())
    champion = row(CHAMPION)
    processes.run(champion)
    assert processes.alive == 1
    processes.now += 9
    processes.run(champion)
    assert processes.alive == 1
    processes.now += 2
    processes.run(champion)
    assert processes.alive == 0


def test_a_process_that_ends_again_and_again_is_started_later_each_time(
    processes: Processes,
) -> None:
    processes.command = ["false"]
    starts: list[float] = []
    processes.run(row())
    while processes.now < 200:
        if len(processes.started) > len(starts):
            starts.append(processes.now)
            processes.started[-1].wait()
        processes.now += 0.25
        processes.launcher.look()
    waits = np.diff(starts)
    assert 0.5 <= waits[0] <= 1.0
    assert list(waits) == sorted(waits)
    assert 30 <= waits[-1] <= 31


def test_a_process_that_lived_long_is_started_soon(processes: Processes) -> None:
    processes.run(row())
    for _ in range(4):
        processes.now += 100.0
        processes.started[-1].kill()
        processes.started[-1].wait()
        processes.launcher.look()
        processes.now += 0.6
        processes.launcher.look()
        assert processes.alive == 1


def test_what_does_not_hear_is_killed(processes: Processes) -> None:
    processes.command = ["sh", "-c", "trap '' TERM; while true; do sleep 0.01; done"]
    processes.run(row())
    time.sleep(0.2)
    processes.launcher.want({})
    processes.launcher.look()
    processes.launcher.look()
    assert processes.alive == 1
    processes.now += 10.0
    wait_for(processes.settled)
    assert processes.alive == 0


def test_a_process_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    asked = list[float]()
    now = 0.0

    def start(_: Published) -> subprocess.Popen[bytes]:
        asked.append(now)
        raise BlockingIOError("no more processes")

    launcher = Launcher(tmp_path, start, lambda: now)
    launcher.want({(TASK, CHALLENGER): row()})
    for now in (0.0, 0.1, 0.6, 0.7, 1.7):  # noqa: B007 - the clock reads it
        launcher.look()
    assert asked == [0.0, 0.6, 1.7]


def test_one_folder_has_one_launcher_and_no_sockets_of_a_dead_one(tmp_path: Path) -> None:
    left = [slot_socket(tmp_path, TASK, slot) for slot in (CHALLENGER, "arm-b")]
    others = [tmp_path / "supervisor.sock", tmp_path / "dagster-code.sock"]
    for path in (*left, *others):
        path.touch()
    with only_launcher(tmp_path):
        assert [path.exists() for path in left] == [False, False]
        assert all(path.exists() for path in others)
        with pytest.raises(LauncherRuns), only_launcher(tmp_path):
            pass
    with only_launcher(tmp_path):
        pass


def test_a_version_is_named_to_its_process_whole() -> None:
    told = read_published(write_published(row(weight=3.0)))
    assert told.identity == row().identity
    assert (told.task, told.slot, told.runs) == (TASK, CHALLENGER, True)


def test_a_slot_that_is_reached_over_the_network_has_its_name_in_the_url(tmp_path: Path) -> None:
    settings = Settings(studio_home=tmp_path, challenger_url="http://{task}-{slot}:3000/")
    address = slot_address(settings, TASK, "arm-b")
    assert (address.url, address.socket) == (f"http://{TASK}-arm-b:3000", None)
    for wrong in ("http://{version}", "{task}", "ftp://{task}"):
        with pytest.raises(ValueError, match="challenger_url"):
            Settings(studio_home=tmp_path, challenger_url=wrong)
    with pytest.raises(NoAddress, match="letters"):
        slot_socket(tmp_path, TASK, "arm-a/b")


def test_no_process_is_started_for_who_asks_elsewhere_or_nobody(tmp_path: Path) -> None:
    settings = Settings(studio_home=tmp_path)
    assert asks_here(settings)
    assert not asks_here(settings.model_copy(update={"slots": "pinned"}))
    assert not asks_here(settings.model_copy(update={"challenger_url": "http://{task}:3000"}))


# -- real processes, real models, a real database


class Service:
    """Asks the challenger of a studio's own launcher."""

    def __init__(self, settings: Settings) -> None:
        self.socket = slot_socket(settings.socket_folder(), TASK, CHALLENGER)
        transport = httpx.HTTPTransport(uds=str(self.socket))
        self._client = httpx.Client(base_url="http://slot", transport=transport, timeout=60)

    def ask(self, colour: tuple[int, int, int] = RED) -> str | None:
        """Return the room, `broken`, or None if nobody answers."""
        item = Item(arrays={"pixels": ArrayBytes.of(picture(colour, SIDE, SIDE))})
        body = _Body.dump_json({"items": [item]})
        headers = {"Content-Type": "application/json"}
        try:
            answer = self._client.post(f"/{TASK}/predict", content=body, headers=headers)
        except httpx.TransportError:
            return None
        (reply,) = answer.raise_for_status().json()
        return str(reply["answer"]["room_type"]) if reply["answer"] else "broken"

    def wait(self, room: str = "red") -> None:
        wait_for(lambda: self.ask() == room)


@contextmanager
def launched(settings: Settings, **changes: str) -> Iterator[psutil.Process]:
    """Run the launcher as a studio does, until it is told to end."""
    environment = {
        "STUDIO_HOME": str(settings.home()),
        "DATABASE_URL": str(settings.database_url),
        "SLOTS_POLL_S": "0.2",
        "PYTHONSAFEPATH": "1",
    }
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "bentos.slot_services"],
        env=os.environ | environment | changes,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def only_child(launcher: psutil.Process) -> psutil.Process:
    (child,) = launcher.children()
    return child


@pytest.mark.slow
def test_a_version_answers_from_its_own_process_whatever_ends_that(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    publish(engine, storage, "1", colour_model(gain=4.0))
    publish(engine, storage, "2", slot=CHALLENGER, mode="shadow")
    service = Service(settings)
    with launched(settings) as launcher:
        service.wait()
        child = only_child(launcher)
        assert service.socket.stat().st_mode & 0o777 == 0o600
        assert child.nice() == launcher.nice() + 2
        assert Path(f"/proc/{child.pid}/oom_score_adj").read_text().strip() == "1000"
        assert child.rlimit(psutil.RLIMIT_DATA) == (2 * 2**30,) * 2

        for number in (signal.SIGKILL, signal.SIGABRT):
            before = only_child(launcher)
            before.send_signal(number)
            before.wait(10)
            service.wait()
            assert only_child(launcher).pid != before.pid

        second = subprocess.run(
            [sys.executable, "-m", "bentos.slot_services"],
            env=os.environ | launcher.environ(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (second.returncode, "end it first" in second.stderr) == (1, True)

        with Database(engine) as database, database.begin():
            database.execute(delete(Slot).where(Slot.slot == CHALLENGER))
        wait_for(lambda: not launcher.children())
        assert not service.socket.exists()
        # shared pages count for a part
        assert launcher.memory_full_info().pss < 80 * 2**20

        publish(engine, storage, "3", slot=CHALLENGER, mode="canary", weight=1.0)
        service.wait()
        child = only_child(launcher)
        launcher.kill()
        psutil.wait_procs([child], timeout=10)
        assert not child.is_running()
        assert service.ask() is None


@pytest.mark.slow
def test_a_model_that_hangs_aborts_or_takes_all_memory_ends_its_process_at_most(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    service = Service(settings)
    on = bright(100.0)
    wide = picture((250, 250, 250), SIDE, SIDE)
    assert wide.mean() > 100 > picture(BLUE, SIDE, SIDE).mean()
    with launched(settings, CHALLENGER_HUNG_S="2") as launcher:
        for version, (model, said) in enumerate(
            [
                (faulty.allocate(colour_model(), on=on), "broken"),
                (faulty.throw(colour_model(), on), "broken"),
                (faulty.nan(colour_model(), on), "broken"),
                (faulty.abort(colour_model(), on), None),
                (faulty.hang(colour_model(), on), None),
            ]
        ):
            publish(engine, storage, str(version), model, slot=CHALLENGER, mode="shadow")
            pin = str(version)
            wait_for(lambda pin=pin: answering(service) == pin)  # type: ignore[misc]
            assert service.ask() == "red"
            child = only_child(launcher)
            assert service.ask((250, 250, 250)) == said
            if said is None:
                wait_for(lambda gone=child: not gone.is_running())  # type: ignore[misc]
            service.wait()
            assert (only_child(launcher) == child) is (said is not None)


def answering(service: Service) -> str | None:
    """Return the version that answers now."""
    try:
        found = service._client.post(f"/{TASK}/find", json={}).json()
    except httpx.TransportError:
        return None
    return str(found["pin"]["version"])
