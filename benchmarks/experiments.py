"""How often an A/B experiment tells arms apart that are equal, and how soon those that are not.

Simulated listings go through the shipped evidence, with a look after each of them. `--page FILE`
writes the report of an experiment of three arms, as people see it.
"""

import argparse
import math
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from figures import Figures, parse

from registry.experiments.counts import Counts
from registry.experiments.design import Design, ExperimentArm, StopRule
from registry.experiments.page import render_report
from registry.experiments.report import make_report
from registry.experiments.stopping import log_evidence
from serving.models.routing import CHAMPION, choose

ALPHA = 0.05
_BAD = 0.05  # share of the champion's listings that meet something bad
_EXAMPLE = Design(
    name="warm-or-cold",
    task="room-classifier",
    champion="7",
    arms=(
        ExperimentArm(name="cold", version="9", weight=25),
        ExperimentArm(name="warm", version="8", weight=25),
    ),
    metric="override",
    salt="warm-or-cold",
    stop=StopRule(alpha=ALPHA, listings=5_000),
)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--page", type=Path, help="write an example's report to this file")
    arguments = parse(__doc__, parser)
    count = 200 if arguments.quick else 2_000
    figures = Figures()
    for share in (0.5, 0.1):
        told, _ = simulate(_BAD, share, count, 5_000)
        figures.add(f"experiments.equal.share_{share:g}.told_apart", told)
    for rate in (0.1, 0.075, 0.04, 0.025):
        told, median = simulate(rate, 0.5, count // 5, 12_000 if rate != 0.04 else 60_000)
        figures.add(f"experiments.rate_{rate:g}.told_apart", told)
        figures.add(f"experiments.rate_{rate:g}.listings_an_arm", median)
    if arguments.page:
        arguments.page.write_text(make_example(8_000))
    figures.print()


def simulate(rate: float, share: float, count: int, listings: int) -> tuple[float, float]:
    """Return the share of experiments that are told apart, and after how many listings an arm.

    Parameters
    ----------
    rate : share of the arm's listings that meet something bad
    share : of listings that are the arm's
    listings : at which an experiment ends
    """
    random = np.random.default_rng(1)
    ends = []
    for _ in range(count):
        in_arm = random.random(listings) < share
        bad = np.flatnonzero(random.random(listings) < np.where(in_arm, rate, _BAD))
        # evidence moves at bad listings alone
        of_arm = in_arm[bad]
        evidence = log_evidence(of_arm.cumsum(), (~of_arm).cumsum(), share)
        found = np.flatnonzero(evidence >= -math.log(ALPHA))
        ends.append(bad[found[0]] * share if found.size else math.inf)
    return float(np.isfinite(ends).mean()), float(np.median(ends))


def make_example(listings: int) -> str:
    """Return the report of an experiment in which one arm is worse and one is a little better."""
    random = np.random.default_rng(4)
    rates = {CHAMPION: _BAD, "arm-warm": 0.085, "arm-cold": 0.045}
    slots = [choose(_EXAMPLE.route, f"listing-{number}") for number in range(listings)]
    bad = Counter(slot for slot in slots if random.random() < rates[slot])
    seen = Counter(slots)
    counts = {slot: Counts(seen[slot], bad[slot]) for slot in rates}
    started = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
    return render_report(make_report(_EXAMPLE, counts), _EXAMPLE, "running", started)


if __name__ == "__main__":
    main()
