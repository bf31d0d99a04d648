"""Batches of films, and a worker that ends their jobs as a test says."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, select

from dagster_project.batches.bulk import Rules
from serving.db.tables import Job, Json
from serving.errors import BadInput
from serving.jobs import attempts
from serving.storage.objects import Storage

DAY = "2026-03-01"
RULES = Rules(max_queued=1_000, time_limit_s=30.0, poll_s=0.02)
ERROR = {"title": "BadImage", "detail": "none of the 2 photos | can be read", "reason": "input"}

Work = Callable[[Job], Json]


def film(listing_id: str, **changes: object) -> Json:
    """Return a film as a batch asks for it."""
    photos = [{"photo": f"listings/{listing_id}/{name}.jpg"} for name in ("a", "b")]
    return {"listing_id": listing_id, "film": {"photos": photos, "template": "modern"} | changes}


def write_batch(storage: Storage, *films: Json, day: str = DAY) -> None:
    storage.write(f"batches/films/{day}.json", json.dumps({"films": films}).encode())


def result_of(job: Job, skipped: int = 0) -> Json:
    """Return what `render_video` answers, as far as the batch reads it."""
    base = f"films/{job.id}/16x9-1080p30"
    made = {
        "format": "16x9-1080p30", "duration_s": 12.5, "film": f"{base}.mp4",
        "poster": f"{base}.jpg", "left_out": [],
    }  # fmt: skip
    bad = [{"photo": f"b{n}.jpg", "error": {"detail": "no picture"}} for n in range(skipped)]
    return {"films": [made], "template": "modern", "skipped": bad}


@contextmanager
def worker(engine: Engine, work: Work) -> Iterator[list[Job]]:
    """Take jobs by priority as workers do, end each as `work` says; give those taken, in order."""
    stop, taken, name = threading.Event(), list[Job](), uuid4()
    waiting = select(Job.id).where(Job.status == "pending").order_by(Job.priority.desc())

    def run() -> None:
        while not stop.is_set():
            with engine.connect() as connection:
                job_id = connection.scalar(waiting.limit(1))
            job = attempts.take(engine, job_id, name) if job_id else None
            if job is None:
                time.sleep(0.01)
                continue
            taken.append(job)
            try:
                attempts.complete(engine, job, work(job))
            except BadInput:
                attempts.fail(engine, job, ERROR)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield taken
    finally:
        stop.set()
        thread.join()


def jobs_of(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(Job.__table__).order_by(Job.created_at)))
