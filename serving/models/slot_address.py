"""Where the process of a slot is reached: a socket on this machine, or a service of its own."""

import re
from dataclasses import dataclass
from pathlib import Path

from serving.errors import StudioError
from serving.settings import Settings

# what fits into sockaddr_un of Linux, without the zero byte at its end, and with a dot before the
# name, as it is called until it answers
_MAX_PATH = 106
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class NoAddress(StudioError):
    """A slot has a name that no socket can have; the message says why."""


@dataclass(frozen=True)
class SlotAddress:
    """Where the version of a slot answers: `/TASK/predict`, `/TASK/find`, `/measures`.

    Attributes
    ----------
    url : of the service; its host says nothing where there is a socket
    socket : of the process on this machine; None: the service is reached over the network
    """

    url: str
    socket: Path | None = None


def slot_address(settings: Settings, task: str, slot: str) -> SlotAddress:
    """Return where the process of a task's slot answers.

    Parameters
    ----------
    slot : beside the champion, which the gateway and the workers hold themselves

    Raises
    ------
    NoAddress
        If the slot's name makes no path, or one that is longer than the kernel takes.
    """
    if settings.challenger_url is not None:
        return SlotAddress(settings.challenger_url.format(task=task, slot=slot))
    return SlotAddress("http://slot", slot_socket(settings.socket_folder(), task, slot))


def slot_socket(folder: Path, task: str, slot: str) -> Path:
    """Return the socket of a slot's process; NoAddress if the kernel would not take it."""
    for name in (task, slot):
        if not _NAME.fullmatch(name):
            raise NoAddress(
                f"'{name}' cannot be part of a socket's name: use letters, digits, . _ -"
            )
    socket = folder / f"{task}-{slot}.sock"
    length = len(bytes(socket))
    if length > _MAX_PATH:
        raise NoAddress(
            f"the socket {socket} has {length} bytes of {_MAX_PATH}: give the slot a shorter "
            "name, or set TMPDIR to a shorter folder"
        )
    return socket
