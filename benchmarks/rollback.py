"""How soon a version beside the champion answers nobody any more, whoever takes it back.

A studio made for it: PostgreSQL, MLflow's server, the publisher, two gateways and two workers.
While listings are classified at both gateways and as jobs, a version gets half of them and is taken
back:

1. by an edit of its alias in MLflow, again and again: seconds to its last answer, anywhere;
2. by the gateways' own breaker, when its process is frozen and has all listings: seconds to the
   last caller that waited for it in vain;
3. by the guard, when it breaks on a third of photos, while MLflow is away and PostgreSQL is killed.

No request may fail. Dagster does not run at all.
"""

import argparse
import itertools
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random

import httpx
import onnx
import psutil
from chaos_client import vary
from figures import Figures, parse
from mlflow import MlflowClient
from rollback_listings import CLIENTS, JOBS, Listings
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from registry.admission import standard_test_set
from registry.bootstrap import STARTERS
from registry.client import open_client, open_experiment
from registry.judge import Verdict, digest_of, standard
from registry.traffic import MODE, WEIGHT
from registry.versions import ROLLED_BACK_AT, TEST_SET, register, tag_verdict
from serving.access.api_keys import create_key
from serving.card import ModelCard
from serving.db.engine import open_engine
from serving.models.routing import CHALLENGER
from serving.models.slots import read_slots
from serving.photos.classify import ROOM_CLASSIFIER
from serving.settings import Settings
from serving.storage.objects import Storage, storage_of
from stack.dev import prepare
from stack.processes import Stack, free_port
from stack.programs import (
    ROOT,
    Ports,
    Workers,
    environment,
    gateway,
    mlflow,
    postgres,
    publisher,
    slots,
    worker,
)

sys.path.append(str(ROOT))  # benchmarks are run by their path

from tests import faulty_models as faulty

TASK = ROOM_CLASSIFIER.name
PHOTOS = 30
WAIT_S = 300.0
# more than a round of the publisher, one of the followers, and a job
SETTLE_S = 8.0
_DEADLINES = re.compile(
    r'^studio_slot_fallbacks_total\{[^}]*reason="deadline"[^}]*\} ([0-9.e+]+)$', re.MULTILINE
)


@dataclass(frozen=True)
class Studio:
    """What the trials act on."""

    stack: Stack
    registry: str
    client: MlflowClient
    engine: Engine
    listings: Listings
    gateways: list[str]

    def begin(self, version: str, weight: float = 50.0) -> float:
        """Give a version its share of listings; return when that was."""
        self.client.set_model_version_tag(TASK, version, MODE, "canary")
        self.client.set_model_version_tag(TASK, version, WEIGHT, str(weight))
        since = time.perf_counter()
        body = {"name": TASK, "alias": CHALLENGER, "version": version}
        httpx.post(self._alias, json=body, timeout=30).raise_for_status()
        return since

    def spread(self, version: str, weight: float = 50.0) -> None:
        """Give a version its share of listings, and return once it has answered everywhere."""
        since = self.begin(version, weight)
        wait_for(
            lambda: self.listings.everywhere(version, since) or self.tagged(version),
            "the version does not answer everywhere",
        )
        if self.tagged(version):
            raise RuntimeError(f"the guard was faster: {self.stopped() or 'it says no more'}")

    def deadlines_missed(self) -> float:
        """Return how many requests have waited in vain for a version, at all gateways."""
        pages = [self.listings.metrics(url) for url in self.gateways]
        return sum(float(count) for page in pages for count in _DEADLINES.findall(page))

    def tagged(self, version: str) -> bool:
        """Say whether MLflow knows that a version was taken back."""
        try:
            return ROLLED_BACK_AT in self.client.get_model_version(TASK, version).tags
        except Exception:  # noqa: BLE001 - MLflow is starting; its client has errors of each layer
            return False

    def take_back(self) -> float:
        """Delete the alias as MLflow's pages do; return when the button was pressed."""
        since = time.perf_counter()
        body = {"name": TASK, "alias": CHALLENGER}
        httpx.request("DELETE", self._alias, json=body, timeout=30).raise_for_status()
        return since

    def stopped(self) -> str:
        """Return why the challenger was stopped; empty while it runs or cannot be asked."""
        try:
            row = read_slots(self.engine).get((TASK, CHALLENGER))
        except SQLAlchemyError:
            return ""
        return row.stopped if row else "its row is gone"

    @property
    def _alias(self) -> str:
        return f"{self.registry}/api/2.0/mlflow/registered-models/alias"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, default=ROOT / "out" / "rollback", help="%(default)s")
    parser.add_argument(
        "--deadline-s", type=float, default=Settings().challenger_deadline_s,
        help="of a version; the default, %(default)s, asks for a machine that is not busy",
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="of 1 to 3")
    arguments = parse(__doc__, parser)
    trials = 2 if arguments.quick else 20
    figures = Figures()
    settings = Settings(
        studio_home=arguments.home / time.strftime("%Y%m%d-%H%M%S"),
        challenger_deadline_s=arguments.deadline_s,
    )
    ports = [Ports(gateway_port=free_port(), mlflow_port=free_port()) for _ in range(2)]
    registry = f"http://127.0.0.1:{ports[0].mlflow_port}"
    programs = [
        *postgres(settings), mlflow(ports[0]), publisher(), slots(), gateway(ports[0]),
        replace(gateway(ports[1]), name="gateway2"), *worker(Workers(workers=2)),
    ]  # fmt: skip
    env = environment(settings) | {
        "MLFLOW_TRACKING_URI": registry,
        "RATE_LIMIT": "10000/second",
        "CHALLENGER_DEADLINE_S": str(arguments.deadline_s),
    }
    stack = Stack(settings, programs, env, say=figures.say)
    figures.say(f"{trials} edits of an alias under {2 * CLIENTS} clients and 2 of jobs")
    with stack.running(prepare=prepare):
        client = open_client(settings.model_copy(update={"mlflow_tracking_uri": registry}))
        engine = open_engine(settings)
        key = create_key(engine, "benchmark")
        urls = [f"http://127.0.0.1:{each.gateway_port}" for each in ports]
        for url in urls:
            wait_for(partial(serves, url, key), f"{url} does not serve the starter")
        listings = Listings(urls, key, write_photos(storage_of(settings)))
        studio = Studio(stack, registry, client, engine, listings, urls)
        with listings.asked():
            wait_for(lambda: len(listings.answers) > 50, "nothing is answered")
            for name, part in PARTS.items():
                if name in arguments.only:
                    part(studio, figures, settings, trials)
    figures.add("rollback.requests", len(listings.answers) + listings.failures.total())
    figures.add("rollback.failed", listings.failures.total())
    for failure, count in listings.failures.items():
        figures.say(f"{count}x {failure}")
    figures.print()


def write_photos(storage: Storage) -> dict[str, bytes]:
    """Store photos; a version that breaks on a third of all breaks on the same ones each time."""
    random = Random(1)
    files = itertools.cycle(sorted((ROOT / "datasets" / "sample_listing").glob("*.jpg")))
    photos = {f"listings/{n}.jpg": vary(next(files), random) for n in range(PHOTOS)}
    for name, photo in photos.items():
        storage.write(name, photo)
    return photos


def edit_alias(studio: Studio, figures: Figures, settings: Settings, trials: int) -> None:
    """Take a version back in MLflow, and see when its last answer came."""
    # a sound one: the guard is not to be faster
    bad = add_version(studio.client, settings, lambda model: model)
    seconds, online = [], []
    for number in range(trials):
        studio.spread(bad)
        since = studio.take_back()
        time.sleep(SETTLE_S)
        late = studio.listings.of(bad, since)
        seconds.append(max((answer.at - since for answer in late), default=0.0))
        at_gateways = [answer.at - since for answer in late if answer.where != JOBS]
        online.append(max(at_gateways, default=0.0))
        figures.say(f"  {number + 1}: {seconds[-1]:.2f} s, at the gateways {online[-1]:.2f} s")
    figures.add("rollback.alias_seconds_max", max(seconds))
    figures.add("rollback.alias_online_seconds_max", max(online))


def freeze(studio: Studio, figures: Figures, settings: Settings, _: int) -> None:
    """Stop the process of a version that has all listings; see until when callers waited for it.

    On a busy machine many requests take longer than a deadline: who waited for one in vain is told
    by the gateways' count of fallbacks for that reason.
    """
    version = add_version(studio.client, settings, lambda model: model)
    studio.spread(version, 100.0)
    (process,) = processes_of(version)
    before = studio.deadlines_missed()
    counted, last, since = before, 0.0, time.perf_counter()
    process.send_signal(signal.SIGSTOP)
    while (now := time.perf_counter() - since) < SETTLE_S:
        found = studio.deadlines_missed()
        if found != counted:
            counted, last = found, now
        time.sleep(0.05)
    process.send_signal(signal.SIGCONT)
    figures.add("rollback.breaker_seconds", last)
    figures.add("rollback.breaker_requests_that_waited", counted - before)
    studio.take_back()
    time.sleep(SETTLE_S)


def break_ramp(studio: Studio, figures: Figures, settings: Settings, _: int) -> None:
    """Let a version break on photos while MLflow is away and PostgreSQL is killed."""
    bad = add_version(studio.client, settings, lambda model: faulty.crash_on(model, 0.33))
    began = studio.begin(bad)
    wait_for(lambda: bool(studio.listings.of(bad, began)), "it answers nobody")
    studio.stack.control("stop", "mlflow")
    studio.listings.with_jobs.clear()  # a job is refused while there is no database
    time.sleep(1.0)
    for process in postmasters(settings):
        process.send_signal(signal.SIGKILL)
    wait_for(lambda: bool(studio.stopped()), "the guard does not take it back")
    stopped = time.perf_counter()
    figures.say(f"  {studio.stopped()}")
    time.sleep(SETTLE_S)
    last = max((answer.at for answer in studio.listings.of(bad, began)), default=stopped)
    figures.add("rollback.guard_seconds", stopped - began)
    figures.add("rollback.guard_last_answer_seconds", max(0.0, last - stopped))
    studio.stack.control("stop", "postgres")
    time.sleep(10.0)
    studio.stack.control("start", "postgres", "mlflow")
    studio.listings.with_jobs.set()
    wait_for(lambda: studio.tagged(bad), "MLflow is not told of it")
    figures.add("rollback.told_to_mlflow_when_it_is_back", 1.0)


def add_version(client: MlflowClient, settings: Settings, change: Callable[[bytes], bytes]) -> str:
    """Register a changed starter as if its gates were open; return the version."""
    card = ModelCard.model_validate_json((STARTERS / TASK / "card.json").read_bytes())
    run = client.create_run(open_experiment(client, settings, TASK))
    model = onnx.load_from_string(change((STARTERS / TASK / "model.onnx").read_bytes()))
    model.doc_string = run.info.run_id  # other bytes, so that nothing is already in the storage
    version = register(client, run.info.run_id, model.SerializeToString(), card)
    verdict = Verdict(passed=True, gates_digest=digest_of(standard(TASK)))
    tag_verdict(client, TASK, version, verdict)
    client.set_model_version_tag(TASK, version, TEST_SET, str(standard_test_set(TASK)))
    return version


def serves(url: str, key: str) -> bool:
    """Say whether a gateway answers with the task's champion."""
    status = httpx.get(f"{url}/internal/status", headers={"X-API-Key": key}, timeout=60)
    return any(model["task"] == TASK for model in status.json().get("models", []))


def processes_of(version: str) -> list[psutil.Process]:
    """Return the processes of this studio's that hold a version beside the champion."""
    mine = psutil.Process(os.getpid()).children(recursive=True)
    named = f'"version": "{version}"'
    return [p for p in mine if "bentos.slot_service" in p.cmdline() and named in p.cmdline()[-1]]


def postmasters(settings: Settings) -> list[psutil.Process]:
    """Return the PostgreSQL server of this studio."""
    data = str(settings.home() / "postgres")
    mine = psutil.Process(os.getpid()).children(recursive=True)
    return [
        p
        for p in mine
        if p.cmdline()[:1] and p.cmdline()[0].endswith("bin/postgres") and data in p.cmdline()
    ]


def wait_for(happened: Callable[[], bool], otherwise: str) -> None:
    """Return once it has happened; TimeoutError after a while."""
    until = time.monotonic() + WAIT_S
    while not happened():
        if time.monotonic() > until:
            raise TimeoutError(otherwise)
        time.sleep(0.2)


PARTS = {"alias": edit_alias, "breaker": freeze, "guard": break_ramp}

if __name__ == "__main__":
    main()
