"""Whether every end of a job arrives at a receiver that is in trouble, and what that takes.

Real workers deliver to the reference backend, which in turn fails 30 % of deliveries, hangs, closes
connections before or in the middle of its answer, and answers 500 for two minutes. In each part
jobs tell of their progress and end. Retries wait half a second to 4 s here, in place of 5 s to a
day, so that what is measured is the machinery and not the waiting.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from figures import Figures, parse
from servers import free_port
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError

from serving.db.engine import open_engine
from serving.db.migrate import prepare
from serving.db.tables import WebhookDelivery, Worker
from serving.jobs import attempts
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.settings import Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WORKERS = 2
PROGRESS = 2
TIMEOUT_S = 2.0
_GIVE_UP_S = 300.0
_SETTINGS = {
    "WEBHOOK_FIRST_RETRY_S": "0.5",
    "WEBHOOK_LONGEST_RETRY_S": "4",
    "WEBHOOK_TIMEOUT_S": str(TIMEOUT_S),
    "WEBHOOK_ATTEMPTS": "60",
}


@dataclass(frozen=True)
class Part:
    """A time of one kind of trouble.

    Attributes
    ----------
    lasts_s : how long it goes on before deliveries can succeed at all
    """

    name: str
    switches: dict[str, Any]
    lasts_s: float = 0.0


def parts(outage_s: float) -> Sequence[Part]:
    """Return what the receiver goes through."""
    return (
        Part("fails", {"fail_percent": 30}),
        Part("hangs", {"hang_percent": 30, "hang_s": 60}),
        Part("closes_before", {"close_percent": 30, "close_at": "before"}),
        Part("closes_halfway", {"close_percent": 30, "close_at": "halfway"}),
        Part("answers_500", {"outage_s": outage_s}, outage_s),
    )


def main() -> None:
    """Run the command line."""
    quick = parse(__doc__).quick
    per_part, outage_s = (20, 15.0) if quick else (100, 120.0)
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="vls-", dir="/tmp") as name:
        settings = Settings(studio_home=Path(name))
        with studio(settings) as url:
            engine = open_engine(settings)
            wait_for(lambda: check_workers(engine), RuntimeError)
            jobs: list[UUID] = []
            for part in parts(outage_s):
                jobs += run(figures, engine, url, part, per_part)
            tell(figures, engine, url, jobs)
            engine.dispose()
    figures.print()


def check_workers(engine: Engine) -> None:
    """Raise RuntimeError while the workers are not all there."""
    with engine.connect() as connection:
        if connection.scalar(select(func.count()).select_from(Worker)) != WORKERS:
            raise RuntimeError("the workers did not start")


def run(figures: Figures, engine: Engine, url: str, part: Part, count: int) -> list[UUID]:
    """End `count` jobs while the receiver is in trouble, and wait until it knows of all."""
    figures.say(f"{part.name}: {count} jobs, {PROGRESS} x progress and an end each")
    httpx.put(f"{url}/sandbox", json=part.switches).raise_for_status()
    begun = time.monotonic()
    jobs = [end_one(engine) for _ in range(count)]
    owed_at = max(time.monotonic(), begun + part.lasts_s)
    while not all_known(url, jobs) and time.monotonic() < owed_at + _GIVE_UP_S:
        time.sleep(0.1)
    figures.add(f"webhooks.{part.name}.seconds_until_all", max(0.0, time.monotonic() - owed_at))
    return jobs


def end_one(engine: Engine) -> UUID:
    """Do what a worker does to a film: progress, and its end."""
    new = NewJob(KINDS["render_video"], {"photos": ["a.jpg"]}, client="benchmark")
    job = attempts.take(engine, submit(engine, new, 1_000_000).job_id, uuid4())
    assert job is not None
    for done in range(PROGRESS):
        attempts.report_progress(engine, job, {"done": done, "total": PROGRESS})
    attempts.complete(engine, job, {"object": f"films/{job.id}.mp4"})
    return job.id


def all_known(url: str, jobs: Sequence[UUID]) -> bool:
    """Say whether the receiver knows that these jobs have ended."""
    listed = httpx.get(f"{url}/jobs", params={"status": "completed", "limit": 10_000}).json()
    return {str(job) for job in jobs} <= {job["job_id"] for job in listed["jobs"]}


def tell(figures: Figures, engine: Engine, url: str, jobs: Sequence[UUID]) -> None:
    """Add what came of all of it."""
    answer = httpx.get(f"{url}/deliveries", params={"limit": 10_000}).json()
    owed = {f"msg_{job.hex}_1" for job in jobs}
    ends = [row for row in answer["deliveries"] if row["event"] == "video-complete"]
    arrived = {row["id"] for row in ends}
    with engine.connect() as connection:
        tries = connection.scalar(
            select(func.sum(WebhookDelivery.attempt)).where(WebhookDelivery.terminal)
        )
        superseded = connection.scalar(
            select(func.count()).where(WebhookDelivery.status == "superseded")
        )
    met = {name: count for name, count in answer["counts"].items() if "met_" in name}
    figures.say(f"the receiver was in trouble: {json.dumps(met)}")
    figures.add("webhooks.owed", len(owed))
    figures.add("webhooks.delivered", len(arrived & owed))
    figures.add("webhooks.missing", len(owed - arrived))
    figures.add("webhooks.under_another_id", len(arrived - owed))
    figures.add("webhooks.tries_per_end", (tries or 0) / len(owed))
    figures.add(
        "webhooks.duplicates_before_deduplication", sum(row["receipts"] - 1 for row in ends)
    )
    figures.add("webhooks.late_progress", answer["counts"]["out_of_order"])
    figures.add("webhooks.progress_superseded_share", (superseded or 0) / (PROGRESS * len(owed)))


@contextmanager
def studio(settings: Settings) -> Iterator[str]:
    """Run PostgreSQL, the workers and the receiver; yield the receiver's URL."""
    url = f"http://127.0.0.1:{free_port()}"
    environment = os.environ | _SETTINGS | {
        "STUDIO_HOME": str(settings.home()),
        "BACKEND_URL": url,
        "WEBHOOK_SECRETS": json.dumps([SECRET]),
        "PYTHONSAFEPATH": "1",
    }  # fmt: skip
    running: list[subprocess.Popen[bytes]] = []
    with (settings.home() / "log").open("w") as log:

        def start(*words: str) -> None:
            command = ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", *words]
            running.append(
                subprocess.Popen(
                    command, env=environment, stdout=log, stderr=log, start_new_session=True
                )
            )

        try:
            start("serving.db.postgres")
            wait_for(lambda: prepare(settings).dispose(), OperationalError)
            received = str(settings.home() / "backend")
            start("stack.backend", "--port", url.rpartition(":")[2], "--data", received)
            for _ in range(WORKERS):
                start("serving.worker", "--queues", "webhook")
            wait_for(lambda: httpx.get(f"{url}/health").raise_for_status(), httpx.HTTPError)
            yield url
        finally:
            for process in reversed(running):  # the database last
                process.send_signal(signal.SIGTERM)
                process.wait(60)


def wait_for(happens: Callable[[], object], error: type[Exception]) -> None:
    """Call until it does not raise `error` any more."""
    until = time.monotonic() + 60
    while True:
        try:
            happens()
        except error:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    main()
