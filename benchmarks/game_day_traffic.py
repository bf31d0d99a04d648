"""Listings that arrive at a steady rate, whatever becomes of those before."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from random import Random

import httpx
from chaos_client import comment, vary

from serving.models.routing import CHAMPION
from serving.storage.objects import Storage

PHOTOS = 12  # of a listing
_FRESH = 0.1  # of the photos that nobody has asked about before
_POOL = 240
_CLIENTS = 24
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Answered:
    """A listing that was answered.

    Attributes
    ----------
    ms : from when it was to be sent, so that one waiting behind a slow one counts
    slots : that took part in its answers
    """

    at: float
    ms: float
    slots: frozenset[str]


class Traffic:
    """Listings of photos, one after the other as a Poisson process, until it is closed.

    Parameters
    ----------
    rate : listings per second
    files : photos to draw from
    """

    def __init__(
        self, url: str, key: str, storage: Storage, files: Sequence[Path], rate: float, seed: int
    ) -> None:
        self._url, self._headers, self._storage = url, {"X-API-Key": key}, storage
        self._rate, self._random = rate, Random(seed)
        self._photos = draw(files, self._random)
        self._keys = [f"game-day/{place:04}.jpg" for place in range(_POOL)]
        for photo_key, photo in zip(self._keys, self._photos, strict=True):
            storage.write(photo_key, photo)
        self._due: SimpleQueue[tuple[float, int]] = SimpleQueue()
        self._stop, self._listing, self._fresh = threading.Event(), 0, 0
        self._lock = threading.Lock()
        self.answers: list[Answered] = []
        self.failures: Counter[str] = Counter()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(_CLIENTS)]
        self._threads.append(threading.Thread(target=self._plan, daemon=True))

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def latencies(self, since: float, until: float) -> list[float]:
        """Return milliseconds of what only the champion answered between two moments."""
        return [
            one.ms
            for one in list(self.answers)
            if since <= one.at < until and one.slots <= {CHAMPION}
        ]

    def measure(self, seconds: float) -> list[float]:
        """Return milliseconds of what the champion answers from now on."""
        since = time.perf_counter()
        time.sleep(seconds)
        return self.latencies(since, time.perf_counter())

    def _plan(self) -> None:
        due = time.perf_counter()
        while not self._stop.is_set():
            due += self._random.expovariate(self._rate)
            self._stop.wait(max(0.0, due - time.perf_counter()))
            self._listing += 1
            self._due.put((due, self._listing))

    def _send(self) -> None:
        with httpx.Client(
            base_url=self._url, headers=self._headers, timeout=_TIMEOUT_S, verify=False
        ) as client:
            while not self._stop.is_set():
                try:
                    due, listing = self._due.get(timeout=0.2)
                except Empty:
                    continue
                self._ask(client, due, listing)

    def _ask(self, client: httpx.Client, due: float, listing: int) -> None:
        asked = {"photos": self._draw(listing), "listing_id": f"game-day-{listing}"}
        try:
            answer = client.post("/internal/photos/classify", json=asked)
            results = answer.raise_for_status().json()["results"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            self.failures[f"{type(error).__name__}: {error}"[:120]] += 1
            return
        broken = [result["error"] for result in results if "error" in result]
        if broken:
            self.failures[f"a photo: {broken[0]['title']}: {broken[0]['detail']}"[:120]] += 1
            return
        now = time.perf_counter()
        slots = frozenset(result["model"]["slot"] for result in results)
        self.answers.append(Answered(now, (now - due) * 1e3, slots))

    def _draw(self, listing: int) -> list[str]:
        """Return keys of a listing's photos; some are photos with bytes of their own."""
        random = Random(listing)
        keys = []
        for place in random.sample(range(len(self._keys)), PHOTOS):
            if random.random() < _FRESH:
                key = f"game-day/{listing}-{place}.jpg"
                self._storage.write(key, comment(self._photos[place], key))
                keys.append(key)
            else:
                keys.append(self._keys[place])
        return keys


def draw(files: Sequence[Path], random: Random) -> list[bytes]:
    """Return that many photos: as they are, or parts of them where there are fewer."""
    if len(files) >= _POOL:
        return [file.read_bytes() for file in random.sample(list(files), _POOL)]
    return [vary(files[place % len(files)], random) for place in range(_POOL)]
