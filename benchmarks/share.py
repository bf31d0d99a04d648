"""How two workers share jobs, each with both cores to win: classify jobs of real photos.

The studio of chaos.py, undisturbed. share_least is the share of the jobs that the worker with fewer
of them began; half is as fair as can be.
"""

import argparse
import shutil
import time
from pathlib import Path
from random import Random

from chaos import WORKERS, publish_starter, unsettled_jobs
from chaos_client import Photos, wait_until
from figures import Figures, parse
from sqlalchemy import Engine, text

from serving.db.engine import open_engine
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.settings import Settings
from serving.storage.objects import storage_of
from stack.processes import Stack
from stack.programs import ROOT, Workers, environment, postgres, worker

_BEGAN = text("SELECT count(*) FROM job_events WHERE kind = 'started' GROUP BY data ->> 'worker'")
_ALIVE = text("SELECT count(*) FROM workers")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=ROOT / "out" / "share", help="%(default)s")
    asked = parse(__doc__, parser)
    jobs, figures = 100 if asked.quick else 400, Figures()
    settings = Settings(studio_home=asked.home / time.strftime("%Y%m%d-%H%M%S"))
    programs = [*postgres(settings), *worker(Workers(workers=WORKERS))]
    stack = Stack(settings, programs, environment(settings), say=figures.say)
    figures.say(f"{jobs} jobs, {WORKERS} workers")
    with stack.running(prepare=publish_starter):
        engine = open_engine(settings)
        storage = storage_of(settings)
        photos = Photos(ROOT / "datasets" / "sample_listing", storage, Random(1))
        work = [{"photos": photos.store(number)} for number in range(jobs)]
        wait_until(lambda: count(engine) == WORKERS, 60)
        started = time.perf_counter()
        for one in work:
            submit(engine, NewJob(KINDS["classify_photos"], one, "benchmark"), jobs + 1)
        wait_until(lambda: not unsettled_jobs(engine), 600)
        figures.add("share.jobs_per_second", jobs / (time.perf_counter() - started))
        with engine.connect() as connection:
            began = connection.scalars(_BEGAN).all()
        figures.add("share.unsettled", unsettled_jobs(engine))
    figures.add("share.share_least", min(began) / sum(began) if len(began) == WORKERS else 0.0)
    shutil.rmtree(settings.home() / "objects")
    figures.print()


def count(engine: Engine) -> int:
    """Return how many workers have said that they are alive."""
    with engine.connect() as connection:
        return connection.scalar(_ALIVE) or 0


if __name__ == "__main__":
    main()
