"""Damaged, hostile and odd bodies against the running gateway: no 5xx, alive, memory bounded.

Photos of every kind are cut, spliced and changed byte by byte, headers rewritten, JSON bent out of
shape, content types and keys mixed up; the same bodies for the same seed.
"""

import argparse
import asyncio
import io
import json
import random
import struct
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np
from figures import Figures, parse
from load import tree_rss_mb
from PIL import Image
from servers import HEADERS, gateway

CONCURRENCY = 8
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
TYPES = ("image/jpeg", "image/png", "application/octet-stream", "text/html", "a/b; c=d", "")


@dataclass(frozen=True)
class Request:
    """A body, what it is said to be, and the key it comes with."""

    body: bytes
    kind: str = "image/jpeg"
    key: str = HEADERS["X-API-Key"]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0, help="%(default)s")
    arguments = parse(__doc__, parser)
    count, warmup = (500, 200) if arguments.quick else (10_000, 1_000)
    figures = Figures()
    figures.say(f"{count} bodies after {warmup} to warm up, {CONCURRENCY} at once")
    make = Fuzzer(arguments.seed).request
    with tempfile.TemporaryDirectory() as name, gateway(Path(name), "inline") as server:
        asyncio.run(send(server.url, make, warmup))
        before = sum(tree_rss_mb(server.pid).values())
        statuses = asyncio.run(send(server.url, make, count))
        after = sum(tree_rss_mb(server.pid).values())
        alive = asyncio.run(answers(server.url))
    for status, times in sorted(statuses.items()):
        figures.say(f"  {status}: {times}")
    figures.add("fuzz.requests", sum(statuses.values()))
    figures.add("fuzz.5xx", sum(n for status, n in statuses.items() if status.startswith("5")))
    figures.add("fuzz.broken", sum(n for status, n in statuses.items() if not status.isdigit()))
    figures.add("fuzz.alive", alive)
    figures.add("fuzz.rss_mb", after)
    figures.add("fuzz.rss_ratio", after / before)
    figures.print()


class Fuzzer:
    """Makes requests, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._whole = [photo(kind, seed) for kind in KINDS]
        self._ways: tuple[Callable[[], Request], ...] = (
            *[self._changed] * 5,
            *[self._header] * 3,
            *[self._json] * 2,
            self._cut,
            self._spliced,
            self._noise,
            self._stranger,
        )

    def request(self) -> Request:
        """Return the next."""
        return self._random.choice(self._ways)()

    def _photo(self) -> bytearray:
        return bytearray(self._random.choice(self._whole))

    def _changed(self) -> Request:
        data = self._photo()
        for _ in range(self._random.choice((1, 2, 5, 30))):
            data[self._random.randrange(len(data))] = self._random.randrange(256)
        return Request(bytes(data), self._random.choice(TYPES))

    def _header(self) -> Request:
        """Make a size or length in the first bytes an extreme one."""
        data = self._photo()
        value = self._random.choice((0, 1, 15, 65_500, 0xFFFF, 2**31 - 1, 2**32 - 1))
        packed = struct.pack(self._random.choice(("<I", ">I")), value)[
            : self._random.choice((2, 4))
        ]
        place = self._random.randrange(min(600, len(data)))
        data[place : place + len(packed)] = packed
        return Request(bytes(data))

    def _cut(self) -> Request:
        data = self._photo()
        return Request(bytes(data[: self._random.randrange(len(data))]))

    def _spliced(self) -> Request:
        one, other = self._photo(), self._photo()
        return Request(bytes(one[: self._random.randrange(len(one))] + other))

    def _noise(self) -> Request:
        return Request(self._random.randbytes(self._random.randrange(3000)))

    def _stranger(self) -> Request:
        key = self._random.choice(("", "x", "benchmark-key ", "ключ"))
        return Request(bytes(self._photo()), key=key)

    def _json(self) -> Request:
        value: object = {"photos": [self._value(0) for _ in range(self._random.randrange(70))]}
        if self._random.random() < 0.5:
            value = self._value(0)
        text = json.dumps(value)
        if self._random.random() < 0.3:
            text = text[: self._random.randrange(len(text) + 1)]
        return Request(text.encode(), "application/json")

    def _value(self, depth: int) -> object:
        leaves: tuple[object, ...] = (
            None, True, -1, 1e300, "", "a.jpg", "../../etc/passwd", "/etc/passwd", "\0", "é" * 2000,
            "http://169.254.169.254/", "file:///etc/passwd", "s3://other/a", "photos",
        )  # fmt: skip
        if depth > 3 or self._random.random() < 0.6:
            return self._random.choice(leaves)
        values = [self._value(depth + 1) for _ in range(self._random.randrange(4))]
        return values if self._random.random() < 0.5 else {"photos": values}


def photo(kind: str, seed: int) -> bytes:
    """Return a picture of large patches, 400x300, as a file."""
    patches = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(patches).resize((400, 300), Image.Resampling.BICUBIC).save(file, kind)
    return file.getvalue()


async def send(url: str, make: Callable[[], Request], count: int) -> Counter[str]:
    """Send `count` requests; return how often each status, or error, came."""
    statuses: Counter[str] = Counter()
    left = iter(range(count))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:

        async def client() -> None:
            for _ in left:
                request = make()
                headers = {"Content-Type": request.kind, "X-API-Key": request.key}
                path = f"{url}/internal/photos/classify"
                try:
                    async with session.post(path, data=request.body, headers=headers) as answer:
                        await answer.read()
                        statuses[str(answer.status)] += 1
                except (aiohttp.ClientError, TimeoutError) as error:
                    statuses[type(error).__name__] += 1

        await asyncio.gather(*(client() for _ in range(CONCURRENCY)))
    return statuses


async def answers(url: str) -> bool:
    """Say whether a good photo is still classified."""
    path = f"{url}/internal/photos/classify"
    async with (
        aiohttp.ClientSession() as session,
        session.post(path, data=photo("JPEG", 1), headers=HEADERS) as answer,
    ):
        return answer.status == 200


if __name__ == "__main__":
    main()
