"""The gateway for long, with good clients beside 300 event streams and beside hostile ones.

Good clients classify raw photos and stored ones, make, read and list jobs, have sound analysed and
upload, first alone and then beside those who are slow, silent, broken off or hostile. Counted are
answers that are not ours (no request id, or an error that is no problem), the good clients' p99
beside the others against alone, and what the gateway's processes hold after warming up and at the
end: memory, files, threads, connections to the database.
"""

import argparse
import asyncio
import io
import statistics
import tempfile
import time
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import aiohttp
import cv2
import numpy as np
import psutil
from figures import Figures, parse
from jobs import studio
from servers import KEY, ROOT
from soak_clients import GoodClient, Seen, be_strangers
from sqlalchemy import Engine, text

from serving.db.engine import open_engine
from serving.settings import Settings
from serving.storage.objects import Storage, storage_of

GOOD, STREAMS, WATCHED, OF_EACH_KIND = 4, 300, 30, 2
SAMPLE_S = 2.0
_CONNECTIONS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")


@dataclass(frozen=True)
class Sample:
    """What the gateway held at one moment."""

    at: float
    rss_mb: float
    files: int
    threads: int
    connections: int


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=20.0, help="default: %(default)s")
    arguments = parse(__doc__, parser)
    minutes = min(2.0, arguments.minutes) if arguments.quick else arguments.minutes
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="vls-", dir="/tmp") as name:
        settings = Settings(studio_home=Path(name))
        with studio(settings) as (pids, url, _):
            photos = fill(storage_of(settings))
            soak = Soak(url, pids[-1], photos, open_engine(settings))
            asyncio.run(soak.run(minutes * 60))
            soak.report(figures)
    figures.print()


def fill(storage: Storage) -> list[bytes]:
    """Store a few photos and a track; return the photos."""
    photos = []
    for number, source in enumerate(sorted((ROOT / "datasets/sample_listing").glob("*.jpg"))[:4]):
        image = cv2.resize(cv2.imread(str(source)), (800, 600), interpolation=cv2.INTER_AREA)
        photos.append(cv2.imencode(".jpg", image)[1].tobytes())
        storage.write(f"soak/{number}.jpg", photos[-1])
    file = io.BytesIO()
    clicks = np.zeros(22_050 * 8, np.int16)
    for beat in range(16):
        clicks[beat * 11_025 : beat * 11_025 + 400] = 12_000
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 22_050, len(clicks), "NONE", ""))
        sound.writeframes(clicks.tobytes())
    storage.write("soak/song.wav", file.getvalue())
    return photos


class Soak:
    """One run."""

    def __init__(self, url: str, pid: int, photos: list[bytes], engine: Engine) -> None:
        self._url, self._pid, self._photos, self._engine = url, pid, photos, engine
        self.seen = Seen()
        self.samples: list[Sample] = []
        self.marks: dict[str, float] = {}

    async def run(self, seconds: float) -> None:
        """Alone for a fifth, then with all the others, a sixth of that to warm up."""
        tasks = [
            asyncio.create_task(GoodClient(self._url, KEY, self._photos, self.seen, number).run())
            for number in range(GOOD)
        ]
        await asyncio.sleep(min(20.0, seconds / 10))  # what is loaded once is not measured
        self._mark("alone")
        await asyncio.sleep(seconds / 5)
        self._mark("joined")
        ours, theirs = get_context("spawn").Pipe()
        others = get_context("spawn").Process(
            target=be_strangers,
            args=(
                self._url,
                KEY,
                self._photos[0],
                await self._jobs(),
                STREAMS,
                OF_EACH_KIND,
                theirs,
            ),
        )
        others.start()
        await asyncio.sleep(seconds / 6)
        self._mark("warm")
        until = time.perf_counter() + seconds * (1 - 1 / 5 - 1 / 6)
        while time.perf_counter() < until:
            self.samples.append(await asyncio.get_running_loop().run_in_executor(None, self._look))
            await asyncio.sleep(SAMPLE_S)
        self._mark("end")
        ours.send("end")
        for mine, told in zip((self.seen.statuses, self.seen.foreign), ours.recv(), strict=True):
            mine.update(told)
        others.join()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _mark(self, name: str) -> None:
        self.marks[name] = time.perf_counter()

    async def _jobs(self) -> list[str]:
        """Make jobs that wait for long, to be followed meanwhile."""
        body = {"photos": ["soak/0.jpg"], "async": True, "run_at": "2099-01-01T00:00:00Z"}
        jobs = []
        async with aiohttp.ClientSession(self._url, headers={"X-API-Key": KEY}) as session:
            for _ in range(WATCHED):
                async with session.post("/internal/photos/classify", json=body) as answer:
                    jobs.append((await answer.json())["job_id"])
        return jobs

    def _look(self) -> Sample:
        root = psutil.Process(self._pid)
        tree = [root, *root.children(recursive=True)]
        with self._engine.connect() as connection:
            connections = int(connection.scalar(_CONNECTIONS) or 0)
        return Sample(
            time.perf_counter(),
            sum(process.memory_info().rss for process in tree) / 1e6,
            sum(process.num_fds() for process in tree),
            sum(process.num_threads() for process in tree),
            connections,
        )

    def report(self, figures: Figures) -> None:
        """Add the figures."""
        for name, count in sorted(self.seen.statuses.items()):
            figures.say(f"{count:>8} {name}")
        for title, counts in (("not ours", self.seen.foreign), ("failed", self.seen.failed)):
            for name, count in counts.items():
                figures.say(f"{count:>8} {title}: {name}")
        figures.add("soak.answers", self.seen.statuses.total())
        figures.add("soak.not_ours", self.seen.foreign.total())
        figures.add("soak.good.failed", self.seen.failed.total())
        alone = self._latencies("alone", "joined")
        beside = self._latencies("warm", "end")
        for percent in (50, 99):
            one, other = (float(np.percentile(each, percent)) for each in (alone, beside))
            figures.add(f"soak.good.p{percent}_alone_ms", one * 1e3)
            figures.add(f"soak.good.p{percent}_beside_ms", other * 1e3)
        figures.add("soak.good.p99_ratio", other / one)
        first, last = self._ends()
        for name in ("rss_mb", "files", "threads", "connections"):
            began, ended = _middle(first, name), _middle(last, name)
            figures.add(f"soak.{name}.warm", began)
            figures.add(f"soak.{name}.end", ended)
            figures.add(f"soak.{name}.ratio", ended / began)

    def _latencies(self, first: str, last: str) -> list[float]:
        began, ended = self.marks[first], self.marks[last]
        return [took for at, took in self.seen.seconds if began <= at < ended]

    def _ends(self) -> tuple[Sequence[Sample], Sequence[Sample]]:
        part = max(1, len(self.samples) // 6)
        return self.samples[:part], self.samples[-part:]


def _middle(samples: Iterable[Sample], name: str) -> float:
    return statistics.median(getattr(sample, name) for sample in samples)


if __name__ == "__main__":
    main()
