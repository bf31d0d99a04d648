"""A day on which bad models come: each must be taken back before it does harm, a sound one stays.

The whole studio runs as it ships, in its own processes on this machine: PostgreSQL, MLflow's
server, the publisher with its guard, the gateway, the challengers' processes, a worker, Dagster's
code server, pages and daemon, and a backend that is called back. Listings of twelve photos arrive
over HTTP all the while, as a Poisson process and each with its own id; photos repeat over listings,
listings do not, and a tenth of the photos has bytes that the studio has not seen. The rules of
the ramp are the shipped ones but for how long a step lasts at least; the difference is printed.

First the gateway is measured alone. Then each version is registered, said to have passed its gates,
and made challenger, and nobody does anything more: a sound one has to become champion, every other
has to be rolled back. harmed: listings answered by the version before that; seconds: from the edit
of the alias to the end; failed: requests that were not answered well. The champion's p99 is of
listings that it alone answered, counted from when they were due, beside versions against alone.
"""

import argparse
import shutil
import time
from pathlib import Path

import numpy as np
from figures import Figures, parse
from game_day_studio import GameDay, Outcome
from game_day_versions import BAD, SOUND, UNSEEN, Version

from stack.programs import ROOT

_SETTLES_S, _ALONE_S = 3, 10
Told = list[tuple[Version, Outcome]]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of the traffic; default: %(default)s")
    parser.add_argument(
        "--rate", type=float, default=8.0, help="listings per second; default: %(default)s"
    )
    parser.add_argument("--only", nargs="+", metavar="VERSION", help="these alone, by name")
    parser.add_argument("--unseen", action="store_true", help="other defects than the usual nine")
    parser.add_argument("--keep", action="store_true", help="leave the studio's folder")
    parser.add_argument("--home", type=Path, default=ROOT / "out" / "game_day", help="%(default)s")
    asked = parse(__doc__, parser)
    figures, home = Figures(), asked.home / time.strftime("%Y%m%d-%H%M%S")
    versions = [*(UNSEEN if asked.unseen else BAD), *SOUND]
    versions = [version for version in versions if not asked.only or version.name in asked.only]
    figures.say(f"{asked.rate:g} listings a second, seed {asked.seed}, {len(versions)} versions")
    with GameDay(home, asked.seed, asked.rate, figures.say).running() as day:
        figures.say(day.settings_difference())
        day.traffic.measure(5 if asked.quick else 30)  # until what repeats is known
        alone, told = day.traffic.measure(10 if asked.quick else 30), []
        for version in versions:
            told.append((version, day.try_version(version)))
            say(figures, *told[-1])
            time.sleep(_SETTLES_S)  # the page of its end is written meanwhile
            alone += day.traffic.measure(_ALONE_S)
    for failure, count in day.traffic.failures.items():
        figures.say(f"{count}x {failure}")
    add(figures, told, alone)
    figures.add("game_day.listings", len(day.traffic.answers))
    figures.add("game_day.failed", day.traffic.failures.total())
    if not asked.keep:
        shutil.rmtree(home)
    figures.print()


def say(figures: Figures, version: Version, outcome: Outcome) -> None:
    """Tell of one version at once."""
    figures.say(
        f"{version.name:<20} {outcome.state:<12} at {outcome.step:<8} after {outcome.seconds:5.1f}"
        f" s, {outcome.listings} listings compared, {outcome.harmed} harmed: {outcome.why}"
    )


def add(figures: Figures, told: Told, alone: list[float]) -> None:
    """Add up the day."""
    for name, wanted, sound in (("bad", "rolled_back", False), ("sound", "promoted", True)):
        outcomes = [outcome for version, outcome in told if version.sound == sound]
        if not outcomes:
            continue
        figures.add(f"game_day.{name}", len(outcomes))
        ended = [outcome for outcome in outcomes if outcome.state == wanted]
        figures.add(f"game_day.{name}_{wanted}_share", len(ended) / len(outcomes))
        figures.add(f"game_day.{name}_seconds_max", max(o.seconds for o in outcomes))
        if not sound:
            figures.add("game_day.bad_harmed_max", max(o.harmed for o in outcomes))
    beside = [ms for _, outcome in told for ms in outcome.latencies]
    p99_alone, p99_beside = (float(np.percentile(times, 99)) for times in (alone, beside))
    figures.add("game_day.champion_p99_alone_ms", p99_alone)
    figures.add("game_day.champion_p99_beside_ms", p99_beside)
    figures.add("game_day.champion_p99_ratio", p99_beside / p99_alone)


if __name__ == "__main__":
    main()
