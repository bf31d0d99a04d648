"""The processes of a studio on one machine, under supervisord, which restarts what dies."""

import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
from jinja2 import Environment, PackageLoader
from sqlalchemy.exc import OperationalError

from serving.db.migrate import prepare as migrated
from serving.settings import Settings
from stack.leftovers import MARK, end_leftovers, mark_of, port_taken
from stack.supervisor import Supervisor

# an earlier studio of this home that was told to end may take that long
_ENDING_S = 5.0


class StackFailed(RuntimeError):
    """A process did not come up; the message says which, and where its log is."""


@dataclass(frozen=True)
class Program:
    """One supervised process.

    Attributes
    ----------
    health : URL that answers 200 once it is ready
    page : URL for people
    port : that it listens on
    first : started alone, before the database is prepared for the others
    process_tree : it starts processes of its own, which have to end with it
    """

    name: str
    command: str
    health: str | None = None
    page: str | None = None
    port: int | None = None
    first: bool = False
    process_tree: bool = False


@dataclass(frozen=True)
class Stack:
    """Programs that run together.

    Attributes
    ----------
    env : set for all of them, beside this process's own environment
    say : told what happens, a line at a time
    """

    settings: Settings
    programs: Sequence[Program]
    env: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = print

    @property
    def logs(self) -> Path:
        """Where each process writes what it says."""
        return self.settings.home() / "logs"

    @contextmanager
    def running(
        self, prepare: Callable[[Settings], None] | None = None, wait_s: float = 180.0
    ) -> Iterator[Supervisor]:
        """Start everything, yield the supervisor when all of it answers, end every process.

        Whatever is killed meanwhile comes back, the supervisor too.

        Parameters
        ----------
        prepare : called once the database is there, before the other programs start

        Raises
        ------
        StackFailed
            If something does not answer within `wait_s`, a port is taken, or this home's studio
            runs already.
        """
        self._clear()
        supervisor = Supervisor(self._start, self.say)
        try:
            until = time.monotonic() + wait_s
            self._prepare_database(supervisor, until)
            if prepare is not None:
                prepare(self.settings)
            self.control("start", "all")
            for program in self.programs:
                self._wait_for(program, supervisor, until)
            yield supervisor
        finally:
            supervisor.stop()
            end_leftovers(mark_of(self.settings.home()))

    def control(self, *words: str) -> str:
        """Run supervisorctl with `words`; return what it said."""
        command = [_script("supervisorctl"), "-c", str(self._config), *words]
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout

    @property
    def _socket(self) -> Path:
        return self.settings.socket_folder() / "supervisor.sock"

    @property
    def _config(self) -> Path:
        return self.settings.home() / "supervisord.conf"

    def _clear(self) -> None:
        """End what an earlier start left behind; StackFailed if something else is in the way."""
        until = time.monotonic() + _ENDING_S
        while _calls(self._socket):
            if time.monotonic() > until:
                raise StackFailed(
                    f"a studio runs from {self.settings.home()} already: end it, or set STUDIO_HOME"
                )
            time.sleep(0.2)
        ended = end_leftovers(mark_of(self.settings.home()))
        if ended:
            self.say(f"ended {ended} processes that an earlier start had left behind")
        for program in self.programs:
            taken = port_taken(program.port) if program.port else None
            if taken:
                raise StackFailed(f"{program.name}: {taken}")

    def _start(self, first: bool) -> subprocess.Popen[bytes]:
        self.logs.mkdir(parents=True, exist_ok=True)
        self.settings.socket_folder().mkdir(mode=0o700, exist_ok=True)
        # after a death the database is there already: all come back at once
        self._write_config(autostart=not first)
        command = [_script("supervisord"), "-n", "-c", str(self._config)]
        # whatever becomes of us, the supervisor ends, and with it all below it
        supervisor = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],
            env=os.environ | dict(self.env),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # it has a log
            start_new_session=True,
        )
        _wake(supervisor, self._socket)
        return supervisor

    def _write_config(self, autostart: bool) -> None:
        loader = PackageLoader("stack", ".")
        template = Environment(loader=loader, autoescape=False).get_template("supervisord.conf.j2")
        self._config.write_text(
            template.render(
                programs=self.programs,
                autostart=autostart,
                process_tree=shlex.join([sys.executable, "-m", "stack.process_tree"]),
                mark=MARK,
                mark_of=partial(mark_of, self.settings.home()),
                logs=self.logs,
                folder=self.settings.home(),
                socket=self._socket,
                root=os.geteuid() == 0,
            )
        )

    def _prepare_database(self, supervisor: Supervisor, until: float) -> None:
        while True:
            try:
                migrated(self.settings).dispose()
            except OperationalError as error:
                if supervisor.ended() or time.monotonic() > until:
                    raise StackFailed(f"no database, see {self.logs}: {error}") from error
                time.sleep(0.2)
            else:
                self.say("database     up to date")
                return

    def _wait_for(self, program: Program, supervisor: Supervisor, until: float) -> None:
        # plain HTTP: certificates would cost more CPU than some of what is waited for
        with httpx.Client(timeout=2, verify=False) as client:
            while program.health is not None and not _answers(client, program.health):
                if supervisor.ended() or time.monotonic() > until:
                    raise StackFailed(f"{program.name} does not answer, see {self.logs}")
                time.sleep(0.2)
        self.say(f"{program.name:<12} {program.page or 'running'}")


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wake(supervisor: subprocess.Popen[bytes], address: Path) -> None:
    """Let supervisord begin at once: it waits a second for somebody to call before it does."""
    until = time.monotonic() + 5.0
    while supervisor.poll() is None and time.monotonic() < until and not _calls(address):
        time.sleep(0.02)


def _calls(address: Path) -> bool:
    """Say whether somebody answers at a socket, which may not be there or be a dead one's."""
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(address))
        except OSError:
            return False
    return True


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _script(name: str) -> str:
    return str(Path(sys.executable).parent / name)
