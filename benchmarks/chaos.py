"""Jobs while everything is killed: workers, gateway, supervisor and PostgreSQL, with SIGKILL.

The whole spine as `make dev` runs it: the embedded PostgreSQL, the gateway and two workers under
the supervisor, with the starter model. A client posts classify jobs of real photos over HTTP, each
with an Idempotency-Key, and repeats while nobody answers. A seeded killer kills processes of all
four kinds; the receiver of the callbacks, `stack.backend`, lives on. At the end every accepted job
must have one outcome, and the receiver must have heard of it.

lost: accepted jobs without an end, or whose end the receiver was never told
orphans: processes of the studio that outlived it
stuck: jobs that have not ended, and callbacks still owed, two minutes after the last kill
duplicate_results: jobs with more than one end in their timeline, in the outbox or at the receiver
duplicate_events: ends received again, before the receiver looks at their webhook-id; these are
allowed: a worker killed between sending and writing that down has to send again

recovery is counted from a kill, or the last of a burst, until what it broke works again, looked at
every 50 ms: of a worker, until each attempt that ran on it has a successor that runs, or its job
has ended (workers are killed while they run something, or after three seconds all the same); of
the gateway, until it answers its client with a model; of the supervisor, until besides that the
database answers and every worker has written a heartbeat since. Where PostgreSQL was among the
killed, the time is under `postgres`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import psutil
from chaos_client import Client, Photos, percentile, wait_until
from chaos_kills import KINDS, Killer, Recovery, Studio
from figures import Figures, parse
from sqlalchemy import Engine, Row, text
from sqlalchemy.dialects.postgresql import insert

from serving.access.api_keys import create_key
from serving.card import ModelCard
from serving.db.engine import open_engine, retry_while_unavailable
from serving.db.tables import Slot
from serving.models.routing import CHAMPION
from serving.settings import Settings
from serving.storage.objects import storage_of, write_by_sha256
from serving.storage.prefixes import MODELS
from stack.callbacks import webhook_secrets
from stack.processes import Stack, free_port
from stack.programs import ROOT, Ports, Workers, environment, gateway, postgres, worker

WORKERS = 2
_STARTER = ROOT / "registry" / "starter" / "room-classifier"
_SETTLE_S = 120.0
_UNSETTLED = text(
    "SELECT (SELECT count(*) FROM jobs WHERE status IN ('pending', 'processing')), "
    "(SELECT count(*) FROM webhook_deliveries WHERE terminal AND status <> 'delivered')"
)
_OUTCOMES = text(
    "SELECT jobs.id, jobs.listing_id, jobs.status, jobs.result, jobs.attempt, (SELECT count(*) "
    "FROM job_events WHERE job_id = jobs.id AND kind IN ('completed', 'failed', 'cancelled')) "
    "AS ends, (SELECT count(*) FROM webhook_deliveries WHERE job_id = jobs.id AND terminal) "
    "AS owed FROM jobs"
)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, help="default: 1000, quick 200")
    parser.add_argument("--kills", type=int, help="default: 100, quick 20")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--home", type=Path, default=ROOT / "out" / "chaos", help="%(default)s")
    asked = parse(__doc__, parser)
    jobs = asked.jobs or (200 if asked.quick else 1000)
    kills = asked.kills or (20 if asked.quick else 100)
    figures = Figures()
    figures.say(f"{jobs} jobs, {kills} kills, {WORKERS} workers, seed {asked.seed}")
    settings = Settings(studio_home=asked.home / time.strftime("%Y%m%d-%H%M%S"))
    with Chaos(settings, figures).running() as chaos:
        chaos.suffer(jobs, kills, asked.seed)
    figures.add("chaos.orphans", len(left_of(settings)))
    shutil.rmtree(settings.home() / "objects")
    figures.print()


class Chaos:
    """A studio, a client, a receiver and a killer."""

    def __init__(self, settings: Settings, figures: Figures) -> None:
        self._settings, self._figures = settings, figures
        self._ports = Ports(gateway_port=free_port())
        self._url = f"http://127.0.0.1:{self._ports.gateway_port}"
        self._backend = f"http://127.0.0.1:{free_port()}"

    @contextmanager
    def running(self) -> Iterator["Chaos"]:
        """Run the studio and the receiver."""
        secrets = {"WEBHOOK_SECRETS": json.dumps(webhook_secrets(self._settings))}
        env = environment(self._settings) | secrets | {"BACKEND_URL": self._backend}
        programs = [
            *postgres(self._settings),
            gateway(self._ports),
            *worker(Workers(workers=WORKERS)),
        ]
        stack = Stack(self._settings, programs, env, say=self._figures.say)
        with (
            receiving(self._backend, self._settings.home() / "backend", secrets),
            stack.running(prepare=publish_starter) as self._supervisor,
        ):
            yield self

    def suffer(self, jobs: int, kills: int, seed: int) -> None:
        """Post the jobs, kill all the while, and add up what came of it."""
        engine = open_engine(self._settings)
        key = create_key(engine, "chaos")
        storage = storage_of(self._settings)
        photos = Photos(ROOT / "datasets" / "sample_listing", storage, Random(seed))
        client = Client(self._url, key, photos, jobs)
        studio = Studio(self._supervisor, engine, self._url, key, WORKERS)
        killer = Killer(studio, kills, Random(seed), self._figures.say)
        started = time.monotonic()
        client.start()
        killer.run(lambda done: client.allow(jobs * (done + 2) // (kills + 1)))
        client.finish()
        wait_until(lambda: not any(unsettled(engine)), _SETTLE_S, pause_s=0.2)
        self._figures.add("chaos.seconds", time.monotonic() - started)
        self._tell_kills(killer)
        self._tell_outcomes(engine, client)

    def _tell_kills(self, killer: Killer) -> None:
        counts = Counter(kill.kind for kill in killer.kills)
        for kind in KINDS:
            self._figures.add(f"chaos.kills.{kind}", counts[kind])
        self._figures.add("chaos.kills", len(killer.kills))
        cut = sum(len(kill.attempts or ()) for kill in killer.kills)
        self._figures.add("chaos.attempts_cut_by_worker_kills", cut)
        apart = [one for one in killer.recoveries if one.of_database]
        others = [one for one in killer.recoveries if not one.of_database]
        for kind in KINDS[:3]:
            self._tell_times(kind, [one for one in others if one.kind == kind])
        self._tell_times("all", others)
        self._tell_times("postgres", apart)

    def _tell_times(self, name: str, recoveries: list[Recovery]) -> None:
        seconds = [one.seconds for one in recoveries if one.seconds is not None]
        self._figures.say(f"  recovery, {name}: {len(recoveries)} samples")
        for percent in (50, 95):
            self._figures.add(f"chaos.recovery.{name}.p{percent}_s", percentile(seconds, percent))
        self._figures.add(f"chaos.recovery.{name}.max_s", max(seconds, default=float("nan")))
        self._figures.add(f"chaos.recovery.{name}.never", len(recoveries) - len(seconds))

    def _tell_outcomes(self, engine: Engine, client: Client) -> None:
        add = self._figures.add
        with engine.connect() as connection:
            rows = connection.execute(_OUTCOMES).all()
        ended = {str(row.id): row for row in rows if row.status not in ("pending", "processing")}
        received, counts = self._received()
        accepted = [job_id for ids in client.accepted.values() for job_id in ids]
        lost = [one for one in accepted if one not in ended or not received[one]]
        twice = [row for row in rows if row.ends > 1 or row.owed > 1 or received[str(row.id)] > 1]
        add("chaos.jobs", len(client.accepted))
        add("chaos.not_accepted", len(client.photos) - len(client.accepted))
        add("chaos.lost", len(lost))
        add("chaos.stuck", sum(unsettled(engine)))
        add("chaos.duplicate_results", len(twice))
        add("chaos.jobs_made_twice", len(rows) - len(client.accepted))
        add("chaos.failed", sum(row.status == "failed" for row in rows))
        add("chaos.wrong_results", sum(not is_right(row, client) for row in rows))
        add("chaos.duplicate_events", counts["terminal_duplicates"])
        add("chaos.bad_signatures", counts["rejected"])
        add("chaos.attempts_per_job", sum(row.attempt for row in rows) / max(1, len(rows)))
        for trouble, count in client.trouble.most_common():
            self._figures.say(f"  the client met {count}x {trouble}")
        for refusal in client.refused:
            self._figures.say(f"  refused: {refusal}")

    def _received(self) -> tuple[Counter[str], dict[str, int]]:
        """Return how many ends of each job the receiver has by webhook-id, and its counts."""
        answer = httpx.get(f"{self._backend}/deliveries?limit=10000", timeout=60).json()
        ends = Counter(
            one["job_id"]
            for one in answer["deliveries"]
            if one["payload"]["data"]["status"] != "processing"
        )
        return ends, answer["counts"]


@contextmanager
def receiving(url: str, data: Path, secrets: dict[str, str]) -> Iterator[None]:
    """Run the reference backend."""
    words = ["-m", "stack.backend", "--port", url.rpartition(":")[2], "--data", str(data)]
    receiver = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", sys.executable, *words],
        env=os.environ | secrets,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        receiver.terminate()
        receiver.wait(20)


def publish_starter(settings: Settings) -> None:
    """Put the starter model into storage and slots, as `registry.publish` does."""
    storage, engine = storage_of(settings), open_engine(settings)
    card = (_STARTER / "card.json").read_bytes()
    row = {
        "version": "1",
        "model_sha256": write_by_sha256(storage, MODELS, (_STARTER / "model.onnx").read_bytes()),
        "card_sha256": write_by_sha256(storage, MODELS, card),
    }
    task = ModelCard.model_validate_json(card).task
    with engine.begin() as connection:
        connection.execute(insert(Slot).values(task=task, slot=CHAMPION, **row))
    engine.dispose()


def left_of(settings: Settings) -> list[int]:
    """Return the processes that still run of a studio that has ended."""
    home = str(settings.home())
    processes = psutil.process_iter(["environ"])
    return [one.pid for one in processes if (one.info["environ"] or {}).get("STUDIO_HOME") == home]


def unsettled(engine: Engine) -> tuple[int, int]:
    """Return how many jobs have not ended, and how many ends have not been told."""

    def count() -> tuple[int, int]:
        with engine.connect() as connection:
            jobs, owed = connection.execute(_UNSETTLED).one()
            return jobs, owed

    return retry_while_unavailable(count, wait_s=60.0)


def unsettled_jobs(engine: Engine) -> int:
    """Return how many jobs have not ended."""
    return unsettled(engine)[0]


def is_right(row: Row[Any], client: Client) -> bool:
    """Say whether a job that was completed has one good answer for each photo, in order."""
    if row.status != "completed":
        return bool(row.status == "failed")
    answered: list[str] = [one["photo"] for one in row.result["results"] if "room_type" in one]
    wanted = client.photos[int(row.listing_id.removeprefix("chaos-"))]
    return answered == wanted


if __name__ == "__main__":
    main()
