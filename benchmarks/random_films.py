"""Random films through the real workflow: none fails or is refused, and no fault passes the check.

Photos of every kind (dark, black, white, drawings, noise, panoramas, towers, the same one twice),
1 to 40 of them, in films of 3 to 120 s at 24 to 60 frames a second, in every template and shape,
with and without music, words and a timeline by hand. Of each film that is not too long copies are
spoilt (`film_faults.py`) and checked against the same plan: black, frozen, out of order, cut off,
silent. The films are small, 144 pixels high, so that there can be many. Films that are in `--log`
already are not made again: a run that was ended goes on.
"""

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import numpy as np
from figures import Figures, parse
from film_faults import FAULTS, open_copy, write_copy
from random_asks import draw_ask, fill
from servers import ROOT

from serving.audio.beat_tracker import BEAT_TRACKER
from serving.db.engine import retry_while_unavailable
from serving.db.migrate import prepare
from serving.jobs import manage
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.models.local import LocalModels, load_baked
from serving.models.predictor import LocalPredictor
from serving.requests.format import FRAMES
from serving.settings import Settings
from serving.storage.objects import storage_of
from serving.storage.scratch import Scratch
from serving.video.check.faults import Finding
from serving.workflows import WORKFLOWS, film
from serving.workflows.film_check import Planned, find_faults
from serving.workflows.run import Parts
from serving.workflows.runner import Runner

_STARTERS = ROOT / "registry" / "starter"
_KIND = "render_video"
_LONGEST_COPY = 1800  # frames: all of them are in memory
# in 1080p: two thirds of that in 720p, the smallest that can be asked for
_SMALL = {"16:9": (384, 216), "9:16": (216, 384), "1:1": (216, 216), "4:5": (216, 270)}


@dataclass(frozen=True)
class Outcome:
    """What became of a film, and whether faults were found: name of the fault to kinds found."""

    number: int
    seconds: float
    frames: int
    error: str
    findings: tuple[dict[str, Any], ...]
    faults: dict[str, list[str]]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--films", type=int, help="500, or 24 with --quick")
    parser.add_argument("--first", type=int, default=0, help="number of the first film")
    parser.add_argument("--numbers", type=int, nargs="+", help="these films instead")
    parser.add_argument("--seed", type=int, default=0, help="%(default)s")
    parser.add_argument("--workers", type=int, default=2, help="processes; %(default)s")
    parser.add_argument("--log", type=Path, help="keeps what is done, a line per film")
    arguments = parse(__doc__, parser)
    count = arguments.films or (24 if arguments.quick else 500)
    numbers = arguments.numbers or range(arguments.first, arguments.first + count)
    done = read_log(arguments.log)
    todo = [number for number in numbers if number not in done]
    figures = Figures()
    figures.say(f"{len(numbers)} films of seed {arguments.seed}, {len(todo)} to be made")
    with tempfile.TemporaryDirectory(prefix="vls-", dir="/tmp") as name, database(Path(name)):
        fill(storage_of(Settings(studio_home=Path(name))))
        for outcome in make(todo, (name, arguments.seed), arguments.workers):
            done[outcome.number] = outcome
            keep(outcome, arguments.log)
            if len(done) % 20 == 0 or outcome.error or missed(outcome):
                tell(figures, outcome, len(done))
    report(figures, [done[number] for number in numbers])


def read_log(path: Path | None) -> dict[int, Outcome]:
    """Return the films of an earlier run."""
    if path is None or not path.exists():
        return {}
    outcomes = (Outcome(**json.loads(line)) for line in path.read_text().splitlines())
    return {outcome.number: outcome for outcome in outcomes}


def keep(outcome: Outcome, path: Path | None) -> None:
    """Add a film to the log."""
    if path is not None:
        with path.open("a") as log:
            log.write(json.dumps(asdict(outcome)) + "\n")


def tell(figures: Figures, outcome: Outcome, done: int) -> None:
    """Print where the run stands, and what went wrong with a film."""
    figures.say(f"{done} done; film {outcome.number}: {outcome.error or 'made'}")
    for finding in outcome.findings[:3]:
        figures.say(f"    {finding}")
    for fault in missed(outcome):
        figures.say(f"    the fault '{fault}' was not found")


def missed(outcome: Outcome) -> list[str]:
    """Return the faults that the check did not find."""
    return [name for name, found in outcome.faults.items() if not found]


def report(figures: Figures, outcomes: Sequence[Outcome]) -> None:
    """Print the figures."""
    refused = sum(bool(outcome.findings) for outcome in outcomes)
    failed = sum(bool(outcome.error) for outcome in outcomes)
    figures.add("random_films.films", len(outcomes))
    figures.add("random_films.failures", failed - refused)
    figures.add("random_films.false_refusals", refused)
    injected = Counter(name for outcome in outcomes for name in outcome.faults)
    unseen = Counter(name for outcome in outcomes for name in missed(outcome))
    for name, times in sorted(injected.items()):
        figures.add(f"random_films.faults_{name}", times)
        figures.add(f"random_films.missed_{name}", unseen[name])
    figures.add("random_films.faults", injected.total())
    figures.add("random_films.missed", unseen.total())
    figures.add("random_films.frames", sum(outcome.frames for outcome in outcomes))
    figures.add("random_films.minutes", sum(outcome.seconds for outcome in outcomes) / 60)
    figures.print()


@contextmanager
def database(home: Path) -> Iterator[None]:
    """Run PostgreSQL for a home."""
    command = [sys.executable, "-m", "serving.db.postgres"]
    env = {"STUDIO_HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        retry_while_unavailable(lambda: prepare(Settings(studio_home=home)).dispose(), wait_s=60.0)
        yield
    finally:
        process.terminate()
        process.wait()


def make(numbers: Sequence[int], given: tuple[str, int], workers: int) -> Iterator[Outcome]:
    """Make films in processes; yield what became of them."""
    # not forked: threads of the libraries would be missing in the copy
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, open_studio, given) as pool:
        yield from pool.map(make_film, numbers)


class Studio:
    """What a process makes films with."""

    def __init__(self, home: str, seed: int) -> None:
        settings = Settings(studio_home=Path(home), job_failures=1)
        engine, self.seed = prepare(settings), seed
        scratch = Scratch(Path(home) / "scratch", 10**10)
        storage = storage_of(settings)
        # each photo says its room: only the beats are asked for
        models = LocalModels(
            storage, load_baked(_STARTERS, tasks={BEAT_TRACKER.name: BEAT_TRACKER})
        )
        self.parts = Parts(settings, engine, storage, scratch, LocalPredictor(models, storage))
        self.findings: list[Finding] = []
        self.faults: dict[str, list[str]] = {}
        self.frames = 0
        self.rng = np.random.default_rng(seed)
        self._find = find_faults

    def find(self, path: Path, planned: Planned, go_on: Callable[[], None]) -> list[Finding]:
        """Check a film as the workflow does, and a spoilt copy of it too."""
        self.findings = self._find(path, planned, go_on)
        self.frames = planned.cut.film.frames
        if not self.findings and self.frames <= _LONGEST_COPY:
            copy = open_copy(path)
            for name in self.rng.permutation([*FAULTS])[:3].tolist():
                spoilt = FAULTS[name](copy, self.rng)
                if spoilt is not None:
                    other = path.with_name("spoilt.mp4")
                    write_copy(spoilt, planned.cut.film.fps, other)
                    found = self._find(other, planned, go_on)
                    self.faults[name] = sorted({finding.kind for finding in found})
        return self.findings

    def make(self, number: int) -> Outcome:
        """Make a film."""
        self.rng = np.random.default_rng([self.seed, number])
        self.findings, self.faults, self.frames = [], {}, 0
        ask = draw_ask(self.rng)
        began, error = time.perf_counter(), ""
        try:
            job_id = submit(self.parts.engine, NewJob(KINDS[_KIND], ask, "benchmark"), 100).job_id
            runner = Runner(self.parts, {_KIND: WORKFLOWS[_KIND]}, uuid4())
            job = runner.take(job_id)
            assert job is not None
            runner.run(job, lambda: None)
            job = manage.read_job(self.parts.engine, job_id)
            if job.status != "completed":
                error = f"{job.status}: {(job.error or {}).get('detail', job.error)}"
        except Exception:  # noqa: BLE001, whatever it is, the other films are made
            error = traceback.format_exc(limit=-3)
        spent_s = time.perf_counter() - began
        findings = tuple(asdict(finding) for finding in self.findings[:8])
        return Outcome(number, round(spent_s, 2), self.frames, error, findings, self.faults)


_studio: list[Studio] = []


def open_studio(home: str, seed: int) -> None:
    """Open a process's studio, in which frames are small."""
    FRAMES.update(cast(Any, _SMALL))
    studio = Studio(home, seed)
    setattr(film, "find_faults", studio.find)  # noqa: B010, the workflow's own is looked at
    _studio.append(studio)


def make_film(number: int) -> Outcome:
    """Make a film in this process."""
    return _studio[0].make(number)


if __name__ == "__main__":
    main()
