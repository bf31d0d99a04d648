"""A bounded closed-loop HTTP client on loopback, and the CPU time of a server's process tree."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlparse

import aiohttp
import numpy as np
import psutil


@dataclass(frozen=True)
class Load:
    """What a run of requests met.

    Attributes
    ----------
    seconds : latency of every request that was answered with 200
    failures : how often each other status or error came
    cpu_ms : CPU time of the server's whole process tree per request
    per_second : requests answered per second
    """

    seconds: tuple[float, ...]
    failures: dict[str, int]
    cpu_ms: float
    per_second: float

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile of the latency in milliseconds."""
        return float(np.percentile(self.seconds, percent) * 1e3) if self.seconds else float("nan")


def tree_cpu_s(pid: int) -> float:
    """Return user + system seconds of a process and all below it, ended children included."""
    total = 0.0
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def tree_rss_mb(pid: int) -> dict[str, float]:
    """Return the resident memory of each process of a tree, by a readable name."""
    root = psutil.Process(pid)
    return {
        f"{process.name()}:{process.pid}": process.memory_info().rss / 1e6
        for process in [root, *root.children(recursive=True)]
    }


async def run_load(
    url: str, bodies: Sequence[bytes], headers: dict[str, str], concurrency: int, requests: int
) -> tuple[tuple[float, ...], Counter[str]]:
    """Send `requests` bodies in turn, `concurrency` at a time; return latencies and failures."""
    if urlparse(url).hostname not in ("127.0.0.1", "localhost"):
        raise ValueError("loopback only")
    seconds: list[float] = []
    failures: Counter[str] = Counter()
    numbers = iter(range(requests))
    timeout = aiohttp.ClientTimeout(total=120)

    async def client(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            started = time.perf_counter()
            try:
                body = bodies[number % len(bodies)]
                async with session.post(url, data=body, headers=headers) as answer:
                    await answer.read()
                    if answer.status == 200:
                        seconds.append(time.perf_counter() - started)
                    else:
                        failures[str(answer.status)] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                failures[type(error).__name__] += 1

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        await asyncio.gather(*(client(session) for _ in range(concurrency)))
    return tuple(seconds), failures


def measure_load(
    url: str,
    pid: int,
    bodies: Sequence[bytes],
    headers: dict[str, str],
    concurrency: int,
    requests: int,
) -> Load:
    """Run a load and account the server's CPU to it."""
    before, started = tree_cpu_s(pid), time.perf_counter()
    seconds, failures = asyncio.run(run_load(url, bodies, headers, concurrency, requests))
    wall = time.perf_counter() - started
    cpu_ms = (tree_cpu_s(pid) - before) / max(1, len(seconds)) * 1e3
    return Load(seconds, dict(failures), cpu_ms, len(seconds) / wall)
