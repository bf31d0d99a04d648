"""A receiver of webhooks that can be told to make trouble, and deliveries tried by hand."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session as Database

from serving.db.tables import Job, Json, WebhookDelivery
from serving.jobs import attempts, webhooks
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.jobs.webhooks import Answer, Schedule, Sender
from stack.backend.app import Desk
from stack.backend.events import Verifier
from stack.backend.inbox import Inbox
from stack.backend.sandbox import Sandbox, Switches
from stack.backend.server import running

OLD, NEW = (
    "whsec_YW4gb2xkIHNlY3JldCBvZiB0aGUgdGVzdHM=",
    "whsec_dGhlIG5ldyBzZWNyZXQgb2YgdGhlIHRlc3Rz",
)
QUICK = Schedule(first_s=0.05, longest_s=0.4, attempts=40)
TIMEOUT_S, PATIENT_S = 0.4, 10.0


class Receiver:
    """The reference backend, running."""

    def __init__(self, url: str, desk: Desk) -> None:
        self.url, self.desk = url, desk

    def trouble(self, **switches: object) -> None:
        self.desk.sandbox.set(Switches.model_validate(switches))

    def deliveries(self) -> dict[str, Json]:
        return {row["id"]: row for row in self.desk.inbox.deliveries(10_000)}


@contextmanager
def receiving(folder: Path, *secrets: str) -> Iterator[Receiver]:
    desk = Desk(Verifier(secrets), Inbox(folder / "inbox.sqlite"), Sandbox())
    with running(desk) as url:
        yield Receiver(url, desk)
    desk.inbox.close()


@contextmanager
def answering(*parts: bytes, pause_s: float = 0.0) -> Iterator[str]:
    """A server that sends `parts` to whoever calls, the last again and again while there is one."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    _read_request(connection)
                    for part in parts:
                        connection.sendall(part)
                    while pause_s:
                        time.sleep(pause_s)
                        connection.sendall(parts[-1])
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _read_request(connection: socket.socket) -> None:
    """Take in all of a request: closing on what is unread would reset the line."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(65536)
    head, _, body = request.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        body += connection.recv(65536)


def begin(engine: Engine, kind: str = "render_video") -> Job:
    new = NewJob(KINDS[kind], {"photos": []}, client="test", listing_id="l-1")
    job = attempts.take(engine, submit(engine, new, 10_000).job_id, uuid4())
    assert job is not None
    return job


def finish(engine: Engine, kind: str = "render_video", progress: int = 0) -> Job:
    job = begin(engine, kind)
    for done in range(progress):
        attempts.report_progress(engine, job, {"done": done, "total": progress})
    attempts.complete(engine, job, {"object": "films/1.mp4"})
    return job


def rows(engine: Engine) -> list[WebhookDelivery]:
    with Database(engine) as database:
        found = database.scalars(select(WebhookDelivery).order_by(WebhookDelivery.created_at)).all()
        database.expunge_all()
        return list(found)


def only(engine: Engine) -> WebhookDelivery:
    (row,) = rows(engine)
    return row


def claimed(engine: Engine, delivery_id: str) -> WebhookDelivery:
    delivery = webhooks.claim(engine, delivery_id, uuid4())
    assert delivery is not None
    return delivery


def try_once(engine: Engine, sender: Sender, delivery_id: str, schedule: Schedule = QUICK) -> None:
    """What a worker does when the queue wakes it."""
    delivery = webhooks.claim(engine, delivery_id, uuid4())
    if delivery is not None:
        webhooks.settle(engine, delivery, sender.send(delivery), schedule)


def deliver(
    engine: Engine, sender: Sender, schedule: Schedule = QUICK, within_s: float = 60
) -> None:
    """Do what workers do until nothing is owed, eight at once, without the queue's polling."""
    due = select(WebhookDelivery.id).where(
        WebhookDelivery.status == "pending", WebhookDelivery.run_at <= func.now()
    )
    owed = select(func.count()).where(WebhookDelivery.status.in_(("pending", "sending")))
    until = time.monotonic() + within_s
    with ThreadPoolExecutor(8) as pool, engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        while connection.scalar(owed):
            assert time.monotonic() < until, "something is still owed"
            ids = connection.scalars(due).all()
            list(pool.map(lambda delivery_id: try_once(engine, sender, delivery_id, schedule), ids))
            time.sleep(0.01)


def give_up(engine: Engine, jobs: list[Job]) -> None:
    for job in jobs:
        delivery = claimed(engine, end_id(job))
        once = Schedule(0, 0, attempts=1)
        webhooks.settle(engine, delivery, Answer(None, "the line was cut"), once)


def end_id(job: Job) -> str:
    return f"msg_{job.id.hex}_{job.attempt}"
