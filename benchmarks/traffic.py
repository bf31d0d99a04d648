"""Steady requests to the gateway from a few clients, while something else happens to it."""

import threading
import time
from collections import Counter

import httpx

CLIENTS = 4
WAIT_S = 60.0


class Traffic:
    """Clients that classify one photo after the other, and what they were answered."""

    def __init__(self, url: str, key: str, photo: bytes) -> None:
        self._url, self._photo, self._stop = url, photo, threading.Event()
        self._headers = {"X-API-Key": key, "Content-Type": "image/jpeg"}
        self.answers: list[tuple[float, str]] = []
        self.failures: Counter[str] = Counter()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, headers=self._headers, timeout=30) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post("/internal/photos/classify", content=self._photo)
                    version = answer.raise_for_status().json()["results"][0]["model"]["version"]
                except httpx.HTTPError as error:
                    self.failures[str(error)] += 1
                else:
                    self.answers.append((time.perf_counter(), version))

    def wait_for(self, version: str, since: float) -> float:
        """Return how long after `since` the first answer of `version` came."""
        while time.perf_counter() < since + WAIT_S:
            for moment, answered in self.answers[-1000:]:
                if answered == version and moment > since:
                    return moment - since
            time.sleep(0.01)
        raise TimeoutError(f"version {version} does not answer")
