"""How evenly and how firmly listings are divided among versions, over many keys and salts.

Every key is hashed once for each salt with the function that serving uses. For each step of a ramp
the share of keys that the challenger answers is compared with its weight: z is the difference in
standard deviations of a fair draw. Buckets of two tasks, of two salts, and of who answers and who
is shadowed must not go together. Over a ramp no key may move back.
"""

import argparse
import itertools
import math

import numpy as np
from figures import Figures, parse
from numpy.typing import NDArray

from serving.models.routing import CHALLENGER, Arm, Route, bucket, choose

STEPS = (0.1, 1.0, 5.0, 25.0, 50.0, 99.9)
TASK, OTHER_TASK = "room-classifier", "photo-quality"
_FLIPPED = 2_000

Floats = NDArray[np.float64]


def main() -> None:
    """Run the command line."""
    arguments = parse(__doc__, argparse.ArgumentParser())
    keys, count = (50_000, 4) if arguments.quick else (1_000_000, 20)
    salts = [f"{n}-{n * 0x9E3779B1 & 0xFFFFFFFF:08x}" for n in range(1, count + 1)]
    figures = Figures()
    figures.say(f"{keys:,} keys x {count} salts; |z| of the worst salt at each step")
    worst = dict.fromkeys(STEPS, 0.0)
    for salt in salts:
        found = buckets(salt, TASK, keys)
        for weight in STEPS:
            worst[weight] = max(worst[weight], abs(z_of(found, weight)))
    for weight, z in worst.items():
        figures.add(f"stickiness.z_{weight:g}", z)
    figures.add("stickiness.z_worst", max(worst.values()))
    for name, z in correlations(salts[0], "another-salt", keys).items():
        figures.add(f"stickiness.correlation_z.{name}", abs(z))
    flips = sum(flips_back(salt, _FLIPPED) for salt in salts)
    figures.say(f"{_FLIPPED * count:,} keys followed over a ramp")
    figures.add("stickiness.moved_back", flips)
    figures.print()


def buckets(salt: str, task: str, keys: int) -> Floats:
    """Return the bucket of each key, `listing-0`, `listing-1` and so on."""
    return np.fromiter((bucket(salt, task, f"listing-{n}") for n in range(keys)), float, keys)


def z_of(found: Floats, weight: float) -> float:
    """Return how far the share below `weight` is from it, in standard deviations."""
    share, expected = float((found < weight).mean()), weight / 100
    return (share - expected) / math.sqrt(expected * (1 - expected) / len(found))


def correlations(salt: str, other_salt: str, keys: int) -> dict[str, float]:
    """Return how far buckets go together that must not: correlations, in standard deviations."""
    first = buckets(salt, TASK, keys)
    others = {
        "tasks": buckets(salt, OTHER_TASK, keys),
        "salts": buckets(other_salt, TASK, keys),
        "shadow": buckets(f"{salt}\0shadow", TASK, keys),
    }
    scale = math.sqrt(keys)
    return {name: float(np.corrcoef(first, of)[0, 1]) * scale for name, of in others.items()}


def flips_back(salt: str, keys: int) -> int:
    """Return how many keys go back to the champion while the weight rises."""
    flips = 0
    for key in (f"listing-{n}" for n in range(keys)):
        slots = [choose(Route(TASK, salt, (Arm(CHALLENGER, w),)), key) for w in (*STEPS, 100.0)]
        moved = [slot == CHALLENGER for slot in slots]
        flips += sum(before and not after for before, after in itertools.pairwise(moved))
    return flips


if __name__ == "__main__":
    main()
