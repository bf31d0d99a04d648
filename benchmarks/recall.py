"""How long it takes until a backend knows what a version taken back had answered wrong.

200 listings of 12 photos were answered by a challenger: of a third of the photos the champion had
been asked too, a third lie in the storage, and of a third only the small picture is kept. The
challenger is taken back as its guard would do it. Two workers ask the champion, and the reference
backend is called back over HTTP, signed. Measured from the rollback to the last callback.
"""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np
from figures import Figures, parse
from load import tree_cpu_s
from PIL import Image
from servers import free_port
from sqlalchemy import Engine, func, insert, select
from sqlalchemy.orm import Session as Database

from registry.bootstrap import STARTERS
from registry.slot_rows import store, write_slot
from registry.versions import ModelFiles
from serving.card import Classes, ModelCard
from serving.db.canary_tables import KeptPhoto, Prediction
from serving.db.engine import open_engine, retry_while_unavailable
from serving.db.migrate import prepare
from serving.db.status import JobStatus
from serving.db.tables import Job, Json
from serving.models.routing import CHALLENGER, CHAMPION
from serving.operations.rollback import roll_back
from serving.photos.classify import ROOM_CLASSIFIER
from serving.settings import Settings
from serving.storage.objects import Storage, storage_of

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TASK = ROOM_CLASSIFIER.name
GOOD, WRONG = "1", "2"
PHOTOS, WORKERS = 12, 2
_GIVE_UP_S = 600.0


def main() -> None:
    """Run the command line."""
    listings = 20 if parse(__doc__).quick else 200
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="vls-", dir="/tmp") as name:
        settings = Settings(studio_home=Path(name))
        with studio(settings) as (url, workers):
            engine, storage = open_engine(settings), storage_of(settings)
            figures.say(f"{listings} listings of {PHOTOS} photos, {WORKERS} workers")
            Past(engine, storage).make(listings)
            cpu_s = sum(map(tree_cpu_s, workers))
            measure(figures, engine, url, listings)
            cpu_s = sum(map(tree_cpu_s, workers)) - cpu_s
            figures.add("recall.worker_cpu_s_per_listing", cpu_s / listings)
            engine.dispose()
    figures.print()


class Past:
    """What was answered before the version is taken back."""

    def __init__(self, engine: Engine, storage: Storage) -> None:
        self._engine, self._storage = engine, storage
        folder = STARTERS / TASK
        self._card = (folder / "card.json").read_bytes()
        self._model = (folder / "model.onnx").read_bytes()
        output = ModelCard.model_validate_json(self._card).output
        assert isinstance(output, Classes)
        self._labels = [label.name for label in output.labels]

    def make(self, listings: int) -> None:
        """Publish both versions, and write the answers as serving observes them."""
        other = json.dumps(json.loads(self._card) | {"git_commit": "another"}).encode()
        with Database(self._engine) as database, database.begin():
            for slot, version, card in (
                (CHAMPION, GOOD, self._card),
                (CHALLENGER, WRONG, other),
            ):
                stored = store(self._storage, version, ModelFiles(self._model, card))
                write_slot(database, TASK, slot, stored)
        rows: list[Json] = []
        kept: list[Json] = []
        for number in range(listings * PHOTOS):
            answered, pictures = self._photo(number)
            rows += answered
            kept += pictures
        with self._engine.begin() as connection:
            connection.execute(insert(Prediction), rows)
            connection.execute(insert(KeptPhoto), kept)

    def _photo(self, number: int) -> tuple[list[Json], list[Json]]:
        key, way = f"listing-{number // PHOTOS}", number % 3
        data = draw(number, (960, 1280) if way == 1 else (224, 224))
        sha256 = hashlib.sha256(data if way == 1 else str(number).encode()).hexdigest()
        row: Json = {
            "task": TASK, "slot": CHALLENGER, "version": WRONG, "role": "served",
            "content_sha256": sha256, "listing_key": key, "listing_id": key, "client": "benchmark",
            "answer": self._answer(number), "pair_id": uuid4() if way == 0 else None, "photo": None,
        }  # fmt: skip
        if way == 0:
            pair = {"slot": CHAMPION, "version": GOOD, "role": "paired"}
            return [row, row | pair | {"answer": self._answer(number + 1)}], []
        where = f"listings/{key}/{number}.jpg" if way == 1 else f"kept/{number}.webp"
        self._storage.write(where, data)
        if way == 1:
            return [row | {"photo": where}], []
        of = {"content_sha256": sha256, "client": "benchmark", "listing_key": key}
        return [row], [of | {"object_key": where, "bytes": len(data)}]

    def _answer(self, number: int) -> Json:
        label = self._labels[number % len(self._labels)]
        rest = 0.01 / (len(self._labels) - 1)
        scores = dict.fromkeys(self._labels, rest) | {label: 0.99}
        return {"room_type": label, "confidence": 0.99, "confident": True, "scores": scores,
                "scene": "interior"}  # fmt: skip


def draw(number: int, size: tuple[int, int]) -> bytes:
    """Return a JPEG of soft colours, each number another."""
    colours = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    height, width = size
    Image.fromarray(colours).resize((width, height), Image.Resampling.BICUBIC).save(file, "JPEG")
    return file.getvalue()


def measure(figures: Figures, engine: Engine, url: str, listings: int) -> None:
    """Take the version back, and wait until the backend knows of every listing."""
    before = time.monotonic()
    roll_back(engine, TASK, CHALLENGER, "the benchmark wants it", "benchmark")
    figures.add("recall.rollback_s", time.monotonic() - before)
    done_s = None
    while (told := told_listings(url)) < listings and time.monotonic() < before + _GIVE_UP_S:
        if done_s is None and count_done(engine) == listings:
            done_s = time.monotonic() - before
        time.sleep(0.1)
    figures.add("recall.seconds_until_all", time.monotonic() - before)
    figures.add("recall.seconds_until_all_answered", done_s or time.monotonic() - before)
    figures.add("recall.called_back_share", told / listings)
    figures.add("recall.answered_again_share", answered_share(engine, listings))
    figures.say(f"answers came from {json.dumps(count_sources(engine))}")


def told_listings(url: str) -> int:
    """Return of how many listings the backend heard that answers have changed."""
    listed = httpx.get(f"{url}/jobs", params={"status": "completed", "limit": 10_000}).json()
    changed = [job for job in listed["jobs"] if job["type"] == "recall_listing"]
    return len({job["listing_id"] for job in changed})


def count_done(engine: Engine) -> int:
    """Return how many listings were answered again."""
    done = select(func.count()).where(
        Job.type == "recall_listing", Job.status == JobStatus.COMPLETED
    )
    with engine.connect() as connection:
        return connection.scalar(done) or 0


def _photos(engine: Engine) -> list[Json]:
    wanted = select(Job.result).where(Job.type == "recall_listing", Job.result.is_not(None))
    with engine.connect() as connection:
        return [photo for result in connection.scalars(wanted) for photo in result["photos"]]


def answered_share(engine: Engine, listings: int) -> float:
    """Return the share of photos that the champion has answered."""
    answered = [photo for photo in _photos(engine) if photo["now"] is not None]
    return len(answered) / (listings * PHOTOS)


def count_sources(engine: Engine) -> dict[str, int]:
    """Return what the second answers were made from."""
    sources = [str(photo.get("from")) for photo in _photos(engine)]
    return {source: sources.count(source) for source in sorted(set(sources))}


@contextmanager
def studio(settings: Settings) -> Iterator[tuple[str, list[int]]]:
    """Run PostgreSQL, workers and a receiver; yield its URL and the ids of the workers."""
    url = f"http://127.0.0.1:{free_port()}"
    environment = os.environ | {
        "STUDIO_HOME": str(settings.home()),
        "BACKEND_URL": url,
        "WEBHOOK_SECRETS": json.dumps([SECRET]),
        "PYTHONSAFEPATH": "1",
    }
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
            retry_while_unavailable(lambda: prepare(settings).dispose(), wait_s=60.0)
            received = str(settings.home() / "backend")
            start("stack.backend", "--port", url.rpartition(":")[2], "--data", received)
            for _ in range(WORKERS):
                start("serving.worker")
            wait_for_receiver(url)
            yield url, [process.pid for process in running[2:]]
        finally:
            for process in reversed(running):  # the database last
                process.send_signal(signal.SIGTERM)
                process.wait(60)


def wait_for_receiver(url: str) -> None:
    """Return once the receiver answers."""
    until = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{url}/health").raise_for_status()
        except httpx.HTTPError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main()
