"""Simulated listings that two versions were asked about, as the records evidence is made of.

12 photos a listing, ten rooms. Whether both versions differ on a photo is correlated within a
listing (intraclass correlation 0.3, beta-binomial). Listings come more often by day than by night.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

PHOTOS, ROOMS, CORRELATION = 12, 10, 0.3
FROZEN_LISTINGS, FROZEN_PHOTOS = 400, 4
DAY_S = 86400.0
BLOCK = 256
KINDS = ("error", "slow", "override")
# deviations of how sure two sound versions are: of photos they agree on, and of others
UNSTEADY, UNSTEADY_APART = 0.01, 0.15
_Z = 1.96
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Version:
    """How often listings meet something bad with a version: shares of listings."""

    error: float = 0.005
    slow: float = 0.005
    override: float = 0.05


@dataclass(frozen=True)
class World:
    """Two versions and how they differ.

    Attributes
    ----------
    differ : share of photos on which two equally good versions differ
    wrong : share of photos, of any room, on which the challenger differs on top (dark ones)
    wrong_room : whether it also differs on all photos of one room of ten
    sure : how far all its scores lie away, with the labels unchanged: so much surer it is

    The forecast knows `differ` alone: the frozen set did not show the rest.
    """

    champion: Version = field(default_factory=Version)
    challenger: Version = field(default_factory=Version)
    differ: float = 0.04
    wrong: float = 0.0
    wrong_room: bool = False
    sure: float = 0.0

    def swapped(self) -> "World":
        """Return the world with the versions in each other's place."""
        values = {**vars(self), "champion": self.challenger, "challenger": self.champion}
        return World(**values)


@dataclass(frozen=True)
class Block:
    """Listings in the order of their time, one in each row.

    Attributes
    ----------
    at : seconds, shape (n,)
    bucket : their places among the buckets of 0..100, shape (n,)
    bad : whether they meet one of `KINDS` with the champion, the challenger; shape (n, 2, 3)
    photos, differ, distance, shift : photos of each room, how many are answered otherwise, the sums
        of their distances and of how much surer the challenger is; shape (n, rooms)
    touched : whether the challenger's answers do harm, shape (n,)
    """

    at: Floats
    bucket: Floats
    bad: Flags
    photos: Floats
    differ: Floats
    distance: Floats
    shift: Floats
    touched: Flags

    def record(self, i: int) -> dict[str, Any]:
        """Return what is recorded when both versions were asked about a listing."""
        counts = self.photos[i], self.differ[i], self.distance[i], self.shift[i]
        met = zip(*(of_rooms.tolist() for of_rooms in counts), strict=True)
        champion, challenger = (
            [kind for kind, is_bad in zip(KINDS[:2], bad, strict=False) if is_bad]
            for bad in self.bad[i]
        )
        return {
            "kind": "listing",
            "challenger_bad": challenger,
            "champion_bad": champion,
            "groups": {
                f"room{room}": {"n": n, "disagree": differ, "distance": distance, "shift": shift}
                for room, (n, differ, distance, shift) in enumerate(met)
                if n
            },
        }


def blocks(world: World, per_day: float, rng: np.random.Generator) -> Iterator[Block]:
    """Yield listings block by block, for ever."""
    now = 0.0
    while True:
        at = _arrivals(now, per_day, rng)
        now = float(at[-1])
        rooms, differ, distance, shift, wrong = _photos(world, BLOCK, PHOTOS, rng, defect=True)
        both = world.champion, world.challenger
        shares = [[getattr(version, kind) for kind in KINDS] for version in both]
        bad = rng.random((BLOCK, 2, len(KINDS))) < np.array(shares)
        of_room = rooms[..., None] == np.arange(ROOMS)
        yield Block(
            at, rng.random(BLOCK) * 100, bad,
            of_room.sum(axis=1, dtype=np.float64),
            (of_room & differ[..., None]).sum(axis=1, dtype=np.float64),
            (of_room * distance[..., None]).sum(axis=1),
            (of_room * shift[..., None]).sum(axis=1),
            wrong.any(axis=1) | bad[:, 1, :2].any(axis=1),
        )  # fmt: skip


def forecast(world: World, rng: np.random.Generator) -> dict[str, Any]:
    """Return what the gates would forecast from a frozen set that is drawn anew."""
    rooms, differ, distance, shift, _ = _photos(
        world, FROZEN_LISTINGS, FROZEN_PHOTOS, rng, defect=False
    )
    groups: Mapping[str, Any] = {
        "*": _shares(differ.ravel(), distance.ravel()) | _interval(shift.mean(axis=1))
    }
    of_rooms = {
        f"room{room}": _shares(differ[rooms == room], distance[rooms == room])
        for room in range(ROOMS)
    }
    return {"groups": {**groups, **of_rooms}}


def _shares(differ: Flags, distance: Floats) -> dict[str, float]:
    """Return shares with Wilson's upper bound, and means with the normal one."""
    n, share = len(differ), float(differ.mean())
    middle, half = share + _Z**2 / 2 / n, _Z * np.sqrt(share * (1 - share) / n + (_Z / 2 / n) ** 2)
    high = float(distance.mean() + _Z * distance.std() / np.sqrt(n))
    return {
        "n": n, "disagree": share, "disagree_high": float((middle + half) / (1 + _Z**2 / n)),
        "distance": float(distance.mean()), "distance_high": high,
    }  # fmt: skip


def _interval(shift: Floats) -> dict[str, float]:
    """Return the mean of listings' means, and its normal interval's ends."""
    mean, half = float(shift.mean()), float(_Z * shift.std() / np.sqrt(len(shift)))
    return {"shift": mean, "shift_low": mean - half, "shift_high": mean + half}


def _arrivals(now: float, per_day: float, rng: np.random.Generator) -> Floats:
    """Return the times of a block of listings: at noon nine times as many as at midnight."""
    if per_day <= 0:
        return np.full(BLOCK, np.inf)
    steps = rng.exponential(DAY_S / per_day / 1.8, 16 * BLOCK)  # enough at midnight, too
    at = now + np.cumsum(steps)
    kept = at[rng.random(len(at)) < (1 - 0.8 * np.cos(2 * np.pi * at / DAY_S)) / 1.8]
    return kept[:BLOCK]


def _photos(
    world: World, count: int, photos: int, rng: np.random.Generator, *, defect: bool
) -> tuple[NDArray[np.int64], Flags, Floats, Floats, Flags]:
    """Return photos: room, whether versions differ, how far, how much surer, where defects are."""
    rooms = rng.integers(0, ROOMS, (count, photos))
    differ, wrong = (_correlated(p, count, photos, rng) for p in (world.differ, world.wrong))
    wrong = (wrong | ((rooms == 0) & world.wrong_room)) & defect
    differ = differ | wrong
    distance = rng.exponential(0.01, (count, photos))
    surer = defect * world.sure * rng.uniform(0.5, 1.5, (count, photos))
    distance += surer
    distance = np.where(differ, rng.uniform(0.4, 0.8, (count, photos)), distance)
    noise = np.sqrt(CORRELATION) * rng.standard_normal((count, 1))
    noise = noise + np.sqrt(1 - CORRELATION) * rng.standard_normal((count, photos))
    shift = surer + noise * np.where(differ, UNSTEADY_APART, UNSTEADY)
    touched = wrong | (defect and world.sure > 0)
    return rooms, differ, np.minimum(distance, 1), np.clip(shift, -1, 1), touched


def _correlated(share: float, count: int, photos: int, rng: np.random.Generator) -> Flags:
    if share <= 0:
        return np.zeros((count, photos), bool)
    size = 1 / CORRELATION - 1
    of_listing = rng.beta(share * size, (1 - share) * size, (count, 1))
    return rng.random((count, photos)) < of_listing
