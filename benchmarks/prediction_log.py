"""What it costs to write answers down, and whether none is lost unseen, also without a database.

Answers of a room classifier with ten labels, a challenger beside it: every second listing is
answered by both. The cost is the CPU of whoever answers (`caller`) and that of the thread that
writes (`writer`), for each answer. Then answers come at a steady rate for some seconds with the
database, and with the database stopped and started again; rows in the table and counted drops are
held against the answers, and the process's memory is watched.
"""

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from figures import Figures, parse
from sqlalchemy import Engine, func, select

from serving.card import Classes, Label, ModelCard, PhotoInput
from serving.db.canary_tables import ObservedBatch, Prediction
from serving.db.engine import retry_while_unavailable
from serving.db.migrate import prepare
from serving.models.observe import About, Beside, Observed, Observer, Said
from serving.models.predictor import Prediction as Answered
from serving.models.routing import CHALLENGER, CHAMPION
from serving.photos.classify import ROOM_CLASSIFIER, RoomAnswer
from serving.settings import Settings
from serving.storage.objects import storage_of

RATE = 400  # answers a second: four times what a machine of two cores classifies
LABELS = [f"room-{number}" for number in range(10)]
CARD = ModelCard(
    task=ROOM_CLASSIFIER.name,
    input=PhotoInput(height=224, width=224, mean=(0, 0, 0), std=(255, 255, 255)),
    output=Classes(
        labels=tuple(Label(name=name, scene="interior") for name in LABELS),
        temperature=1.0,
        confident_above=0.8,
    ),
    licence="Apache-2.0",
    backbone="none",
    precision="fp32",
    data_version="none",
)


def main() -> None:
    """Run the command line."""
    quick = parse(__doc__).quick
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="prediction-log-") as folder:
        settings = Settings(studio_home=Path(folder))
        with database(settings):
            engine = prepare(settings)
            measure_cost(figures, engine, settings, 4_000 if quick else 12_000)
            measure_load(figures, engine, settings, 3 if quick else 20)
            engine.dispose()
        measure_outage(figures, settings, 5 if quick else 60)
    figures.print()


@contextmanager
def database(settings: Settings) -> Iterator[None]:
    """Run the embedded PostgreSQL."""
    command = [sys.executable, "-m", "serving.db.postgres"]
    environment = os.environ | {"STUDIO_HOME": str(settings.home())}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        retry_while_unavailable(lambda: prepare(settings).dispose(), wait_s=60.0)
        yield
    finally:
        process.terminate()
        process.wait(30)


def answers(count: int) -> Iterator[Observed]:
    """Yield answers: of every second listing, the challenger's with the champion's beside it."""
    beside = Beside(CHALLENGER, "2", 0.5)
    for number in range(count):
        champion, other = say(CHAMPION, "1", number), say(CHALLENGER, "2", number)
        about = About(ROOM_CLASSIFIER, f"{number:064x}", f"house-{number // 12}", client="shop")
        if number % 2:
            yield Observed(about, champion, beside=beside)
        else:
            yield Observed(about, other, beside=beside, pair_id=uuid4(), other=champion)


def say(slot: str, version: str, number: int) -> Said:
    """Return an answer that is different for each number."""
    best = LABELS[number % 10]
    scores = {best: 0.91} | {name: 0.01 for name in LABELS if name != best}
    answer = RoomAnswer(best, 0.91, True, scores, "interior")
    prediction = Answered(answer, CARD.task, version, slot, f"{version}@x", False)
    return Said(prediction, CARD, 0.012)


def observer_of(engine: Engine, settings: Settings) -> Observer:
    """Return an observer as the gateway has it, without pictures."""
    return Observer(engine, storage_of(settings), settings.observed_bytes)


def measure_cost(figures: Figures, engine: Engine, settings: Settings, count: int) -> None:
    """Measure CPU of the caller and of the whole process for each answer."""
    observer, given = observer_of(engine, settings), list(answers(count))
    process, caller = time.process_time(), time.thread_time()
    for answer in given:
        observer.observe(answer)
    caller_s = time.thread_time() - caller
    observer.close(120)
    writer_s = time.process_time() - process - caller_s
    figures.add("prediction_log.cost.caller_us", caller_s / count * 1e6)
    figures.add("prediction_log.cost.writer_us", writer_s / count * 1e6)
    figures.add("prediction_log.cost.answers", count)
    figures.add("prediction_log.cost.dropped", sum(observer.dropped.values()))


def measure_load(figures: Figures, engine: Engine, settings: Settings, seconds: float) -> None:
    """Let four threads answer at a steady rate, and count."""
    before = rows(engine)
    observer = observer_of(engine, settings)
    drive(observer, seconds)
    observer.close(60)
    report(figures, "load", observer, rows(engine) - before)


def measure_outage(figures: Figures, settings: Settings, seconds: float) -> None:
    """Stop the database under load, watch the memory, start it again, and count."""
    with database(settings):
        engine = prepare(settings)
        before = rows(engine)
        observer = observer_of(engine, settings)
        drive(observer, 3)
        observer.flush()
    memory = Memory()
    drive(observer, seconds)
    grown = memory.grown()
    with database(settings):
        drive(observer, 3)
        observer.close(60)
        report(figures, "outage", observer, rows(engine) - before)
        with engine.connect() as connection:
            noted = connection.scalar(select(func.sum(ObservedBatch.dropped))) or 0
        engine.dispose()
    figures.add("prediction_log.outage.drops_noted_in_the_database", noted)
    figures.add("prediction_log.outage.seconds", seconds)
    figures.add("prediction_log.outage.memory_mb", grown / 2**20)


def drive(observer: Observer, seconds: float) -> None:
    """Answer at RATE from four threads."""

    def one() -> None:
        started, per_s = time.monotonic(), RATE / 4
        for number, answer in enumerate(answers(int(per_s * seconds))):
            time.sleep(max(started + number / per_s - time.monotonic(), 0))
            observer.observe(answer)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@dataclass
class Memory:
    """How much more of the machine's memory the process has than when this was made."""

    before: int = 0

    def __post_init__(self) -> None:
        """Begin."""
        self.before = resident_bytes()

    def grown(self) -> int:
        """Return the bytes."""
        return resident_bytes() - self.before


def resident_bytes() -> int:
    """Return the process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def rows(engine: Engine) -> int:
    """Return how many answers are in the table."""
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(Prediction)) or 0


def report(figures: Figures, name: str, observer: Observer, found: int) -> None:
    """Add what was answered, found and dropped."""
    dropped = sum(observer.dropped.values())
    figures.add(f"prediction_log.{name}.answers", observer.answers)
    figures.add(f"prediction_log.{name}.rows", found)
    figures.add(f"prediction_log.{name}.dropped", dropped)
    figures.add(f"prediction_log.{name}.unaccounted", observer.answers - found - dropped)


if __name__ == "__main__":
    main()
