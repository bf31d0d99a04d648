"""Which version answers a listing: a pure function of its key, the same in every process.

A listing's key is hashed to a bucket, a number from 0 to 100, and the versions beside the champion
take the buckets below their weight. Raising a weight therefore only adds listings, and a listing
that has moved stays where it is. The salt belongs to the version, so that each new version begins
with other listings. A backend can compute the same: `docs/canary.md` has the formula and examples.
"""

import hashlib
from dataclasses import dataclass

CHAMPION = "champion"
CHALLENGER = "challenger"
_SHADOW = "shadow"


@dataclass(frozen=True)
class Arm:
    """A version that answers beside the champion.

    Attributes
    ----------
    weight : the share of listings that it answers, in percent
    """

    slot: str
    weight: float


@dataclass(frozen=True)
class Route:
    """Who answers a task.

    Attributes
    ----------
    arms : beside the champion, which answers the rest; each takes the buckets after those before it
    shadow : the share of listings, in percent, of which the challenger is asked as well
    """

    task: str
    salt: str = ""
    arms: tuple[Arm, ...] = ()
    shadow: float = 0.0


def routing_key(listing_id: str | None, content_sha256: str) -> str:
    """Return what a photo is routed by: its listing, else its own content.

    Examples
    --------
    >>> routing_key("house-42", "9f86")
    'house-42'
    >>> routing_key(None, "9f86")
    'sha256:9f86'
    """
    return listing_id or f"sha256:{content_sha256}"


def bucket(salt: str, task: str, key: str) -> float:
    """Return a number from 0 to below 100, uniform over keys.

    It is the first 8 bytes of the SHA-256 of `salt`, `task` and `key`, joined by zero bytes, read
    as a whole number (big-endian) without its lowest 11 bits, divided by 2^53, times 100.

    Examples
    --------
    >>> round(bucket("7-1a2b3c4d", "room-classifier", "house-42"), 6)
    84.656351
    """
    digest = hashlib.sha256(f"{salt}\0{task}\0{key}".encode()).digest()
    # 53 bits are what a float holds exactly: more would round up to 100
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53 * 100


def choose(route: Route, key: str) -> str:
    """Return the slot that answers a listing.

    Examples
    --------
    >>> route = Route("room-classifier", "7-1a2b3c4d", (Arm(CHALLENGER, 5.0),))
    >>> choose(route, "house-42")
    'champion'
    """
    if not route.arms:
        return CHAMPION
    place, upper = bucket(route.salt, route.task, key), 0.0
    for arm in route.arms:
        upper += arm.weight
        if place < upper:
            return arm.slot
    return CHAMPION


def is_shadowed(route: Route, key: str) -> bool:
    """Say whether the challenger is asked about a listing that another version answers."""
    if route.shadow <= 0:
        return False
    return bucket(f"{route.salt}\0{_SHADOW}", route.task, key) < route.shadow
