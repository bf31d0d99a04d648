"""The reference backend, in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.backend.app import Desk
from stack.backend.events import Verifier
from stack.backend.inbox import Inbox
from stack.backend.sandbox import Sandbox
from stack.backend.server import running
from tests.stack.senders import NEW, OLD, Client


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
