"""What a job costs that does nothing: through HTTP, the queue, a worker and its webhook.

Jobs per second with many at once; from acceptance to the start when all is idle; CPU of the studio
while nothing happens; each with 0, 1,000, 100,000 and 1,000,000 old jobs in the database, as
ratios to none. CPU is that of all the studio's processes, PostgreSQL included; the client and the
receiver of the webhooks are not counted.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import numpy as np
from aiohttp import web
from figures import Figures, parse
from load import tree_cpu_s
from servers import HERE, KEY, free_port, gateway
from sqlalchemy import Engine, text

from serving.db.engine import open_engine, retry_while_unavailable
from serving.db.migrate import prepare
from serving.settings import Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_OLD = """
    INSERT INTO jobs (id, type, queue, status, input, result, client, listing_id, body_sha256,
                      attempt, created_at, updated_at, started_at, completed_at)
    SELECT gen_random_uuid(), 'classify_photos', 'classify', 'completed',
           '{"photos": ["listings/42/kitchen.jpg"]}', '{"results": []}', 'benchmark',
           (number % 5000)::text, repeat('0', 64), 1, at, at, at, at
    FROM generate_series(1, :count) AS number,
         LATERAL (SELECT now() - number * interval '1 second' AS at)
"""
_OLD_CALLBACKS = """
    INSERT INTO webhook_deliveries (id, job_id, event, payload, terminal, status, attempt)
    SELECT 'old_' || jobs.id, jobs.id, 'classification-complete', '{}', true, 'delivered', 1
    FROM jobs WHERE NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE job_id = jobs.id)
"""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", nargs="+", type=int, default=[0, 1_000, 100_000, 1_000_000])
    arguments = parse(__doc__, parser)
    rows = [0, 10_000] if arguments.quick else arguments.rows
    jobs, single, idle_s = (200, 20, 5.0) if arguments.quick else (2_000, 100, 20.0)
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="vls-", dir="/tmp") as name:
        settings = Settings(studio_home=Path(name))
        with studio(settings) as (pids, url, port):
            asyncio.run(run(Bench(figures, open_engine(settings), pids, url, port), rows,
                            (jobs, single, idle_s)))  # fmt: skip
    figures.print()


@contextmanager
def studio(settings: Settings) -> Iterator[tuple[list[int], str, int]]:
    """Run PostgreSQL, the gateway and one worker; yield their ids, the URL, the receiver's port."""
    home, port = settings.home(), free_port()
    environment = os.environ | {
        "STUDIO_HOME": str(home),
        "BACKEND_URL": f"http://127.0.0.1:{port}",
        "WEBHOOK_SECRETS": json.dumps([SECRET]),
    }
    with (home / "log").open("w") as log:
        options = {"env": environment, "stdout": log, "stderr": log, "start_new_session": True}
        database = subprocess.Popen([sys.executable, "-m", "serving.db.postgres"], **options)
        try:
            wait_for_database(settings)
            worker = subprocess.Popen([sys.executable, str(HERE / "noop_worker.py")], **options)
            try:
                with gateway(home, "inline") as server:
                    yield [database.pid, worker.pid, server.pid], server.url, port
            finally:
                worker.terminate()
                worker.wait()
        finally:
            database.terminate()
            database.wait()


def wait_for_database(settings: Settings) -> None:
    """Return once the database answers and is up to date."""
    retry_while_unavailable(lambda: prepare(settings).dispose(), wait_s=60.0)


class Bench:
    """The client and the receiver of the webhooks, both in this process."""

    def __init__(
        self, figures: Figures, engine: Engine, pids: list[int], url: str, port: int
    ) -> None:
        self.figures, self.engine = figures, engine
        self._pids, self._url, self._port = pids, f"{url}/internal/photos/classify", port
        self._arrived: dict[str, asyncio.Event] = {}
        self._at: dict[str, float] = {}
        self._number = 0

    async def receive(self) -> web.AppRunner:
        """Start the receiver."""
        app = web.Application()
        app.router.add_post("/webhooks/{event}", self._webhook)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        return runner

    async def _webhook(self, request: web.Request) -> web.Response:
        job_id = (await request.json())["data"]["job_id"]
        self._at[job_id] = time.perf_counter()
        self._arrived.setdefault(job_id, asyncio.Event()).set()
        return web.Response(status=204)

    async def post(self, session: aiohttp.ClientSession) -> str:
        """Ask for one job; return its id."""
        self._number += 1
        body = {"photos": [f"{self._number}.jpg"], "async": True}
        headers = {"X-API-Key": KEY, "Idempotency-Key": f"{self._number}"}
        async with session.post(self._url, json=body, headers=headers) as answer:
            assert answer.status == 202, await answer.text()
            return str((await answer.json())["job_id"])

    async def arrived(self, job_id: str) -> float:
        """Wait for a job's webhook; return when it came."""
        await asyncio.wait_for(self._arrived.setdefault(job_id, asyncio.Event()).wait(), 120)
        return self._at[job_id]

    def cpu_s(self) -> float:
        """Return the CPU seconds of the whole studio so far."""
        return sum(map(tree_cpu_s, self._pids))

    async def throughput(self, jobs: int, at_once: int = 16) -> tuple[float, float]:
        """Return jobs per second and CPU-ms per job, from the first post to the last webhook."""
        started, before = time.perf_counter(), self.cpu_s()
        numbers = iter(range(jobs))
        ids: list[str] = []

        async def client(session: aiohttp.ClientSession) -> None:
            for _ in numbers:
                ids.append(await self.post(session))

        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(client(session) for _ in range(at_once)))
            last = max([await self.arrived(job_id) for job_id in ids])
        return jobs / (last - started), (self.cpu_s() - before) / jobs * 1e3

    async def latency(self, jobs: int) -> dict[str, list[float]]:
        """Return milliseconds from acceptance to start, and from post to webhook, one by one."""
        ids, whole = [], []
        async with aiohttp.ClientSession() as session:
            for _ in range(jobs):
                await asyncio.sleep(0.1)
                started = time.perf_counter()
                ids.append(await self.post(session))
                whole.append((await self.arrived(ids[-1]) - started) * 1e3)
        statement = text(
            "SELECT extract(epoch FROM started_at - created_at) * 1000 FROM jobs "
            "WHERE id = ANY (CAST(:ids AS uuid[]))"
        )
        with self.engine.connect() as connection:
            starts = [float(value) for (value,) in connection.execute(statement, {"ids": ids})]
        return {"start": starts, "webhook": whole}

    async def idle(self, seconds: float) -> float:
        """Return the share of one core that the studio takes while nothing happens."""
        before = self.cpu_s()
        await asyncio.sleep(seconds)
        return (self.cpu_s() - before) / seconds


async def run(bench: Bench, rows: list[int], sizes: tuple[int, int, float]) -> None:
    """Measure beside each number of old rows."""
    jobs, single, idle_s = sizes
    receiver = await bench.receive()
    await bench.throughput(50)  # warm
    base: dict[str, float] = {}
    held = 0
    for count in rows:
        if count > held:
            add_old(bench.engine, count - held)
            held = count
        name = f"rows_{count}"
        per_second, cpu_ms = await bench.throughput(jobs)
        found = {"per_second": per_second, "cpu_ms": cpu_ms, "idle_cores": await bench.idle(idle_s)}
        for what, values in (await bench.latency(single)).items():
            for percent in (50, 95):
                found[f"{what}_p{percent}_ms"] = float(np.percentile(values, percent))
        for what, value in found.items():
            bench.figures.add(f"{name}.{what}", value)
        base = base or found
        if count:
            for what in ("cpu_ms", "start_p50_ms", "start_p95_ms", "idle_cores"):
                bench.figures.add(f"{name}.{what}_ratio", found[what] / base[what])
            slower = base["per_second"] / found["per_second"]
            bench.figures.add(f"{name}.seconds_per_job_ratio", slower)
    await receiver.cleanup()


def add_old(engine: Engine, count: int) -> None:
    """Put jobs into the database that ended long ago, with their callbacks."""
    with engine.begin() as connection:
        connection.execute(text(_OLD), {"count": count})
        connection.execute(text(_OLD_CALLBACKS))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE jobs"))
        connection.execute(text("VACUUM ANALYZE webhook_deliveries"))


if __name__ == "__main__":
    main()
