"""What routing and observing cost: CPU-ms of the choice, and of a whole request with and without.

The choice is timed alone: for both tasks that a photo is asked about, with a route of each in which
the challenger answers 5 % and is shown all others. Whole requests are sent to two gateways over one
database, one after the other in turns: one writes every answer down and keeps pictures as it does
by default, the other writes nothing. The photos are worked out each time. The CPU is that of the
gateway's processes, not of PostgreSQL's.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures import Figures, parse
from load import measure_load
from servers import HEADERS, ROOT, gateway
from serving_cpu import make_photos

from serving.db.engine import open_engine
from serving.db.migrate import prepare
from serving.models.routing import (
    CHALLENGER,
    Arm,
    Route,
    choose,
    is_shadowed,
    routing_key,
)
from serving.photos.classify import ROOM_CLASSIFIER
from serving.photos.quality.task import PHOTO_QUALITY
from serving.settings import Settings
from stack.processes import Stack
from stack.programs import environment, postgres

_ON = {"PREDICTIONS_SAMPLED": "1"}
_OFF = {"PREDICTIONS_SAMPLED": "0", "KEEP_PHOTOS": "0"}


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    requests: int


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=Path, default=ROOT / "datasets" / "sample_listing")
    arguments = parse(__doc__, parser)
    figures = Figures()
    figures.add("canary_cost.routing_cpu_ms", routing_cpu_ms(2_000 if arguments.quick else 50_000))
    plan = Plan(3, 60) if arguments.quick else Plan(10, 150)
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(studio_home=Path(name))
        here = Stack(settings, postgres(settings), environment(settings), say=figures.say)
        with here.running(prepare=prepare_databases):
            ratios = compare(settings, arguments.photos, plan, figures)
    figures.add("canary_cost.observed_ratio", statistics.median(ratios))
    figures.add("canary_cost.observed_ratio_lowest", min(ratios))
    figures.add("canary_cost.observed_ratio_highest", max(ratios))
    figures.print()


def routing_cpu_ms(requests: int) -> float:
    """Return the CPU-ms in which it is said who answers a request, and who is asked besides."""
    arms = (Arm(CHALLENGER, 5.0),)
    routes = [
        Route(task.name, "7-1a2b3c4d", arms, 100.0) for task in (ROOM_CLASSIFIER, PHOTO_QUALITY)
    ]
    started = time.thread_time()
    for number in range(requests):
        key = routing_key(f"listing-{number}", "")
        for route in routes:
            choose(route, key)
            is_shadowed(route, key)
    return (time.thread_time() - started) / requests * 1e3


def prepare_databases(settings: Settings) -> None:
    """Make what the gateways expect to find."""
    prepare(settings).dispose()


def compare(settings: Settings, photos: Path, plan: Plan, figures: Figures) -> list[float]:
    """Return the CPU of a request that is written down over one that is not, for each round."""
    home, engine = settings.home(), open_engine(settings)
    bodies = [photo.read_bytes() for photo in make_photos(photos, home)]
    common: dict[str, Any] = {"ANSWERS_KEPT": "0", "SLOTS": "follow"}
    ratios, costs = [], []
    with (
        gateway(home, "inline", **common, **_ON) as on,
        gateway(home, "inline", **common, **_OFF) as off,
    ):
        for server in (on, off):
            measure_load(_url(server.url), server.pid, bodies, HEADERS, 4, 40)
        for number in range(plan.rounds):
            pair = {}
            for server in (on, off) if number % 2 else (off, on):  # what drifts meets both alike
                load = measure_load(_url(server.url), server.pid, bodies, HEADERS, 4, plan.requests)
                pair[server.pid] = load.cpu_ms
            ratios.append(pair[on.pid] / pair[off.pid])
            costs.append(pair[off.pid])
        with engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT count(*) FROM predictions").scalar_one()
    figures.say(f"{plan.rounds} rounds of {plan.requests} requests each; {rows:,} rows written")
    figures.add("canary_cost.request_cpu_ms", statistics.median(costs))
    return ratios


def _url(url: str) -> str:
    return f"{url}/internal/photos/classify"


if __name__ == "__main__":
    main()
