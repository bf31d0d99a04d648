"""Clients that ask about listings at gateways and as jobs, and which version answered them."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx

CLIENTS = 2
# between a client's requests: what is measured is not how much the machine can do
PAUSE_S = 0.2
JOBS = "jobs"


@dataclass(frozen=True)
class Answer:
    """One answer: when it arrived, from where, and which version gave it.

    Attributes
    ----------
    seconds : from the request to the answer
    """

    at: float
    seconds: float
    where: str
    version: str


class Listings:
    """Clients that ask of one listing after the other, at each gateway and as jobs."""

    def __init__(self, urls: list[str], key: str, photos: Mapping[str, bytes]) -> None:
        self._photos, self._stored, self._key = [*photos.values()], [*photos], key
        self._stop, self._number = threading.Event(), itertools.count()
        self.with_jobs = threading.Event()
        self.with_jobs.set()
        self.answers: list[Answer] = []
        self.failures: Counter[str] = Counter()
        asked = [(self._ask, url) for url in urls for _ in range(CLIENTS)]
        asked += [(self._ask_later, url) for url in urls]
        self._threads = [threading.Thread(target=self._go, args=work) for work in asked]

    @contextmanager
    def asked(self) -> Iterator["Listings"]:
        """Ask until the end of the block."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def metrics(self, url: str) -> str:
        """Return what a gateway counts."""
        key = {"X-API-Key": self._key}
        return httpx.get(f"{url}/internal/metrics", headers=key, timeout=30).text

    def of(self, version: str, since: float) -> list[Answer]:
        """Return the answers of a version that have arrived since."""
        return [a for a in list(self.answers) if a.version == version and a.at > since]

    def everywhere(self, version: str, since: float) -> bool:
        """Say whether the version has answered at each gateway and in jobs since."""
        places = {answer.where for answer in list(self.answers)} | {JOBS}
        return {answer.where for answer in self.of(version, since)} >= places

    def _go(self, ask: Callable[[httpx.Client, str], str], url: str) -> None:
        headers = {"X-API-Key": self._key}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            while not self._stop.wait(PAUSE_S):
                began = time.perf_counter()
                try:
                    version = ask(client, f"listing-{uuid4()}")
                except (httpx.HTTPError, KeyError) as error:
                    self.failures[f"{ask.__name__}: {error!r}"] += 1
                    continue
                if version:
                    now = time.perf_counter()
                    where = JOBS if ask == self._ask_later else url
                    self.answers.append(Answer(now, now - began, where, version))

    def _ask(self, client: httpx.Client, listing: str) -> str:
        # other bytes behind the picture's end: the same photo, and no answer that is remembered
        number = next(self._number)
        photo = self._photos[number % len(self._photos)] + str(number).encode()
        headers = {"Content-Type": "image/jpeg", "X-Listing-Id": listing}
        answer = client.post("/internal/photos/classify", content=photo, headers=headers)
        return str(answer.raise_for_status().json()["results"][0]["model"]["version"])

    def _ask_later(self, client: httpx.Client, listing: str) -> str:
        if not self.with_jobs.wait(0.1):
            return ""
        stored = self._stored[next(self._number) % len(self._stored)]
        work = {"photos": [stored], "async": True, "listing_id": listing}
        job = client.post("/internal/photos/classify", json=work).raise_for_status().json()
        while True:
            state = client.get(job["url"]).raise_for_status().json()
            if state["status"] in ("completed", "failed", "cancelled"):
                return str(state["result"]["results"][0]["model"]["version"])
            time.sleep(0.1)
