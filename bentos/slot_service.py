"""One slot's version in a process of its own: `python -m bentos.slot_service TASK SLOT`.

A version on trial may hang, end by a signal, or ask for all memory; whoever asks it has a deadline
and the champion to fall back to, and this process is where the damage ends. It may have so much
memory (`CHALLENGER_MEMORY_BYTES`), is what the kernel ends first when memory runs out, and leaves
the processor to others. A batch that takes longer than `CHALLENGER_HUNG_S` ends it, since nothing
else ends a loop within a graph.

It answers at a socket that is there only while it can answer, or with `--port` over the network.
Without `--published` it follows the slots and swaps versions, as a container of its own should;
`bentos.slot_services`, on a single machine, starts a new process for each version.
"""

import argparse
import json
import os
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from serving.environment import read_settings
from serving.models.slot_address import NoAddress, slot_socket
from serving.models.slots import Published
from serving.process import expect_harm
from serving.settings import Settings

if TYPE_CHECKING:
    import uvicorn

_LAST_WORD_S = 2


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="bentos.slot_service",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", help="such as room-classifier")
    parser.add_argument("slot", help="challenger, or arm-NAME of an experiment")
    parser.add_argument("--published", help="the one version to hold, as a row of slots in JSON")
    parser.add_argument("--host", default="0.0.0.0", help="with --port; default: %(default)s")
    parser.add_argument("--port", type=int, help="unset: a socket on this machine")
    asked = parser.parse_args()
    settings = read_settings()
    published = read_published(asked.published) if asked.published else None
    expect_harm(settings.challenger_memory_bytes)
    try:
        address: Path | tuple[str, int] = (
            (asked.host, asked.port)
            if asked.port is not None
            else slot_socket(settings.socket_folder(), asked.task, asked.slot)
        )
        serve(asked.task, asked.slot, published, address)
    except NoAddress as error:
        parser.error(str(error))


def read_published(text: str) -> Published:
    """Return a row of slots from JSON, as `write_published` wrote it."""
    return Published(**json.loads(text))


def write_published(published: Published) -> str:
    """Return what names a version for a process: all of its row but what its traffic is."""
    return json.dumps(
        {
            "task": published.task,
            "slot": published.slot,
            "version": published.version,
            "model_sha256": published.model_sha256,
            "card_sha256": published.card_sha256,
        }
    )


def serve(
    task_name: str, slot: str, published: Published | None, address: Path | tuple[str, int]
) -> None:
    """Answer for a slot until told to end.

    Parameters
    ----------
    published : the version to hold; None: follow the slots
    address : a socket's path, or a host and its port

    Raises
    ------
    SystemExit
        If there is no such task, or its version cannot be loaded.
    """
    from serving.tasks import TASKS

    task = TASKS.get(task_name)
    if task is None:
        raise SystemExit(f"error: there is no task '{task_name}'; there are {', '.join(TASKS)}")
    # not before the bounds are set: what these imports make has to be within them
    import uvicorn

    from bentos.model_service import model_service
    from serving.db.engine import open_engine
    from serving.models.loading import open_slot
    from serving.models.local import Models, OpenSession
    from serving.models.watched import WatchedSessions
    from serving.storage.objects import Storage

    def open_held(settings: Settings, storage: Storage, open_session: OpenSession) -> Models:
        watched = WatchedSessions(open_session, settings.challenger_hung_s)
        source = published or open_engine(settings)
        held = open_slot(settings, storage, source, task, slot, watched).models
        if published is not None:
            held.get(task.name)  # to end at once where it cannot be loaded
        return held

    config = partial(
        uvicorn.Config,
        model_service(task, open_held).to_asgi(),
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=_LAST_WORD_S,
    )
    if isinstance(address, Path):
        _serve_at_socket(uvicorn.Server(config()), address)
    else:
        uvicorn.Server(config(host=address[0], port=address[1])).run()


def _serve_at_socket(server: "uvicorn.Server", path: Path) -> None:
    """Serve at a socket for ourselves alone, which takes the place of a dead one's once we can."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    begun = path.with_name(f".{path.name}")
    begun.unlink(missing_ok=True)
    begin = server.startup

    async def startup(sockets: list[socket.socket] | None = None) -> None:
        await begin(sockets)
        begun.replace(path)

    server.startup = startup  # type: ignore[method-assign] # nothing else tells when it listens
    with socket.socket(socket.AF_UNIX) as ours:
        mask = os.umask(0o177)
        try:
            ours.bind(str(begun))
        finally:
            os.umask(mask)
        try:
            server.run([ours])
        finally:
            begun.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
