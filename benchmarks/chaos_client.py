"""A backend that posts jobs and does not give up: one key per job, sent again until it is taken."""

import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import httpx
from PIL import Image, ImageEnhance

from serving.storage.objects import Storage

_SIZE = (960, 640)
_VARIANTS = 24
_POSTERS = 4
_GIVE_UP_S = 180.0


class Photos:
    """Photos of which no two have the same bytes, made from a few real ones."""

    def __init__(self, folder: Path, storage: Storage, random: Random) -> None:
        self._storage, self._random = storage, random
        files = sorted(folder.glob("*.jpg"))
        self._variants = [vary(files[n % len(files)], random) for n in range(_VARIANTS)]

    def store(self, job: int) -> list[str]:
        """Put three to six photos of a job into the storage; return their keys."""
        keys = []
        for place in range(self._random.randint(3, 6)):
            keys.append(f"listings/chaos-{job:04d}/{place}.jpg")
            photo = self._variants[self._random.randrange(_VARIANTS)]
            self._storage.write(keys[-1], comment(photo, keys[-1]))
        return keys


def vary(file: Path, random: Random) -> bytes:
    """Return a JPEG of a part of a photo, a little brighter or darker."""
    with Image.open(file) as photo:
        left, top = (int(side * random.uniform(0, 0.2)) for side in photo.size)
        right, bottom = (int(side * random.uniform(0.8, 1)) for side in photo.size)
        small = photo.convert("RGB").crop((left, top, right, bottom)).resize(_SIZE)
    out = io.BytesIO()
    ImageEnhance.Brightness(small).enhance(random.uniform(0.8, 1.2)).save(out, "JPEG", quality=85)
    return out.getvalue()


def comment(photo: bytes, text: str) -> bytes:
    """Return the JPEG with a comment (COM, ITU T.81 B.2.4.5): other bytes, the same picture."""
    said = text.encode()
    return photo[:2] + b"\xff\xfe" + (len(said) + 2).to_bytes(2, "big") + said + photo[2:]


class Client:
    """Posts jobs from several threads, as many as `allow` lets it.

    Attributes
    ----------
    accepted : the job's number → every id that a `202` named for it
    photos : the job's number → its photos
    trouble : how often each other answer or broken connection came
    refused : what no repeating would have helped
    """

    def __init__(self, url: str, key: str, photos: Photos, jobs: int) -> None:
        self._url, self._headers, self._jobs = url, {"X-API-Key": key}, jobs
        self._store, self._next, self._allowed = photos, 0, 0
        self._turn = threading.Condition()
        self.accepted: dict[int, set[str]] = {}
        self.photos: dict[int, list[str]] = {}
        self.trouble: Counter[str] = Counter()
        self.refused: list[str] = []
        self._threads = [
            threading.Thread(target=self._post_all, name="poster", daemon=True)
            for _ in range(_POSTERS)
        ]

    def start(self) -> None:
        """Begin to post; nothing is posted before it is allowed."""
        for thread in self._threads:
            thread.start()

    def allow(self, count: int) -> None:
        """Let the first `count` jobs be posted."""
        with self._turn:
            self._allowed = max(self._allowed, min(count, self._jobs))
            self._turn.notify_all()

    def finish(self) -> None:
        """Let all be posted, and return once each was accepted or given up."""
        self.allow(self._jobs)
        for thread in self._threads:
            thread.join()

    def _post_all(self) -> None:
        with httpx.Client(base_url=self._url, headers=self._headers, timeout=15) as client:
            while (job := self._take()) is not None:
                self._post(client, job)

    def _take(self) -> int | None:
        with self._turn:
            self._turn.wait_for(lambda: self._next < self._allowed or self._next == self._jobs)
            if self._next == self._jobs:
                self._turn.notify_all()
                return None
            job, self._next = self._next, self._next + 1
            self.photos[job] = self._store.store(job)
            if self._next == self._jobs:
                self._turn.notify_all()
            return job

    def _post(self, client: httpx.Client, job: int) -> None:
        body = {"photos": self.photos[job], "async": True, "listing_id": f"chaos-{job:04d}"}
        headers = {"Idempotency-Key": f"chaos-{job:04d}"}
        until = time.monotonic() + _GIVE_UP_S
        # one accepted job in ten is posted again, as by a client that lost the answer
        wanted = 2 if job % 10 == 0 else 1
        while wanted and time.monotonic() < until:
            try:
                answer = client.post("/internal/photos/classify", json=body, headers=headers)
            except httpx.TransportError as error:
                self._meet(type(error).__name__)
                continue
            if answer.status_code == httpx.codes.ACCEPTED:
                self.accepted.setdefault(job, set()).add(answer.json()["job_id"])
                wanted -= 1
            elif answer.status_code in (429, 502, 503, 504):
                self._meet(str(answer.status_code))
            else:
                self.refused.append(f"{answer.status_code}: {answer.text[:200]}")
                return
        if wanted:
            self.refused.append(f"job {job} was not accepted within {_GIVE_UP_S:.0f} s")

    def _meet(self, trouble: str) -> None:
        self.trouble[trouble] += 1
        time.sleep(0.2)


def wait_until(true: Callable[[], bool], wait_s: float, pause_s: float = 0.05) -> bool:
    """Return whether it came true within `wait_s`."""
    until = time.monotonic() + wait_s
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(pause_s)
    return True


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of them do not pass; NaN of none."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(percent) // 100) - 1)] if ordered else float("nan")
